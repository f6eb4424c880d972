"""N-best lists to learn from: degraded speech, through the recogniser that will make the lists at run time.

As HyPoradise makes its data (Chen et al. 2023, §3.1: beam search, the first five that differ), with our own recogniser,
beam 5. A file of lists is JSON Lines and only grows, so that making them can be interrupted at any time.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engines import paths
from engines.contract import Hypothesis, Recognised, Recogniser, Samples
from engines.errors import CorpusInvalid
from engines.text.routing import mean_state
from engines.training.text.degradation import Condition, degrade

BEAM = 5
"""As the engines decode by default."""

Task = Literal["transcribe", "translate"]


@dataclass(frozen=True)
class Clip:
    """A clip to make lists from.

    Attributes:
        id: unique over all that is made into one file.
        read: gives its samples, mono at 16 kHz.
        text: what is said.
        language: ISO 639-1 code.
        split: ``train``, ``dev`` or ``test``.
        condition: how it is degraded.
        english: its translation, for lists of translations.
        task: whether transcripts or translations are listed.
    """

    id: str
    read: Callable[[], Samples]
    text: str
    language: str
    split: str
    condition: Condition
    english: str | None = None
    task: Task = "transcribe"

    @property
    def key(self) -> str:
        """Names clip, condition and task."""
        return f"{self.id} {self.condition} {self.task}"

    def degraded(self) -> Samples:
        """Its degraded samples, the same every time."""
        seed = int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:8], "little")
        return degrade(self.read(), self.condition, np.random.default_rng(seed))


@dataclass(frozen=True)
class NBestList:
    """One N-best list with what was said.

    Attributes:
        key: names clip, condition and task.
        clip: id of the clip.
        source: where its errors come from, one of :data:`engines.training.text.degradation.SOURCES`.
        condition: the same with its signal-to-noise ratio, if that was set.
        language: ISO 639-1 code of the speech.
        task: whether transcripts or translations are listed.
        split: ``train``, ``dev`` or ``test``.
        reference: what was said, or its translation.
        texts: the hypotheses, best first.
        scores: log p(text | speech) of each in nats, summed.
        tokens: how many tokens each of these sums over.
        token_scores: of the best hypothesis, per token.
        seconds: length of the speech.
        state: base64 of the mean of the encoder's states, float16.
    """

    key: str
    clip: str
    source: str
    condition: str
    language: str
    task: Task
    split: str
    reference: str
    texts: tuple[str, ...]
    scores: tuple[float, ...]
    tokens: tuple[int, ...]
    token_scores: tuple[float, ...]
    seconds: float
    state: str = field(repr=False)

    @cached_property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """As the recogniser gives them."""
        return tuple(Hypothesis(*row) for row in zip(self.texts, self.scores, self.tokens, strict=True))

    @cached_property
    def mean_state(self) -> NDArray[np.float32]:
        """``(512,)``, the mean of the encoder's states over the speech."""
        return np.frombuffer(base64.b64decode(self.state), np.float16).astype(np.float32)

    @property
    def target(self) -> str:
        """ISO 639-1 code of the texts."""
        return "en" if self.task == "translate" else self.language


def folder() -> Path:
    """Where lists are kept."""
    return paths.data() / "training" / "nbest"


def make(recogniser: Recogniser, clips: Iterable[Clip], file: Path) -> Iterator[NBestList]:
    """Makes the lists that the file lacks, and appends each as soon as it is there.

    Args:
        recogniser: makes the lists.
        clips: at most 30 s each; one that cannot be read is left out.
        file: JSON Lines; made if it is missing.

    Yields:
        every new list.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    have = {item.key for item in read(file)} if file.exists() else set()
    with file.open("a", encoding="utf-8") as out:
        for clip in clips:
            if clip.key in have:
                continue
            made = heard(recogniser, clip)
            out.write(json.dumps(asdict(made), ensure_ascii=False) + "\n")
            out.flush()
            yield made


def heard(recogniser: Recogniser, clip: Clip) -> NBestList:
    """The list of one clip."""
    states = recogniser.encode(clip.degraded())
    found: Recognised | None = None
    for item in recogniser.nbest(states, language=clip.language, task=clip.task, beam=BEAM):
        if isinstance(item, Recognised):
            found = item
    assert found is not None
    state = mean_state(states).astype(np.float16).tobytes()
    return NBestList(
        key=clip.key,
        clip=clip.id,
        source=clip.condition.source,
        condition=str(clip.condition),
        language=clip.language,
        task=clip.task,
        split=clip.split,
        reference=(clip.english or "") if clip.task == "translate" else clip.text,
        texts=tuple(h.text for h in found.hypotheses),
        scores=tuple(round(h.acoustic, 4) for h in found.hypotheses),
        tokens=tuple(h.tokens for h in found.hypotheses),
        token_scores=tuple(round(value, 4) for value in found.scores.log_probabilities),
        seconds=round(states.seconds, 3),
        state=base64.b64encode(state).decode("ascii"),
    )


def read(file: Path) -> list[NBestList]:
    """Reads a file of lists; a last line that was cut off is left out.

    Raises:
        CorpusInvalid: the file is missing, or holds something else.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusInvalid(
            f"The N-best lists {file} cannot be read.", "Make them with `python -m engines.training.text.make`."
        ) from error
    found: list[NBestList] = []
    for number, line in enumerate(lines, 1):
        try:
            row: dict[str, Any] = json.loads(line)
            values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
            found.append(NBestList(**values))
        except (ValueError, TypeError, AttributeError) as error:
            if number == len(lines):
                break
            raise CorpusInvalid(
                f"Line {number} of {file.name} is no N-best list.", "Delete the line, or make the lists again."
            ) from error
    return found
