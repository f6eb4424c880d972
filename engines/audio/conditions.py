"""Ways of hearing a recording: noise at an exact level, a room, a telephone line, lost packets, haste.

Everything is a pure function of the samples, the condition, the clip and the seed. Levels are active speech levels
(:mod:`engines.audio.loudness`); the ratio of noise is that level to its root mean square.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, cast

import numpy as np

from engines.audio import distortion
from engines.audio.noise import Noise, add_noise, noise
from engines.contract import Samples
from engines.errors import BadOption

Kind = Literal["clean", "telephone", "white", "pink", "babble", "hum", "room", "speed", "gaps"]


@dataclass(frozen=True)
class Scale:
    """The amounts that a kind of condition comes in.

    Attributes:
        name: of the kind, for people.
        quantity: what the amount says.
        unit: of the amount.
        low: least amount.
        high: greatest amount.
        usual: an amount that is felt.
        steps: amounts of a sweep, mildest first.
        hint: what to give.
    """

    name: str
    quantity: str
    unit: str
    low: float
    high: float
    usual: float
    steps: tuple[float, ...]
    hint: str


def _noise_scale(name: str) -> Scale:
    steps = (30.0, 20.0, 10.0, 5.0, 0.0, -5.0)
    return Scale(name, "speech over noise", "dB", -30, 60, 10, steps, "Give one from -30 to 60.")


SCALES: Final[Mapping[Kind, Scale]] = MappingProxyType(
    {
        "babble": _noise_scale("other people talking"),
        "white": _noise_scale("white noise"),
        "pink": _noise_scale("pink noise"),
        "hum": _noise_scale("mains hum"),
        "room": Scale(
            "a room that echoes", "reverberation (RT60)", "s", 0.1, 3, 0.8, (0.2, 0.4, 0.8, 1.5, 3.0),
            "Give seconds until the echo has fallen by 60 dB, from 0.1 to 3.",
        ),
        "speed": Scale(
            "speed", "times as fast", "×", 0.4, 3, 1.5, (1.2, 1.5, 1.8, 2.1, 2.5),
            "Give a factor from 0.4 (slow) to 3 (fast).",
        ),
        "gaps": Scale(
            "lost packets", "of the packets lost", "%", 0, 65, 10, (5.0, 10.0, 20.0, 35.0, 50.0),
            "Give percent from 0 to 65.",
        ),
    }
)  # fmt: skip
"""Every kind that has an amount."""

PLAIN: Final[Mapping[Kind, str]] = MappingProxyType({"clean": "as recorded", "telephone": "a telephone line"})
"""Kinds that have none, with their names for people."""

NOISES: Final[tuple[Noise, ...]] = ("white", "pink", "babble", "hum")
_ORDER: Final[tuple[Kind, ...]] = ("clean", "speed", "room", "white", "pink", "babble", "hum", "telephone", "gaps")
"""From the mouth to the ear."""


@dataclass(frozen=True)
class Condition:
    """One way of hearing a recording.

    Attributes:
        kind: what is done.
        amount: how much of it, in the unit of :data:`SCALES`: speech to noise in dB, RT60 in seconds, the factor of
            the speed, the percentage of lost packets; None for kinds that have no amount.
    """

    kind: Kind = "clean"
    amount: float | None = None

    @property
    def name(self) -> str:
        """As :func:`parse` reads it: ``clean``, ``telephone``, ``babble-10``."""
        return self.kind if self.amount is None else f"{self.kind}-{self.amount:g}"

    @property
    def title(self) -> str:
        """For people, in a table: ``babble 10 dB``."""
        if self.amount is None:
            return self.kind
        unit = SCALES[self.kind].unit
        kind = "packet loss" if self.kind == "gaps" else self.kind
        return f"{kind} {self.amount:g}{unit}" if unit in "×%" else f"{kind} {self.amount:g} {unit}"


def parse(name: str) -> Condition:
    """The condition of a name, for example ``babble-10``, ``pink--5``, ``room-0.8`` or ``gaps-20``.

    Raises:
        BadOption: there is none.
    """
    kind, _, level = name.partition("-")
    if kind in PLAIN and not level:
        return Condition(cast(Kind, kind))
    if kind in SCALES:
        try:
            return amounting(cast(Kind, kind), float(level))
        except ValueError:
            pass
    known = f"Conditions are {', '.join(PLAIN)}, and {', '.join(SCALES)} with an amount, for example babble-10."
    raise BadOption(f"There is no condition {name!r}.", known)


def amounting(kind: Kind, amount: float) -> Condition:
    """The condition of a kind that has amounts.

    Raises:
        BadOption: it does not come in that amount.
    """
    scale = SCALES[kind]
    if not scale.low <= amount <= scale.high:
        raise BadOption(f"{kind}-{amount:g}: {amount:g} {scale.unit} is no useful amount.", scale.hint)
    return Condition(kind, amount)


def parse_all(name: str) -> tuple[Condition, ...]:
    """Several conditions, for example ``room-0.8+babble-10+telephone``, in the order in which they come about.

    Raises:
        BadOption: one of them is none, or a kind is there twice.
    """
    return ordered(parse(part) for part in re.split(r"\+", name))


def ordered(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Conditions from the mouth to the ear: speed, room, noise, telephone, packets; ``clean`` ones are left out.

    Raises:
        BadOption: a kind is there twice.
    """
    found = sorted(
        (condition for condition in conditions if condition.kind != "clean"), key=lambda one: _ORDER.index(one.kind)
    )
    for one, two in itertools.pairwise(found):
        if one.kind == two.kind:
            raise BadOption(f"{one.name} and {two.name} cannot both be had.", f"Give {one.kind} once.")
    return tuple(found)


