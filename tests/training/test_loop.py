"""The training loop: resuming changes nothing, a diverged run keeps its good weights, it stops early."""

import math
import time

import pytest

from engines.errors import TrainingDiverged
from engines.training.loop import Loop, rate
from engines.training.recipes import Stage

torch = pytest.importorskip("torch")


class Line:
    """Fits a line through noisy points, with dropout, so that random numbers matter."""

    def __init__(self, break_at: int | None = None, worsening: bool = False) -> None:
        torch.manual_seed(0)
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.2), torch.nn.Linear(8, 1))
        self.net.to(torch.bfloat16)
        self.break_at = break_at
        self.worsening = worsening
        self.measured = 0

    def parameters(self):
        return list(self.net.parameters())

    def batches(self, epoch):
        random = torch.Generator().manual_seed(epoch)
        return [torch.randn(16, 4, generator=random) for _ in range(5)]

    def loss(self, batch, step):
        self.net.train()
        loss = (self.net(batch.to(torch.bfloat16)).float() - batch.sum(1, keepdim=True)).pow(2).mean()
        return loss * math.nan if step == self.break_at else loss

    def evaluate(self):
        self.net.eval()
        self.measured += 1
        if self.worsening:
            return {"wer": float(self.measured)}
        points = torch.ones(3, 4)
        with torch.no_grad():
            return {"wer": float((self.net(points.to(torch.bfloat16)).float() - 4).abs().mean())}

    def weights(self):
        return {name: value.detach().clone() for name, value in self.net.state_dict().items()}

    def load(self, weights):
        self.net.load_state_dict(dict(weights))


def stage(**changes):
    return Stage(**{"name": "ctc", "steps": 23, "learning_rate": 0.01, "warmup": 3, "evaluate_every": 4, **changes})


def loop(trainee, folder, **changes):
    return Loop(trainee, stage(**changes), folder, seed=3, report=lambda progress: None)


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_an_interrupted_run_comes_to_the_same_weights(tmp_path):
    whole = Line()
    assert loop(whole, tmp_path / "whole").run(math.inf)
    for stop_after in (1, 6, 7):
        steps = iter(range(stop_after))
        folder = tmp_path / str(stop_after)
        assert not loop(Line(), folder).run(math.inf, lambda steps=steps: next(steps, None) is None)
        second = Line()
        assert loop(second, folder).run(math.inf)
        assert same(whole.weights(), second.weights())


class Averaged(Line):
    """Keeps a running average beside its parameters and is judged by another metric."""

    criterion = "distance"

    def __init__(self) -> None:
        super().__init__()
        self.average = torch.zeros(4)

    def loss(self, batch, step):
        self.average = 0.9 * self.average + 0.1 * batch.mean(0)
        return super().loss(batch + self.average, step)

    def evaluate(self):
        return {"distance": super().evaluate()["wer"]}

    def state(self):
        return {"average": self.average}

    def restore(self, state):
        self.average = state["average"]


def test_what_is_kept_beside_parameters_comes_back_with_them(tmp_path):
    whole = Averaged()
    assert loop(whole, tmp_path / "whole").run(math.inf)
    steps = iter(range(6))
    assert not loop(Averaged(), tmp_path / "parts").run(math.inf, lambda: next(steps, None) is None)
    second = Averaged()
    assert loop(second, tmp_path / "parts").run(math.inf)
    assert same(whole.weights(), second.weights())
    assert torch.equal(whole.average, second.average)
    assert (tmp_path / "parts" / "curve.csv").read_text().splitlines()[0].endswith("distance")


def test_a_run_that_is_over_is_not_gone_through_again(tmp_path):
    first = Line()
    loop(first, tmp_path).run(math.inf)
    again = Line(break_at=0)
    assert loop(again, tmp_path).run(math.inf)
    assert same(first.weights(), again.weights())


def test_a_loss_that_is_no_number_stops_and_keeps_the_best_weights(tmp_path):
    from safetensors.torch import load_file

    with pytest.raises(TrainingDiverged, match="not a number after 10 steps"):
        loop(Line(break_at=10), tmp_path).run(math.inf)
    kept = load_file(tmp_path / "best.safetensors")
    assert all(bool(torch.isfinite(value.float()).all()) for value in kept.values())


def test_time_over_before_the_first_step_leaves_a_checkpoint(tmp_path):
    assert not loop(Line(), tmp_path).run(time.monotonic() - 1)
    assert (tmp_path / "checkpoint.pt").exists()


def test_it_stops_when_nothing_gets_better(tmp_path):
    reports = []
    trainee = Line(worsening=True)
    running = Loop(trainee, stage(steps=200, patience=2), tmp_path, seed=3, report=reports.append)
    assert running.run(math.inf)
    assert trainee.measured == 3
    assert reports[-1].step == 12
    assert [row.split(",")[1] for row in (tmp_path / "curve.csv").read_text().splitlines()[1:]] == ["4", "8", "12"]


def test_the_learning_rate_rises_and_falls():
    plan = stage(steps=100, warmup=10, learning_rate=0.1)
    assert rate(plan, 0) == pytest.approx(0.01)
    assert rate(plan, 10) == pytest.approx(0.1)
    assert rate(plan, 99) == pytest.approx(0.005)
