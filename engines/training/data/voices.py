"""Synthetic speakers: espeak-ng and flite, run as programs, with accents, variants, rates, pitches and vocal tracts."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeAlias

import numpy as np
import soundfile
import soxr

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import VoiceUnavailable
from engines.training.data import neural

Kind: TypeAlias = Literal["programs", "piper", "kokoro"]

_ACCENTS: Final = {
    "en": (*("en-us",) * 6, *("en-gb",) * 2, "en-gb-x-rp", "en-us-nyc", "en-gb-scotland"),
    "es": ("es", "es-419"),
    "fr": ("fr-fr", "fr-fr", "fr-be", "fr-ch"),
    "de": ("de",),
}
_VARIANTS: Final = (
    "m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "Alex", "Andrea", "Annie", "antonio",
    "belinda", "david", "Denis", "edward", "Gene", "Henrique", "Hugo", "john", "Lee", "linda", "Marco", "max",
    "Michael", "michel", "norbert", "paul", "pedro", "quincy", "robert", "sandro", "steph", "travis", "victor", "zac",
)  # fmt: skip
_FLITE: Final = ("slt", "slt", "rms", "rms", "awb", "awb", "kal16")
_HINTS: Final = {"espeak-ng": "Install the Debian package espeak-ng.", "flite": "Install the Debian package flite."}
_SILENCE: Final = 3e-3


@dataclass(frozen=True)
class Speaker:
    """One way of speaking.

    Attributes:
        program: ``"espeak-ng"``, ``"flite"``, ``"piper"`` or ``"kokoro"``.
        voice: its voice, with the variant for espeak-ng (``"en-us+f2"``).
        rate: words per minute for espeak-ng; for flite the stretch of durations.
        pitch: 0–99 for espeak-ng; unused by the others.
        tract: the sound is resampled by this: above 1 a shorter vocal tract, higher and faster.
    """

    program: str
    voice: str
    rate: float
    pitch: int
    tract: float

    @property
    def name(self) -> str:
        """For the manifest, for example ``"espeak-ng en-us+f2 ×1.04"``."""
        return f"{self.program} {self.voice} ×{self.tract:.2f}"


def programs(language: str, kind: Kind = "programs") -> tuple[str, ...]:
    """What speaks a language on this machine.

    Args:
        language: ISO 639-1 code.
        kind: ``"programs"`` for espeak-ng and flite, or one of the program's own synthesisers.

    Raises:
        VoiceUnavailable: none does.
    """
    if kind in neural.PROGRAMS:
        if not neural.voices_of(kind, language):
            raise VoiceUnavailable(f"{kind.capitalize()} does not speak the language {language!r}.", "Leave it out.")
        return (kind,)
    wanted = ("espeak-ng", "flite") if language == "en" else ("espeak-ng",)
    found = tuple(name for name in wanted if shutil.which(name))
    if language not in _ACCENTS or not found:
        hint = _HINTS["espeak-ng"] if language in _ACCENTS else f"Choose one of {', '.join(_ACCENTS)}."
        raise VoiceUnavailable(f"No program here speaks the language {language!r} for training.", hint)
    return found


def draw(random: Random, language: str, available: tuple[str, ...]) -> Speaker:
    """A speaker at random.

    Flite speaks seven tenths of the English where it is there: the recogniser reads a tenth of its words wrong, of
    espeak-ng's a quarter, and of its rarer accents two fifths.
    """
    tract = round(random.uniform(0.88, 1.14), 3)
    if available[0] in neural.PROGRAMS:
        return Speaker(available[0], random.choice(neural.voices_of(available[0], language)), 1.0, 50, tract)
    if "flite" in available and (random.random() < 0.7 or "espeak-ng" not in available):
        return Speaker("flite", random.choice(_FLITE), round(random.uniform(0.9, 1.3), 2), 50, tract)
    accent = random.choice(_ACCENTS[language])
    voice = accent if random.random() < 0.15 else f"{accent}+{random.choice(_VARIANTS)}"
    return Speaker("espeak-ng", voice, random.randint(115, 160), random.randint(30, 70), tract)


def say(text: str, speaker: Speaker, language: str, *, timeout: float = 30.0) -> Samples:
    """Speech at 16 kHz, silence at its ends cut down to 50 ms, peak at most 0.9.

    Args:
        text: plain text.
        speaker: who says it.
        language: of the text; only the program's own voices need to be told.
        timeout: seconds until the program is given up.

    Raises:
        VoiceUnavailable: the program is missing, fails, or says nothing.
    """
    if speaker.program in neural.PROGRAMS:
        spoken, own_rate = neural.speak(text, speaker.voice, language)
        return finished(spoken, own_rate * speaker.tract)
    if speaker.program == "flite":
        stretch = f"duration_stretch={speaker.rate}"
        arguments = ["flite", "-voice", speaker.voice, "--setf", stretch, "-t", text, "-o", "/dev/stdout"]
    else:
        arguments = [
            "espeak-ng", "-v", speaker.voice, "-s", str(int(speaker.rate)), "-p", str(speaker.pitch),
            "--stdout", "--", text,
        ]  # fmt: skip
    try:
        done = subprocess.run(arguments, capture_output=True, timeout=timeout, check=True)
        samples, rate = soundfile.read(io.BytesIO(_mended(done.stdout)), dtype="float32")
    except FileNotFoundError as error:
        message = f"The program {speaker.program} is not installed."
        raise VoiceUnavailable(message, _HINTS.get(speaker.program, "")) from error
    except (OSError, subprocess.SubprocessError, soundfile.LibsndfileError) as error:
        message = f"The program {speaker.program} did not say {text[:40]!r} as {speaker.voice}."
        raise VoiceUnavailable(message, "Try the command by hand to see what it says.") from error
    if samples.ndim > 1:
        samples = samples.mean(axis=1)
    return finished(samples, rate * speaker.tract)


def finished(samples: Samples, rate: float) -> Samples:
    """Brings sound to 16 kHz, cuts the silence at its ends, and limits its peak.

    Args:
        samples: ``(n,)``.
        rate: samples per second that the sound is taken to have.

    Raises:
        VoiceUnavailable: there is nothing but silence.
    """
    sound = np.asarray(soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ"), np.float32)
    loud = np.flatnonzero(np.abs(sound) > _SILENCE)
    if loud.size < SAMPLE_RATE // 50:
        raise VoiceUnavailable("A voice was silent.", "Try another voice.")
    margin = SAMPLE_RATE // 20
    sound = sound[max(0, int(loud[0]) - margin) : int(loud[-1]) + margin]
    return np.asarray(sound * min(1.0, 0.9 / float(np.abs(sound).max())), np.float32)


def _mended(wav: bytes) -> bytes:
    """A WAV file written to a pipe has no lengths in its header; the true ones are put in."""
    if wav[:4] != b"RIFF" or (place := wav.find(b"data", 12)) < 0:
        return wav
    body = len(wav) - place - 8
    return (
        wav[:4]
        + (len(wav) - 8).to_bytes(4, "little")
        + wav[8 : place + 4]
        + body.to_bytes(4, "little")
        + wav[place + 8 :]
    )