def name_of(conditions: Iterable[Condition]) -> str:
    """As :func:`parse_all` reads it; ``clean`` for none."""
    return "+".join(condition.name for condition in conditions) or "clean"


def title_of(conditions: Iterable[Condition]) -> str:
    """For people: ``room 0.8 s, babble 10 dB``; ``as recorded`` for none."""
    return ", ".join(condition.title for condition in conditions) or PLAIN["clean"]


def apply(condition: Condition, samples: Samples, clip: str, *, seed: int = 0, paired: bool = False) -> Samples:
    """A recording as it is heard under a condition.

    Args:
        condition: what is done.
        samples: ``(n,)`` at 16 kHz in [-1, 1].
        clip: the clip's id; other clips get other noise.
        seed: of all that is drawn.
        paired: whether all amounts of a kind are made of one draw, so that they differ in the amount alone. Records
            of the evaluation are made without.

    Returns:
        ``(n,)`` float32 in [-1, 1], of another length only for another speed; where a sum would clip, all of it is
        made quieter, which leaves ratios alone.
    """
    if condition.kind == "clean" or samples.shape[0] == 0:
        return samples
    if condition.kind == "telephone":
        return distortion.telephone(samples)
    assert condition.amount is not None
    rng = np.random.default_rng(_seed(f"{seed} {condition.kind if paired else condition.name} {clip}"))
    if condition.kind in NOISES:
        return add_noise(samples, noise(condition.kind, samples.shape[0], rng), condition.amount)
    return _DISTORTIONS[condition.kind](samples, condition.amount, rng)


_DISTORTIONS: Final[Mapping[Kind, Callable[[Samples, float, np.random.Generator], Samples]]] = MappingProxyType(
    {
        "room": distortion.reverberate,
        "speed": lambda samples, factor, _: distortion.change_speed(samples, factor),
        "gaps": lambda samples, percent, rng: distortion.drop_packets(samples, percent / 100, rng),
    }
)


def apply_all(
    conditions: Iterable[Condition], samples: Samples, clip: str, *, seed: int = 0, paired: bool = False
) -> Samples:
    """A recording under several conditions, one after the other; see :func:`apply`."""
    for condition in conditions:
        samples = apply(condition, samples, clip, seed=seed, paired=paired)
    return samples


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
