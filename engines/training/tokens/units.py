"""Makes the codebook of semantic units by a recipe, and puts it among the adapters."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engines import paths
from engines.errors import RecipeInvalid
from engines.models.phone_recogniser import MODEL
from engines.models.trunk import Trunk
from engines.tokens.codebook import METRICS, Codebook, Metric
from engines.tokens.semantic import NAME, Features
from engines.tokens.units import halve
from engines.training.dataset import Clip, SpeechData
from engines.training.loop import Progress
from engines.training.recipes import Recipe
from engines.training.tokens import kmeans
from engines.training.tokens.speech import FRAMES_PER_MINUTE, choose, with_phones
from engines.weights import cards
from engines.weights.cards import AdapterCard, DataOrigin, Parameters, RecipeOrigin, Units
from engines.weights.store import ModelState, WeightStore

ENCODER: Final = "whisper-base"
_OPTIONS: Final = {"source", "size", "rate", "metric", "minutes", "steps", "batch", "phones"}
_SAVE_EVERY: Final = 10


@dataclass(frozen=True)
class Settings:
    """What a recipe of units says.

    Attributes:
        source: ``trunk`` or ``encoder``.
        size: number of units.
        rate: units per second, 25 or 50.
        metric: what nearest means.
        minutes: of speech that is clustered.
        steps: mini-batches.
        batch: frames of one.
        phones: minutes of English speech on which phones are counted.
    """

    source: str
    size: int
    rate: int
    metric: Metric
    minutes: float
    steps: int
    batch: int
    phones: float


def settings(recipe: Recipe) -> Settings:
    """Reads the options of a recipe.

    Raises:
        RecipeInvalid: one is unknown, no number, or impossible.
    """
    given = recipe.options
    unknown = sorted(set(given) - _OPTIONS)
    if unknown:
        known = ", ".join(sorted(_OPTIONS))
        raise RecipeInvalid(f"The recipe {recipe.id} has unknown options: {', '.join(unknown)}.", f"There are {known}.")
    metric = next((known for known in METRICS if known == given.get("metric", "cosine")), None)
    try:
        found = Settings(
            source=str(given.get("source", "trunk")),
            size=int(given.get("size", 1000)),
            rate=int(given.get("rate", 25)),
            metric=metric or "cosine",
            minutes=float(given.get("minutes", 40)),
            steps=int(given.get("steps", 60)),
            batch=int(given.get("batch", 8192)),
            phones=float(given.get("phones", 0)),
        )
    except ValueError as error:
        raise RecipeInvalid(f"An option of the recipe {recipe.id} is no number.", "Correct it.") from error
    rates = {"trunk": (25,), "encoder": (25, 50)}.get(found.source, ())
    sound = 2 <= found.size <= 65536 and found.minutes > 0 and found.steps > 0 and found.batch > 0 and found.phones >= 0
    if metric is None or found.rate not in rates or not sound:
        raise RecipeInvalid(
            f"The options of the recipe {recipe.id} are impossible.",
            "source is trunk (25 units per second) or encoder (25 or 50), metric cosine or l2, size at least 2; "
            "minutes, steps and batch are above 0.",
        )
    return found


def train(
    recipe: Recipe,
    *,
    minutes: float | None,
    folder: Path,
    target: Path,
    report: Callable[[Progress], None],
) -> Path:
    """Clusters speech by a recipe, from where the last call stopped, and publishes the codebook once it is done.

    Args:
        recipe: of kind ``units``.
        minutes: after which to stop with everything written; None works to the end.
        folder: of the run.
        target: the folder of the program's adapters, with the trunk in it where that is clustered.
        report: is told of progress; ``loss`` is the mean squared distance to the nearest centroid.

    Returns:
        the folder of the codebook.

    Raises:
        RecipeInvalid: the options are impossible.
        CorpusInvalid: data are missing, or too few.
        AdapterMissing: there is no trunk yet.
    """
    until = math.inf if minutes is None else time.monotonic() + 60 * minutes
    wanted = settings(recipe)
    data = SpeechData(paths.data() / "training" / "corpora", recipe.data.corpora)
    graph = cards.encoder_graph(ENCODER)
    trunk = Trunk.open(ENCODER, graph) if wanted.source == "trunk" else None
    clips = choose(data, recipe, wanted.minutes)
    features = features_of(wanted, trunk)
    folder.mkdir(parents=True, exist_ok=True)
    basis = trunk.digest if trunk else graph
    found = _cluster(recipe, wanted, _Run(folder, basis, until, report), lambda: _computed(data, clips, features))
    if found is None:
        return target / recipe.id
    codebook = found
    if wanted.phones and "en" in recipe.data.languages and WeightStore().state(MODEL) is ModelState.INSTALLED:
        codebook = with_phones(found, data, recipe, wanted.phones, wanted.rate, features)
    hours = sum(clip.frames for clip in clips) / FRAMES_PER_MINUTE / 60
    card = AdapterCard(
        id=recipe.id,
        kind="units",
        name=NAME,
        encoder=ENCODER,
        encoder_graph=graph,
        trunk=trunk.digest if trunk else "",
        width=codebook.width,
        languages=recipe.data.languages,
        seed=recipe.seed,
        steps=wanted.steps,
        licence="Apache-2.0",
        units=Units(source=wanted.source, size=codebook.size, frame_seconds=1 / wanted.rate),
        parameters=Parameters(adapter=codebook.centroids.size),
        recipe=RecipeOrigin(name=recipe.id, digest=recipe.digest),
        data=DataOrigin(hours=round(hours, 2), sources=recipe.data.corpora),
    )
    return _publish(codebook, card, target / recipe.id)


def features_of(wanted: Settings, trunk: Trunk | None) -> Features:
    """What makes of the encoder's states what is clustered."""
    if trunk is not None:
        return lambda states: trunk.run(states).states
    return halve if wanted.rate == 25 else lambda states: np.asarray(states, np.float32)


