"""Which units to use: layer × size × rate, by what they know of phones and what they cost.

``python -m engines.evaluation.units --markdown FILE`` clusters a part of the training speech for every candidate,
judges the units on held-out English recordings against the phones that hama's recogniser hears, and writes the tables.
What was measured is kept in a folder, so that the command goes on where it was interrupted and can be asked for more.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines import paths
from engines.evaluation.unit_quality import Quality, judge
from engines.evaluation.unit_reading import Reader, unit_means, word_error_rate
from engines.evaluation.unit_table import Row, markdown
from engines.models.encoder_layers import EncoderLayers
from engines.models.phone_recogniser import MODEL, PhoneRecogniser
from engines.models.trunk import Trunk
from engines.tokens.codebook import Metric
from engines.tokens.units import halve
from engines.training import recipes
from engines.training.data.corpus import Corpus
from engines.training.dataset import Clip, SpeechData
from engines.training.tokens import kmeans
from engines.training.tokens.speech import FRAMES_PER_MINUTE, choose, heard, thinned
from engines.weights import cards, graphs
from engines.weights.store import WeightStore

ENCODER: Final = "whisper-base"
_MARGIN_SECONDS: Final = 1.0
"""Silence behind a clip in the windows of the inner layers, which are rounded up to whole seconds."""

States = list[NDArray[np.float32]]


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        minutes: of speech that is clustered.
        layer_minutes: the same for the comparison of layers, whose states have to be computed.
        layers: of the encoder that are compared.
        sizes: of codebooks.
        steps: mini-batches of each clustering.
        batch: frames of one.
        metric: what nearest means.
    """

    minutes: float = 20.0
    layer_minutes: float = 4.0
    layers: tuple[int, ...] = (3, 4, 5)
    sizes: tuple[int, ...] = (500, 1000, 2000)
    steps: int = 40
    batch: int = 4096
    metric: Metric = "cosine"


