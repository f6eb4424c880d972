"""Speech together with the latents of the decoder that made it: what a vocoder for units learns from.

A VITS voice speaks a line as latents (about 86 a second), its decoder makes sound of them, and both are kept; what is
heard is then exactly what the decoder can say. So that units of other people find the same latents, part of the clips
is resampled as if another vocal tract had spoken, the latents following in time.

On disk beside a corpus's other features: ``latents.f16`` (raw float16 ``(frames, width)``), ``latents.npz`` (``offset``
and ``frames`` and ``id`` of each clip), and ``latents.json``, written last.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime as ort
import soxr
from numpy.typing import NDArray
from onnx.utils import Extractor

from engines.contract import SAMPLE_RATE, Samples
from engines.errors import CorpusInvalid, GraphInvalid, TriptychError
from engines.models import piper
from engines.models.latent_decoder import LatentDecoder
from engines.models.phonemes import phonemize
from engines.training.data.corpus import Clip, Corpus, CorpusWriter, corpora
from engines.training.data.lines import Line
from engines.training.data.spoken import LONGEST_SECONDS, Made
from engines.weights.store import WeightStore

VOICE: Final = piper.WEIGHTS
_CARD: Final = "latents.json"
_NOISE_OF_DURATIONS: Final = 0.8
_PACE: Final = (0.85, 1.2)
_TRACT: Final = (0.86, 1.16)
_OTHER: Final = 0.6
"""Share of clips with another vocal tract."""
_LONGEST_PAUSE: Final = 0.7
_SHORTEST_SECONDS: Final = 0.3


@dataclass(frozen=True)
class Spoken:
    """A clip.

    Attributes:
        samples: ``(n,)`` at 16 kHz.
        latents: ``(T, width)``, over the same time.
        tract: by which the sound was resampled; 1 leaves the voice as it is.
    """

    samples: Samples
    latents: NDArray[np.float32]
    tract: float


class LatentVoice:
    """A Piper voice that gives latents in place of sound.

    Args:
        weights: folder of the voice.
        decoder: made of the same voice.
        noise: scale of what VITS adds to its prior; 0 says every line the same way, which is easiest to learn.

    Attributes:
        width: of a latent.

    Raises:
        WeightsMissing: a file is missing.
        GraphInvalid: it is no VITS of the make that :mod:`export.vocoder_decoder` cuts.
    """

    def __init__(self, weights: Path, decoder: LatentDecoder, noise: float = 0.0) -> None:
        self._decoder = decoder
        self._voice = piper.Piper.open(weights)
        self._session = _speaker_of(weights)
        self._noise = noise
        self.width = decoder.width

    def say(self, text: str, random: Random) -> Spoken:
        """Speaks an English text at a pace, with pauses and a vocal tract that are drawn.

        Raises:
            TriptychError: nothing in it can be pronounced.
        """
        tract = random.uniform(*_TRACT) if random.random() < _OTHER else 1.0
        parts = []
        for sentence in phonemize(text, "en", "espeak"):
            found = self._latents(sentence.phonemes, random.uniform(*_PACE) * tract)
            lead, tail = (round(random.uniform(0, _LONGEST_PAUSE) * self._decoder.frames_per_second) for _ in range(2))
            # The first and last frames are the voice's own silence.
            parts += [np.repeat(found[:1], lead, 0), found, np.repeat(found[-1:], tail, 0)]
        latents = np.concatenate(parts)
        rate = self._decoder.rate
        sound = soxr.resample(self._decoder.whole(latents), rate * tract, SAMPLE_RATE, quality="HQ")
        peak = float(np.abs(sound).max(initial=0.0))
        samples = np.asarray(sound * min(1.0, 0.95 / max(peak, 1e-6)), np.float32)
        return Spoken(samples, _squeezed(latents, tract), tract)

    def _latents(self, phonemes: str, pace: float) -> NDArray[np.float32]:
        ids = self._voice.ids(phonemes)
        feeds = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([self._noise, pace, _NOISE_OF_DURATIONS], np.float32),
        }
        return np.ascontiguousarray(self._session.run(None, feeds)[0][0].T, np.float32)


def open_voice(noise: float = 0.0) -> LatentVoice:
    """The voice of this installation.

    Raises:
        WeightsMissing: it is not installed, or its decoder was not cut out.
    """
    return LatentVoice(WeightStore().path(VOICE), LatentDecoder.open(), noise)


def lines_of(names: Sequence[str], seed: int) -> Iterator[list[Line]]:
    """The English lines of corpora, each once, in random order; then again.

    Raises:
        CorpusInvalid: a corpus is missing, or there is no English in them.
    """
    clips = [clip for name in names for clip in Corpus.open(corpora() / name, check=False).clips]
    texts = list(dict.fromkeys((clip.text, clip.source) for clip in clips if clip.language == "en"))
    if not texts:
        raise CorpusInvalid(f"There is no English in {', '.join(names)}.", "Name other corpora.")
    random = Random(seed)
    while True:
        random.shuffle(texts)
        yield from ([Line(text, "en", source)] for text, source in texts)


def make(
    folder: Path, lines: Iterator[list[Line]], voice: LatentVoice, *, hours: float, seed: int, noise: float
) -> Made:
    """Makes a corpus with latents; the encoder's states come later, as for every corpus.

    Args:
        folder: of the corpus; what is in it is replaced.
        lines: what is to be said, clip by clip.
        voice: speaks.
        hours: of speech.
        seed: decides pace, pauses, vocal tracts and splits.
        noise: as the voice was opened with; noted down.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "features").mkdir(parents=True)
    left, failed = hours * 3600, 0
    spans: dict[str, int] = {}
    ort.set_seed(seed)
    try:
        with CorpusWriter(folder) as writer, (folder / "features" / "latents.f16").open("wb") as file:
            for number, group in enumerate(lines):
                if left <= 0:
                    break
                try:
                    spoken = voice.say(" ".join(line.said for line in group), Random(seed * 1_000_003 + number))
                except TriptychError:
                    failed += 1
                    continue
                seconds = spoken.samples.size / SAMPLE_RATE
                if not _SHORTEST_SECONDS < seconds <= LONGEST_SECONDS:
                    failed += 1
                    continue
                clip = _clip(group, number, seed, spoken)
                file.write(spoken.latents.astype(np.float16).tobytes())
                spans[clip.id] = len(spoken.latents)
                writer.add(clip, spoken.samples)
                left -= seconds
    finally:  # what was made before an interruption can be used
        _note(folder / "features", spans, {"width": voice.width, "noise": noise, "seed": seed})
    return Made(hours - left / 3600, len(spans), failed)