def _computed(data: SpeechData, clips: Sequence[Clip], features: Features) -> NDArray[np.float32]:
    return np.concatenate([features(data.states(clip).astype(np.float32)) for clip in clips])


@dataclass(frozen=True)
class _Run:
    """Where a run is kept, what it stands on, and until when it works."""

    folder: Path
    basis: str
    until: float
    report: Callable[[Progress], None]


def _cluster(
    recipe: Recipe, wanted: Settings, run: _Run, compute: Callable[[], NDArray[np.float32]]
) -> Codebook | None:
    """The finished codebook, or None where time was up before."""
    began = time.monotonic()
    values = _cached(run, compute)
    mean, scale = kmeans.statistics(values)
    points = ((values - mean) / scale).astype(np.float32)
    found = _resumed(run) or kmeans.begin(points, wanted.size, wanted.metric, recipe.seed)
    for state in kmeans.improve(found, points, wanted.metric, steps=wanted.steps, batch=wanted.batch, seed=recipe.seed):
        seconds = time.monotonic() - began
        run.report(Progress("k-means", state.step, wanted.steps, state.distortion, 0.0, None, seconds))
        over = time.monotonic() > run.until
        if over or state.step % _SAVE_EVERY == 0:
            _save(run, state)
        if over and state.step < wanted.steps:
            return None
    return Codebook(found.centroids, mean, scale, wanted.metric)


def _cached(run: _Run, compute: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """What is clustered, from an earlier call if that stood on the same models."""
    file, note = run.folder / "features.npy", run.folder / "features.json"
    if file.is_file() and note.is_file() and json.loads(note.read_text(encoding="utf-8")) == {"basis": run.basis}:
        return np.asarray(np.load(file, allow_pickle=False), np.float32)
    values = compute()
    for old in (run.folder / "checkpoint.npz", note):
        old.unlink(missing_ok=True)
    np.save(file, values.astype(np.float16))
    note.write_text(json.dumps({"basis": run.basis}) + "\n", encoding="utf-8")
    return values.astype(np.float16).astype(np.float32)


def _save(run: _Run, state: kmeans.Clustering) -> None:
    part = run.folder / "part.npz"
    np.savez(part, centroids=state.centroids, counts=state.counts, step=state.step, distortion=state.distortion)
    part.replace(run.folder / "checkpoint.npz")


def _resumed(run: _Run) -> kmeans.Clustering | None:
    file = run.folder / "checkpoint.npz"
    if not file.is_file():
        return None
    with np.load(file, allow_pickle=False) as kept:
        return kmeans.Clustering(
            kept["centroids"].copy(), kept["counts"].copy(), int(kept["step"]), float(kept["distortion"])
        )


def _publish(codebook: Codebook, card: AdapterCard, folder: Path) -> Path:
    """Writes codebook and card in place of what is there."""
    scratch = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    codebook.write(scratch)
    card.write(scratch)
    shutil.rmtree(folder, ignore_errors=True)
    scratch.replace(folder)
    return folder
