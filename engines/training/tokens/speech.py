"""Which speech units are made of, and which phones are heard in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from engines import paths
from engines.errors import CorpusInvalid
from engines.models.phone_recogniser import MODEL, PhoneRecogniser
from engines.tokens.codebook import Codebook
from engines.tokens.semantic import Features
from engines.training.data.corpus import Corpus
from engines.training.dataset import Clip, SpeechData
from engines.training.recipes import Recipe
from engines.weights.store import WeightStore

FRAMES_PER_MINUTE: Final = 3000


def choose(data: SpeechData, recipe: Recipe, minutes: float, split: str = "train") -> list[Clip]:
    """Clips of all corpora and languages in equal shares, as far as they go.

    Args:
        data: the corpora.
        recipe: whose languages, lengths and seed count.
        minutes: of speech in all.
        split: they are of.
    """
    bounds = recipe.data.shortest * 50, recipe.data.longest * 50
    groups: dict[tuple[int, str], list[Clip]] = {}
    for clip in data.clips:
        if clip.split == split and clip.language in recipe.data.languages and bounds[0] <= clip.frames <= bounds[1]:
            groups.setdefault((clip.corpus, clip.language), []).append(clip)
    random = np.random.default_rng((recipe.seed, 7))
    queues = [[group[i] for i in random.permutation(len(group))] for _, group in sorted(groups.items())]
    found: list[Clip] = []
    left = minutes * FRAMES_PER_MINUTE
    taken = [0] * len(queues)
    while left > 0 and any(queues):
        # The group that got least so far is next: short clips do not give a corpus less speech.
        place = min((i for i, queue in enumerate(queues) if queue), key=taken.__getitem__)
        clip = queues[place].pop()
        found.append(clip)
        taken[place] += clip.frames
        left -= clip.frames
    if not found:
        raise CorpusInvalid(
            f"There is no speech in {', '.join(recipe.data.languages)} to make units of.", "Name other corpora."
        )
    return found


def with_phones(
    codebook: Codebook, data: SpeechData, recipe: Recipe, minutes: float, rate: int, features: Features
) -> Codebook:
    """The codebook with what its units were heard as in English speech.

    Args:
        codebook: without counts.
        data: the corpora.
        recipe: whose lengths and seed count.
        minutes: of speech.
        rate: units per second, 25 or 50.
        features: makes of the encoder's states what was clustered.

    Raises:
        WeightsMissing: the phone recogniser is not installed.
        CorpusInvalid: there is no English speech, or its sound is missing.
    """
    english = recipe.model_copy(update={"data": recipe.data.model_copy(update={"languages": ("en",)})})
    clips = choose(data, english, minutes)
    hearer = PhoneRecogniser.open(WeightStore().path(MODEL))
    pairs = [
        (unit, phone)
        for clip, phones in heard(clips, data, hearer, rate)
        for unit, phone in zip(codebook.assign(features(data.states(clip).astype(np.float32))), phones, strict=False)
        if phone is not None
    ]
    names = tuple(sorted({phone for _, phone in pairs}))
    counts = np.zeros((codebook.size, len(names)), np.int64)
    np.add.at(counts, ([unit for unit, _ in pairs], [names.index(phone) for _, phone in pairs]), 1)
    spoken = sum(clip.frames for clip in clips) / FRAMES_PER_MINUTE
    origin = f"Counted on {spoken:.1f} minutes of English speech from the training corpora, phones as hama hears them."
    return replace(codebook, phones=names, counts=counts, origin=origin)


def heard(
    clips: Sequence[Clip], data: SpeechData, hearer: PhoneRecogniser, rate: int
) -> Iterator[tuple[Clip, list[str | None]]]:
    """The phone of every frame of clips, at 25 or 50 frames a second; clips without sound are left out."""
    corpora: dict[int, tuple[Corpus, dict[str, int]]] = {}
    for clip in clips:
        if clip.corpus not in corpora:
            corpus = Corpus.open(paths.data() / "training" / "corpora" / data.names[clip.corpus])
            corpora[clip.corpus] = corpus, {found.id: place for place, found in enumerate(corpus.clips)}
        corpus, places = corpora[clip.corpus]
        if clip.id not in places:
            continue
        samples = corpus.samples(corpus.clips[places[clip.id]])
        phones = hearer.per_frame(hearer.hear(samples))[: clip.frames]
        yield clip, phones if rate == 50 else thinned(phones)


def thinned(phones: Sequence[str | None]) -> list[str | None]:
    """Phones at half the rate: that of the first frame of a pair that has one."""
    pairs = [phones[place : place + 2] for place in range(0, len(phones), 2)]
    return [next((phone for phone in pair if phone is not None), None) for pair in pairs]