def _note(features: Path, spans: Mapping[str, int], about: Mapping[str, Any]) -> None:
    frames = np.array(list(spans.values()), np.int64)
    np.savez(features / "latents.npz", offset=np.cumsum(frames) - frames, frames=frames, id=np.array(list(spans)))
    card = {"format": 1, "voice": VOICE, "decoder": voice_graph(), **about}
    (features / _CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Latents:
    """Latents of a corpus, clip by clip. Open them with :meth:`open`.

    Attributes:
        values: of all clips.
        spans: id of a clip → its first latent, and how many it has.
        card: what made them.
    """

    values: NDArray[np.float16]
    spans: Mapping[str, tuple[int, int]]
    card: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Latents:
        """Maps the latents of a corpus into memory.

        Raises:
            CorpusInvalid: they are missing or damaged.
        """
        features = folder / "features"
        try:
            card = json.loads((features / _CARD).read_text(encoding="utf-8"))
            with np.load(features / "latents.npz", allow_pickle=False) as index:
                offset, frames, names = index["offset"].tolist(), index["frames"].tolist(), index["id"].tolist()
            spans = dict(zip(names, zip(offset, frames, strict=True), strict=True))
            values = np.memmap(features / "latents.f16", np.float16, "r").reshape(-1, int(card["width"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorpusInvalid(
                f"The training data {folder.name} have no latents, or damaged ones.",
                f"Make them with `python -m engines.training.data latents {folder.name}`.",
            ) from error
        if values.shape[0] < sum(frames):
            raise CorpusInvalid(f"The latents of the training data {folder.name} are damaged.", "Make them anew.")
        return cls(values, spans, card)

    def of(self, clip: str) -> NDArray[np.float16] | None:
        """``(T, width)`` of a clip by its id; None where it has none."""
        begin, count = self.spans.get(clip, (0, 0))
        return self.values[begin : begin + count] if count else None


def voice_graph() -> str:
    """What tells one build of the decoder from another."""
    from engines.weights.cards import encoder_graph

    return encoder_graph(VOICE)


def _squeezed(latents: NDArray[np.float32], tract: float) -> NDArray[np.float32]:
    """Latents of speech that is played ``tract`` times as fast, by linear interpolation."""
    if tract == 1.0:
        return latents
    places = np.clip((np.arange(round(len(latents) / tract)) + 0.5) * tract - 0.5, 0, len(latents) - 1)
    left = np.floor(places).astype(np.int64)
    right = np.minimum(left + 1, len(latents) - 1)
    mix = (places - left)[:, None].astype(np.float32)
    return np.asarray(latents[left] * (1 - mix) + latents[right] * mix, np.float32)


def _clip(group: list[Line], number: int, seed: int, spoken: Spoken) -> Clip:
    chance = Random(f"{seed} {number} split").random()
    return Clip(
        id=f"latents-{seed}-{number:06}",
        shard="",
        start=0,
        samples=spoken.samples.size,
        text=" ".join(line.text for line in group),
        language="en",
        source=group[0].source,
        voice=f"piper {piper.VOICE} ×{spoken.tract:.2f}",
        split="dev" if chance < 0.03 else "train",
    )


def _speaker_of(weights: Path) -> ort.InferenceSession:
    """The voice's graph as far as its latents."""
    file = weights / piper.GRAPH
    try:
        model = onnx.load(str(file))
        latents = next(node.input[0] for node in model.graph.node if node.name.startswith("/dec/conv_pre/"))
        inputs = [place.name for place in model.graph.input]
        part = Extractor(model).extract_model(inputs, [latents])
    except (OSError, StopIteration, ValueError) as error:
        raise GraphInvalid(
            f"The voice {file.name} has no decoder to cut off.", "Run `triptych models verify`."
        ) from error
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(part.SerializeToString(), options, providers=["CPUExecutionProvider"])
