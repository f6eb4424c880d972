"""What live work has to say, in order, as it happens: a closed union of plain values.

Times called ``at`` are seconds since the stream began, on the clock of who listens. Places in the stream (``begins``,
``ends``) are seconds of sound.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from engines.contract import TextKind
from engines.live.delay import Delays


@dataclass(frozen=True)
class Warming:
    """An engine opens its models; speech is listened to when all have.

    Attributes:
        at: when.
        engine: its id.
        left: how many engines are left, with this one.
    """

    at: float
    engine: str
    left: int


@dataclass(frozen=True)
class Ready:
    """Speak.

    Attributes:
        at: when.
    """

    at: float


@dataclass(frozen=True)
class Speaking:
    """Somebody began to speak, or a long phrase was cut and goes on.

    Attributes:
        at: when it was noticed.
        phrase: number of the phrase, from 0.
        begins: where it begins in the stream.
    """

    at: float
    phrase: int
    begins: float


@dataclass(frozen=True)
class Paused:
    """A phrase is over.

    Attributes:
        at: when it was noticed.
        phrase: its number.
        ends: where speech ended in the stream.
        speech: whether it was long enough to be speech; otherwise nothing more comes of it.
    """

    at: float
    phrase: int
    ends: float
    speech: bool = True


@dataclass(frozen=True)
class Words:
    """An engine wrote.

    Attributes:
        at: when.
        engine: its id.
        phrase: number of the phrase.
        kind: which of its texts.
        final: to append to what is final of this phrase, and never changes; may be empty.
        provisional: replaces the provisional tail of this phrase.
    """

    at: float
    engine: str
    phrase: int
    kind: TextKind
    final: str
    provisional: str


@dataclass(frozen=True)
class Written:
    """An engine is done with a phrase; its words are all final.

    Attributes:
        at: when.
        engine: its id.
        phrase: number of the phrase.
        text: all of it, of the text that was asked for.
        delay: seconds from the end of speech until now.
        laal: length-adaptive average lagging of the phrase in seconds; None where it has no words.
        over: the figures of the run so far.
    """

    at: float
    engine: str
    phrase: int
    text: str
    delay: float
    laal: float | None
    over: Delays


@dataclass(frozen=True)
class Skipped:
    """An engine does not write a phrase: it is paused, it failed, or the work was too far behind.

    Attributes:
        at: when.
        engine: its id.
        phrase: number of the phrase.
        why: one sentence.
        hint: one sentence that says what to do, or nothing.
    """

    at: float
    engine: str
    phrase: int
    why: str
    hint: str = ""


@dataclass(frozen=True)
class Out:
    """An engine is out for the rest of the run.

    Attributes:
        at: when.
        engine: its id.
        kind: class name of the error.
        why: one sentence.
        hint: one sentence that says what to do.
    """

    at: float
    engine: str
    kind: str
    why: str
    hint: str


@dataclass(frozen=True)
class Load:
    """What is done has changed, so as to keep up or because there is time again.

    Attributes:
        at: when.
        level: 0 does everything.
        partials: engines that show provisional words.
        finals: engines that write phrases.
        narrow: whether search is greedy.
        behind: seconds that the work was behind the speech.
        sentence: for people; empty at the beginning.
    """

    at: float
    level: int
    partials: tuple[str, ...]
    finals: tuple[str, ...]
    narrow: bool
    behind: float
    sentence: str


@dataclass(frozen=True)
class SoundLost:
    """Samples were lost before they came here.

    Attributes:
        at: when it was noticed.
        gaps: how often until now.
    """

    at: float
    gaps: int


@dataclass(frozen=True)
class Ended:
    """The run is over.

    Attributes:
        at: when.
        heard: seconds of sound.
        phrases: how many there were.
        drift: seconds by which the sound fell behind the clock between the first and the last block.
        gaps: how often sound was lost.
        delays: engine → its figures.
        highest: the highest level of load that was taken.
    """

    at: float
    heard: float
    phrases: int
    drift: float
    gaps: int
    delays: dict[str, Delays]
    highest: int


LiveEvent: TypeAlias = Warming | Ready | Speaking | Paused | Words | Written | Skipped | Out | Load | SoundLost | Ended

_NAMES = {
    Warming: "warming",
    Ready: "ready",
    Speaking: "speaking",
    Paused: "paused",
    Words: "words",
    Written: "written",
    Skipped: "skipped",
    Out: "out",
    Load: "load",
    SoundLost: "sound-lost",
    Ended: "ended",
}


def as_json(event: LiveEvent) -> dict[str, Any]:
    """An event as a JSON object; ``event`` names its kind, seconds are rounded to milliseconds."""
    return {"event": _NAMES[type(event)], **_rounded(asdict(event))}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value
