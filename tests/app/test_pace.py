"""Sound that is lost without a word."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from app.pace import Loss, Pace

RATE = 1_000


def losses(arrivals: Iterable[tuple[float, int]]) -> list[Loss]:
    """What is found when so many samples have come at such times."""
    pace = Pace(RATE)
    found = [pace.look(now, came) for now, came in arrivals]
    return [loss for loss in found if loss is not None]


def steady(until: float, *, rate: float = RATE) -> list[tuple[float, int]]:
    return [(100 + tick / 20, round(tick / 20 * rate)) for tick in range(round(until * 20))]


def test_steady_sound_is_all_there() -> None:
    assert losses(steady(600)) == []


@pytest.mark.parametrize("drift", [0.9995, 1.0005, 1.3])
def test_clocks_that_drift_lose_nothing(drift: float) -> None:
    assert losses(steady(3_600, rate=RATE * drift)) == []


def test_blocks_that_come_in_bursts_lose_nothing() -> None:
    assert losses([(now, came // 120 * 120) for now, came in steady(60)]) == []


def test_sound_that_comes_late_is_not_lost() -> None:
    assert losses([(now, min(came, 10_000) if now < 111.9 else came) for now, came in steady(60)]) == []


def test_what_never_comes_is_found_once_with_its_place_and_length() -> None:
    arrivals = [(now, came if came <= 10_000 else max(10_000, came - 700)) for now, came in steady(60)]
    (loss,) = losses(arrivals)
    assert loss.at == 10_000
    assert loss.seconds == pytest.approx(0.7, abs=0.02)


def test_several_losses_are_told_apart() -> None:
    def came(whole: int) -> int:
        lost = 500 * ((whole > 10_000) + (whole > 30_000))
        return whole - min(lost, max(whole - 10_000, 0) if whole < 30_000 else max(whole - 30_000, 0) + 500)

    found = losses([(now, came(whole)) for now, whole in steady(60)])
    assert [loss.seconds for loss in found] == pytest.approx([0.5, 0.5], abs=0.02)
    assert [loss.at for loss in found] == pytest.approx([10_000, 29_500], abs=300)
