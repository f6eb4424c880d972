"""The unit vocoder: semantic units to speech, through the decoder of a pretrained voice.

A small network that was trained here makes latents of units, the HiFi-GAN decoder of a Piper voice makes sound of the
latents (docs/decisions has why). The voice is therefore one person's; pace, pitch and loudness can be changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engines.contract import AudioChunk
from engines.errors import AdapterMismatch, BadOption, SpeechTooLong, TokensInvalid
from engines.models.adapter_graph import HINT, Graph
from engines.models.latent_decoder import LatentDecoder
from engines.models.piper import WEIGHTS as DECODER
from engines.models.unit_speech import FRAMES_PER_SECOND, Places, Speaking, places
from engines.runtime.sessions import provider_of
from engines.weights import cards
from engines.weights.cards import AdapterCard

ID: Final = "vocoder"
"""The folder of the vocoder that ships with the program."""
LONGEST_SECONDS: Final = 60.0
"""Of speech that is made at once, unless more is asked for."""
PACES: Final = (0.5, 2.0)
PITCHES: Final = (0.8, 1.25)
GAINS: Final = (0.0, 4.0)

Units: TypeAlias = Sequence[int] | NDArray[np.integer]


class UnitVocoder:
    """Speaks units. Open it with :meth:`open`.

    Attributes:
        card: what it is.
        size: entries of the table of units.
        rate: samples per second of what it speaks.
        frame_seconds: seconds per frame of units.
        reach: see :class:`engines.models.unit_speech.LatentSource`.
        fine_reach: likewise.
    """

    precision = "fp16"
    frame_seconds = 1 / FRAMES_PER_SECOND

    def __init__(self, card: AdapterCard, decoder: LatentDecoder) -> None:
        shape = card.vocoder
        if shape is None:
            raise AdapterMismatch(f"The card of {card.id} is not that of a vocoder.", HINT)
        folder = cards.locate(card.id)
        self.card, self._decoder = card, decoder
        self.size, self.reach, self.fine_reach = shape.units, shape.reach, shape.fine_reach
        self._duration_reach = shape.duration_reach
        self.rate = decoder.rate
        self._latents = Graph(folder / "latents.onnx", ("units", "left", "right", "mix"), ("latents",))
        self._durations = Graph(folder / "durations.onnx", ("units",), ("frames",))
        tried = self.latents(np.zeros(3, np.int64), places(0, 5, 2.0, 3))
        if tried.shape != (5, decoder.width):
            raise AdapterMismatch(
                f"The vocoder {card.id} gives latents of {tried.shape[-1]} values, its decoder takes {decoder.width}.",
                HINT,
            )

    @classmethod
    def open(cls, vocoder_id: str = ID, *, decoder: LatentDecoder | None = None) -> UnitVocoder:
        """Opens a vocoder from the folder of adapters, and tries it.

        Args:
            vocoder_id: its folder.
            decoder: if it is open already.

        Raises:
            AdapterMissing: it is not there.
            AdapterMismatch: card, graphs and decoder do not belong together.
            WeightsMissing: the voice with the decoder is not installed.
            GraphInvalid: a file is damaged.
        """
        card = cards.read(vocoder_id)
        shape, graph = card.vocoder, cards.encoder_graph(DECODER)
        if shape is not None and (shape.decoder, shape.decoder_graph) != (DECODER, graph):
            raise AdapterMismatch(f"The vocoder {vocoder_id} was trained for another voice's decoder.", HINT)
        return cls(card, decoder or LatentDecoder.open())

    @property
    def name(self) -> str:
        """For people."""
        return self.card.name

    @property
    def provider(self) -> str:
        """What it really runs on."""
        return provider_of(self._latents.session)

    def check_units(self, size: int, codebook: str) -> None:
        """Checks the units in use.

        Args:
            size: how many there are.
            codebook: hex sha256 of the file that defines them.

        Raises:
            AdapterMismatch: it was trained on others.
        """
        shape = self.card.vocoder
        if shape is None or (shape.units, shape.codebook) != (size, codebook):
            raise AdapterMismatch(f"The vocoder {self.card.id} was trained on other units.", HINT)

    def latents(self, units: NDArray[np.int64], where: Places) -> NDArray[np.float32]:
        """See :class:`engines.models.unit_speech.LatentSource`."""
        feeds: dict[str, NDArray[np.generic]] = {
            "units": units,
            "left": where.left,
            "right": where.right,
            "mix": where.mix,
        }
        return self._latents.run(feeds)[0]

    def durations(self, units: Units) -> NDArray[np.int64]:
        """Predicted frames of 40 ms of each unit, at least one; equal neighbours count as one run, shared evenly.

        Args:
            units: ``(N,)``, N ≥ 1.

        Raises:
            TokensInvalid: there are none, or one is outside of the table.
        """
        ids = self._checked(units)
        starts = _starts(ids)
        counts = np.diff(np.append(starts, ids.size))
        frames = np.maximum(np.rint(self._durations.run({"units": ids[starts]})[0]).astype(np.int64), 1)
        shared = [np.diff(np.linspace(0, max(f, c), c + 1).round()) for f, c in zip(frames, counts, strict=True)]
        return np.concatenate(shared).astype(np.int64)

    def speak(
        self,
        units: Units | Iterable[int],
        durations: Units | None = None,
        *,
        pace: float = 1.0,
        pitch: float = 1.0,
        gain: float = 1.0,
        longest: float = LONGEST_SECONDS,
    ) -> Iterator[AudioChunk]:
        """Speech of units, chunk by chunk; the chunks joined are the speech of the whole.

        Args:
            units: ``(N,)``. An iterable that is no sequence is read as it is spoken, so that speech begins before the
                last unit is known.
            durations: ``(N,)`` frames of 40 ms. Where they are left out they are predicted, for each run of equal
                units.
            pace: how fast, 0.5 to 2.
            pitch: of the voice and its tract, 0.8 to 1.25.
            gain: of the sound, 0 to 4, before it is limited.
            longest: seconds that are spoken at most.

        Yields:
            mono float32 in [-1, 1] at :attr:`rate`, a chunk of a quarter of a second first.

        Raises:
            TokensInvalid: there are no units, one is outside of the table, durations are missing, negative or all
                zero.
            SpeechTooLong: the speech is longer than allowed (an iterable is spoken up to there first).
            BadOption: pace, pitch, gain or longest is impossible.
            Cancelled: the user cancelled between two chunks.
        """
        _require("pace", pace, PACES)
        _require("pitch", pitch, PITCHES)
        _require("gain", gain, GAINS)
        _require("longest", longest, (0.1, 3600.0))
        speaking = Speaking(self, self._decoder, pace=pace, pitch=pitch, gain=gain)
        most = math.floor(longest * pace * FRAMES_PER_SECOND)
        if durations is None and not isinstance(units, (Sequence, np.ndarray)):
            return self._spoken(self._expanded(iter(units)), speaking, most, longest)
        ids = self._checked(units if isinstance(units, (Sequence, np.ndarray)) else list(units))
        if durations is None:
            ids = ids[_starts(ids)]
        frames = np.repeat(ids, self.durations(ids) if durations is None else _checked_durations(ids, durations))
        if frames.size > most:
            raise _too_long(frames.size / FRAMES_PER_SECOND / pace, longest)
        return self._spoken(iter([frames]), speaking, most, longest)

    def _spoken(
        self, pieces: Iterator[NDArray[np.int64]], speaking: Speaking, most: int, longest: float
    ) -> Iterator[AudioChunk]:
        for piece in pieces:
            room = most - speaking.frames
            yield from speaking.push(piece[:room])
            if piece.size > room:
                yield from speaking.finish()
                raise _too_long(math.inf, longest)
        yield from speaking.finish()

    def _expanded(self, units: Iterator[int]) -> Iterator[NDArray[np.int64]]:
        """Frames of units that come one by one: a run's duration is predicted once its neighbours are known."""
        runs: list[int] = []
        done, reach = 0, self._duration_reach
        for given in units:
            unit = int(self._checked([given])[0])
            if runs and runs[-1] == unit:
                continue
            runs.append(unit)
            if len(runs) - reach > done:
                yield self._repeated(runs, done, len(runs) - reach)
                done = len(runs) - reach
            if done > 4 * reach + 4:  # what lies behind the reach is not looked at any more
                runs, done = runs[done - reach :], reach
        self._checked(runs)
        if done < len(runs):
            yield self._repeated(runs, done, len(runs))

    def _repeated(self, runs: list[int], begin: int, end: int) -> NDArray[np.int64]:
        low = max(0, begin - self._duration_reach)
        counts = self.durations(runs[low : end + self._duration_reach])
        return np.repeat(np.array(runs[begin:end], np.int64), counts[begin - low : end - low])

    def _checked(self, units: Units) -> NDArray[np.int64]:
        found = np.asarray(units)
        if found.ndim != 1 or not found.size:
            raise TokensInvalid("There are no units to speak.", "Give at least one.")
        if not np.issubdtype(found.dtype, np.integer):
            raise TokensInvalid(f"Units are whole numbers, not {found.dtype}.", "Give ids of the units.")
        wrong = found[(found < 0) | (found >= self.size)]
        if wrong.size:
            raise TokensInvalid(
                f"There is a unit {int(wrong[0])}, but the vocoder has {self.size} (0 to {self.size - 1}).",
                "Use units of the tokeniser that it was trained with.",
            )
        return found.astype(np.int64)


def _starts(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where runs of equal units begin."""
    return np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))


def _checked_durations(ids: NDArray[np.int64], durations: Units) -> NDArray[np.int64]:
    found = np.asarray(durations)
    if found.shape != ids.shape:
        raise TokensInvalid(f"{ids.size} units came with {found.size} durations.", "Give one duration for each unit.")
    if not np.issubdtype(found.dtype, np.integer) or found.min() < 0 or not found.any():
        raise TokensInvalid("The durations are not whole numbers of frames, or all zero.", "Give frames of 40 ms.")
    return found.astype(np.int64)


def _require(name: str, value: float, bounds: tuple[float, float]) -> None:
    if not bounds[0] <= value <= bounds[1]:
        raise BadOption(f"{name} cannot be {value:g}.", f"Give a value from {bounds[0]:g} to {bounds[1]:g}.")


def _too_long(seconds: float, longest: float) -> SpeechTooLong:
    takes = f"take {seconds:.0f} s" if math.isfinite(seconds) else "go on"
    return SpeechTooLong(f"The units {takes}, but {longest:g} s is the most that is spoken.", "Speak less at a time.")
