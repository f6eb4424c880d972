"""What a run took in floating-point operations, by stage and by graph: plain data, part of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StageWork:
    """The work of a stage, over all its occurrences.

    Attributes:
        stage: its name; empty for work between stages.
        flops: floating-point operations, with what was shared at its full cost.
        shared_flops: the part of it that came from the memo.
        runs: of graphs, with those that were shared.
        positions: places that went through the language model, read or written, in all sequences together.
        unknown: operators that are in ``flops`` with nothing, as no formula is known → how often they ran.
        incomplete: whether something came from the memo whose work nobody had counted.
    """

    stage: str
    flops: float = 0.0
    shared_flops: float = 0.0
    runs: int = 0
    positions: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)
    incomplete: bool = False


@dataclass(frozen=True)
class GraphWork:
    """The work of a graph.

    Attributes:
        graph: folder and name of its file.
        runs: how often it ran.
        flops: floating-point operations of all runs.
        parameters: weights in it; a packed one counts each value.
        file_bytes: of its files on disk.
    """

    graph: str
    runs: int
    flops: float
    parameters: int
    file_bytes: int


@dataclass(frozen=True)
class Work:
    """The work of a run.

    Attributes:
        stages: in the order in which they first worked.
        graphs: the same.
    """

    stages: tuple[StageWork, ...] = ()
    graphs: tuple[GraphWork, ...] = ()

    @property
    def flops(self) -> float:
        """Of all stages, with what was shared at its full cost."""
        return sum(stage.flops for stage in self.stages)

    @property
    def positions(self) -> int:
        """Places that went through the language model."""
        return sum(stage.positions for stage in self.stages)

    @property
    def unknown(self) -> Mapping[str, int]:
        """Operators that are not in the sum → how often they ran."""
        found: dict[str, int] = {}
        for stage in self.stages:
            for name, times in stage.unknown.items():
                found[name] = found.get(name, 0) + times
        return found

    @property
    def incomplete(self) -> bool:
        """Whether the work of something shared is not known."""
        return any(stage.incomplete for stage in self.stages)

    def of(self, stage: str) -> StageWork | None:
        """The work of a stage; None where it ran no graph."""
        return next((one for one in self.stages if one.stage == stage), None)
