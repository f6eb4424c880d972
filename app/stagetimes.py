"""What the stages of a run took, and when. No Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StageTime:
    """What a stage took in all.

    Attributes:
        name: as in the engine's description.
        seconds: the sum over its occurrences, with shared ones at what they would have cost.
        shared_seconds: the part of it that came from the memo.
        running: whether it goes on at the moment.
        spells: begin and end of each occurrence in engine time, and whether it came from the memo.
    """

    name: str
    seconds: float = 0.0
    shared_seconds: float = 0.0
    running: bool = False
    spells: tuple[tuple[float, float, bool], ...] = ()

    @property
    def shared(self) -> bool:
        """Whether any of it came from the memo."""
        return self.shared_seconds > 0


def after(
    stages: tuple[StageTime, ...],
    name: str,
    at: float,
    *,
    seconds: float = 0.0,
    shared: bool = False,
    running: bool = False,
) -> tuple[StageTime, ...]:
    """The stages after one more event, at ``at`` seconds of engine time: one began, or ended after ``seconds``."""
    if all(stage.name != name for stage in stages):
        stages = (*stages, StageTime(name))
    spell = () if running else ((max(0.0, at - seconds), at, shared),)
    return tuple(
        StageTime(
            name,
            stage.seconds + seconds,
            stage.shared_seconds + (seconds if shared else 0.0),
            running,
            (*stage.spells, *spell),
        )
        if stage.name == name
        else stage
        for stage in stages
    )