class Study:
    """Speech, phones and what was measured so far.

    Args:
        recipe: of units, whose corpora, languages and seed count.
        plan: what is measured.
        folder: keeps what was measured.
        say: is told of progress.
    """

    def __init__(self, recipe: recipes.Recipe, plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
        self.recipe, self.plan, self._folder, self._say = recipe, plan, folder, say
        folder.mkdir(parents=True, exist_ok=True)
        self._data = SpeechData(paths.data() / "training" / "corpora", recipe.data.corpora)
        self._graph = cards.encoder_graph(ENCODER)

    def run(self) -> list[Row]:
        """Measures what is not measured yet; returns everything."""
        self._sources()
        if self.plan.layers:
            self._layers()
        return [Row(**json.loads(line)) for line in self._kept()]

    # --- sources × sizes × rates --------------------------------------------------------------------------------------

    def _sources(self) -> None:
        train = choose(self._data, self.recipe, self.plan.minutes)
        for source, rate in (("trunk", 25), ("encoder", 25), ("encoder", 50)):
            wanted = [size for size in self.plan.sizes if not self._has("sizes", source, 0, rate, size)]
            if not wanted:
                continue
            learned = np.concatenate([self._features(source, rate, self._states(clip)) for clip in train])
            tested = [self._features(source, rate, self._states(clip)) for clip in self._test]
            for size in wanted:
                self._measure("sizes", source, 0, rate, size, learned, tested, self._phones(rate))

    def _states(self, clip: Clip) -> NDArray[np.float32]:
        return self._data.states(clip).astype(np.float32)

    def _features(self, source: str, rate: int, states: NDArray[np.float32]) -> NDArray[np.float32]:
        if source == "trunk":
            return self._trunk.run(states).states
        return halve(states) if rate == 25 else states

    @cached_property
    def unquantised(self) -> float:
        """Word errors per word of the reader on the held-out recordings as they are."""
        file = self._folder / "unquantised.json"
        if not file.is_file():
            states = [self._trunk.run(self._states(clip)).states for clip in self._test]
            rate = word_error_rate(self._reader, states, [clip.text for clip in self._test], "trunk", 25)
            file.write_text(json.dumps(rate), encoding="utf-8")
        return float(json.loads(file.read_text(encoding="utf-8")))

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self._trunk, cards.locate("trunk") / "trunk.onnx")

    @cached_property
    def _trunk(self) -> Trunk:
        return Trunk.open(ENCODER, self._graph)

    # --- layers -------------------------------------------------------------------------------------------------------

    def _layers(self) -> None:
        size = self.plan.sizes[0]
        every = [*self.plan.layers, 0]
        names = [("encoder", layer) for layer in every] + [("trunk", 0)]
        if all(self._has("layers", source, layer, 25, size) for source, layer in names):
            return
        train = choose(self._data, self.recipe, self.plan.layer_minutes)
        test = _first(self._test, self.plan.layer_minutes)
        learned, tested = self._inner(train, every), self._inner(test, every)
        phones = self._phones(25)[: len(test)]
        for place, layer in enumerate(every):
            rows = np.concatenate([halve(states) for states in learned[place]])
            self._measure("layers", "encoder", layer, 25, size, rows, [halve(s) for s in tested[place]], phones)
        rows = np.concatenate([self._trunk.run(states).states for states in learned[-1]])
        self._measure("layers", "trunk", 0, 25, size, rows, [self._trunk.run(s).states for s in tested[-1]], phones)

    def _inner(self, clips: Sequence[Clip], layers: Sequence[int]) -> list[States]:
        """States of some layers, of clips in windows not much longer than they are."""
        encoder = EncoderLayers(graphs.locate(ENCODER), layers)
        found: list[States] = [[] for _ in layers]
        for clip, samples in self._sound(clips):
            window = min(30.0, float(np.ceil(len(samples) / 16000 + _MARGIN_SECONDS)))
            for place, states in enumerate(encoder.encode(samples, window)):
                found[place].append(states[: clip.frames])
        return found

    def _sound(self, clips: Sequence[Clip]) -> list[tuple[Clip, NDArray[np.float32]]]:
        opened: dict[int, tuple[Corpus, dict[str, int]]] = {}
        found = []
        for clip in clips:
            if clip.corpus not in opened:
                corpus = Corpus.open(paths.data() / "training" / "corpora" / self._data.names[clip.corpus])
                opened[clip.corpus] = corpus, {one.id: place for place, one in enumerate(corpus.clips)}
            corpus, places = opened[clip.corpus]
            found.append((clip, corpus.samples(corpus.clips[places[clip.id]])))
        return found

    # --- judging ------------------------------------------------------------------------------------------------------

    @cached_property
    def _test(self) -> list[Clip]:
        """Held-out English recordings, those of ``dev`` and ``test``."""
        bounds = self.recipe.data.shortest * 50, self.recipe.data.longest * 50
        kept = [c for c in self._data.clips if c.split != "train" and c.language == "en"]
        random = np.random.default_rng((self.recipe.seed, 9))
        kept = [kept[place] for place in random.permutation(len(kept))]
        return [clip for clip in kept if bounds[0] <= clip.frames <= bounds[1]]

    def _phones(self, rate: int) -> list[list[str | None]]:
        return self._heard if rate == 50 else [thinned(phones) for phones in self._heard]

    @cached_property
    def _heard(self) -> list[list[str | None]]:
        """Phones at 50 Hz of the held-out clips."""
        file = self._folder / "phones.json"
        known: dict[str, list[str | None]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        missing = [clip for clip in self._test if clip.id not in known]
        if missing:
            self._say(f"hearing the phones of {len(missing)} clips")
            hearer = PhoneRecogniser.open(WeightStore().path(MODEL))
            known |= {clip.id: phones for clip, phones in heard(missing, self._data, hearer, 50)}
            file.write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")
        return [known[clip.id] for clip in self._test]

    def _measure(
        self,
        part: str,
        source: str,
        layer: int,
        rate: int,
        size: int,
        learned: NDArray[np.float32],
        tested: States,
        phones: Sequence[Sequence[str | None]],
    ) -> None:
        if self._has(part, source, layer, rate, size):
            return
        self._say(f"{part}: {source} {layer or ''} {rate} Hz, {size} units of {len(learned)} frames")
        book = kmeans.fit(
            learned, size, metric=self.plan.metric, seed=self.recipe.seed, steps=self.plan.steps, batch=self.plan.batch
        )
        quality: Quality = judge([book.assign(states) for states in tested], phones, size, 1 / rate)
        readable = source == "trunk" or not layer
        means = unit_means(book, learned)
        texts = [clip.text for clip in self._test[: len(tested)]]
        read = [means[book.assign(states)] for states in tested] if readable else []
        wer = word_error_rate(self._reader, read, texts, source, rate) if readable else None
        minutes = len(learned) / rate / 60
        row = Row(
            part=part, source=source, layer=layer, rate=rate, size=size, minutes=minutes, wer=wer, **asdict(quality)
        )
        with (self._folder / "rows.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row)) + "\n")

    def _kept(self) -> list[str]:
        file = self._folder / "rows.jsonl"
        return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []

    def _has(self, part: str, source: str, layer: int, rate: int, size: int) -> bool:
        wanted = (part, source, layer, rate, size)
        rows = map(json.loads, self._kept())
        return any((row["part"], row["source"], row["layer"], row["rate"], row["size"]) == wanted for row in rows)


def _first(clips: Sequence[Clip], minutes: float) -> list[Clip]:
    ends = np.cumsum([clip.frames for clip in clips]) / FRAMES_PER_MINUTE
    return list(clips[: int(np.searchsorted(ends, minutes)) + 1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the study; returns the exit code."""
    plan = Plan()
    parser = argparse.ArgumentParser(
        prog="python -m engines.evaluation.units", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--recipe", type=Path, default=paths.resources() / "recipes" / "units.toml")
    parser.add_argument("--folder", type=Path, default=paths.data() / "training" / "runs" / "units-study")
    parser.add_argument("--markdown", type=Path, help="writes the tables there, between the marks that are in the file")
    parser.add_argument("--minutes", type=float, default=plan.minutes)
    parser.add_argument("--layer-minutes", type=float, default=plan.layer_minutes)
    parser.add_argument("--layers", type=int, nargs="*", default=plan.layers)
    parser.add_argument("--sizes", type=int, nargs="+", default=plan.sizes)
    parser.add_argument("--steps", type=int, default=plan.steps)
    options = parser.parse_args(arguments)
    plan = Plan(
        minutes=options.minutes, layer_minutes=options.layer_minutes, layers=tuple(options.layers),
        sizes=tuple(options.sizes), steps=options.steps,
    )  # fmt: skip
    study = Study(recipes.read(options.recipe), plan, options.folder, lambda text: print(text, flush=True))
    text = markdown(study.run(), study.unquantised)
    print(text)
    if options.markdown is not None:
        from engines.evaluation.unit_table import write_between

        write_between(options.markdown, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
