"""The loop that every run goes through: seeded, resumable, with curves, a guard against NaN and early stopping.

Everything random in a step is drawn from ``(seed, step)``, and the order of an epoch from ``(seed, epoch)``; so a run
that was interrupted and resumed comes to the same weights as one that was not (on the same machine and threads).
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engines.errors import TrainingDiverged
from engines.training.optimiser import MasterAdamW
from engines.training.recipes import Stage

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes:
        stage: its name.
        step: optimiser steps done.
        steps: in all.
        loss: mean since the last report, in nats.
        learning_rate: now.
        wer: of the development clips in percent, where it was measured with this report; what else decides which
            weights are kept, where ``criterion`` names it.
        seconds: of training so far in this stage, over all runs.
        criterion: name of the metric that ``wer`` holds.
    """

    stage: str
    step: int
    steps: int
    loss: float
    learning_rate: float
    wer: float | None
    seconds: float
    criterion: str = "wer"


class Trainee(Protocol):
    """What the loop trains.

    One that has an attribute ``criterion`` names the metric, lower is better, that decides in place of ``wer``. One
    with ``state() -> dict`` and ``restore(state)`` keeps more than parameters in the checkpoint (running averages, an
    adversary and its optimiser): tensors and plain values. One with ``scales() -> list[float]`` multiplies the learning
    rate, a number per parameter.
    """

    def parameters(self) -> list[Tensor]:
        """The parameters to train."""
        ...

    def batches(self, epoch: int) -> list[Any]:
        """The batches of an epoch, the same every time it is asked."""
        ...

    def loss(self, batch: Any, step: int) -> Tensor:
        """Loss of a batch in training mode; random numbers come from torch's generator, seeded by the loop."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Measures on the development clips; ``wer`` in percent, or the criterion, decides which weights are kept."""
        ...

    def weights(self) -> dict[str, Tensor]:
        """A copy of the weights that are trained."""
        ...

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Takes over :meth:`weights`."""
        ...


def rate(stage: Stage, step: int) -> float:
    """Learning rate of a step: linear rise, linear fall to a twentieth."""
    if step < stage.warmup:
        return stage.learning_rate * (step + 1) / stage.warmup
    left = 1 - (step - stage.warmup) / max(1, stage.steps - stage.warmup)
    return stage.learning_rate * max(0.05, left)


class Loop:
    """Runs one stage.

    Args:
        trainee: what is trained.
        stage: of the recipe.
        folder: for checkpoint, curve and best weights.
        seed: of the recipe.
        report: is told of progress.
    """

    _REPORT_EVERY = 10

    def __init__(
        self, trainee: Trainee, stage: Stage, folder: Path, *, seed: int, report: Callable[[Progress], None]
    ) -> None:
        self._trainee = trainee
        self._stage = stage
        self._folder = folder
        self._seed = seed
        self._report = report
        self._criterion: str = getattr(trainee, "criterion", "wer")
        self._optimiser = MasterAdamW(
            trainee.parameters(), scales=trainee.scales() if hasattr(trainee, "scales") else None
        )
        self._step = 0
        self._seconds = 0.0
        self._best = math.inf
        self._best_weights: dict[str, Tensor] = trainee.weights()
        self._worse = 0
        self._finished = False
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, until: float, stop: Callable[[], bool] = lambda: False) -> bool:
        """Trains, from the checkpoint if there is one, and loads the best weights at the end.

        Args:
            until: moment of ``time.monotonic()`` at which to stop with a checkpoint.
            stop: asked before every step; true stops likewise.

        Returns:
            whether the stage is over; otherwise call again to go on.

        Raises:
            TrainingDiverged: the loss is not finite; the best weights are on disk.
        """
        self._resume()
        losses: list[float] = []
        epoch, begun = -1, 0
        batches: list[Any] = []
        stage = self._stage
        while self._step < stage.steps and not self._finished:
            if stop() or time.monotonic() >= until:
                self._save()
                return False
            while epoch < 0 or self._step >= begun + len(batches):
                begun += len(batches)
                epoch += 1
                batches = self._trainee.batches(epoch)
            losses.append(self._advance(batches[self._step - begun]))
            measured = self._step % stage.evaluate_every == 0 or self._step == stage.steps
            if measured:
                self._measure(losses)
                losses = []
            elif len(losses) % self._REPORT_EVERY == 0:
                self._tell(losses[-self._REPORT_EVERY :], None)
        self._save()
        self._trainee.load(self._best_weights)
        return True

    def _advance(self, batch: Any) -> float:
        import torch

        began = time.monotonic()
        torch.manual_seed((self._seed << 32) + self._step)
        loss = self._trainee.loss(batch, self._step)
        value = float(loss.detach())
        if math.isfinite(value):
            loss.backward()
            norm = self._optimiser.step(rate(self._stage, self._step))
        if not (math.isfinite(value) and math.isfinite(norm)):
            self._keep_best()
            raise TrainingDiverged(
                f"The loss of stage {self._stage.name} is not a number after {self._step} steps.",
                f"The best weights so far are kept in {self._folder}; lower the learning rate and start again.",
            )
        self._step += 1
        self._seconds += time.monotonic() - began
        return value

    def _measure(self, losses: list[float]) -> None:
        metrics = self._trainee.evaluate()
        if metrics[self._criterion] < self._best:
            self._best, self._worse = metrics[self._criterion], 0
            self._best_weights = self._trainee.weights()
            self._keep_best()
        else:
            self._worse += 1
            self._finished = self._worse >= self._stage.patience
        self._curve(losses, metrics)
        self._tell(losses, metrics[self._criterion])
        self._save()

    def _tell(self, losses: list[float], wer: float | None) -> None:
        loss = sum(losses) / max(1, len(losses))
        lr = rate(self._stage, max(0, self._step - 1))
        stage = self._stage
        self._report(Progress(stage.name, self._step, stage.steps, loss, lr, wer, self._seconds, self._criterion))

    def _curve(self, losses: list[float], metrics: dict[str, float]) -> None:
        file = self._folder / "curve.csv"
        row = {
            "stage": self._stage.name, "step": self._step, "seconds": round(self._seconds, 1),
            "loss": round(sum(losses) / max(1, len(losses)), 4), **{k: round(v, 3) for k, v in metrics.items()},
        }  # fmt: skip
        new = not file.exists()
        with file.open("a", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)

    # --- checkpoints ---

    def _save(self) -> None:
        import torch

        state = {
            "stage": self._stage.model_dump_json(), "step": self._step, "seconds": self._seconds, "best": self._best,
            "worse": self._worse, "finished": self._finished, "optimiser": self._optimiser.state(),
            "best_weights": self._best_weights,
        }  # fmt: skip
        if hasattr(self._trainee, "state"):
            state["trainee"] = self._trainee.state()
        part = self._folder / "checkpoint.part"
        torch.save(state, part)
        part.replace(self._folder / "checkpoint.pt")

    def _resume(self) -> None:
        import torch

        file = self._folder / "checkpoint.pt"
        if not file.exists():
            return
        # Written by this program on this machine; still nothing but tensors and plain values is accepted.
        state = torch.load(file, weights_only=True, map_location="cpu")
        self._optimiser.restore(state["optimiser"])
        self._step, self._seconds, self._best = state["step"], state["seconds"], state["best"]
        self._worse, self._finished = state["worse"], state["finished"]
        self._best_weights = state["best_weights"]
        if "trainee" in state and hasattr(self._trainee, "restore"):
            self._trainee.restore(state["trainee"])

    def _keep_best(self) -> None:
        from safetensors.torch import save_file

        part = self._folder / "best.part"
        save_file({name: value.contiguous() for name, value in self._best_weights.items()}, part)
        part.replace(self._folder / "best.safetensors")
