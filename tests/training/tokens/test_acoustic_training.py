"""Codes of a corpus, what the reader of codes learns from them, that it learns, and bad recipes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from engines.errors import CorpusInvalid, RecipeInvalid
from engines.models.pieces import MARK, Inventory, Piece
from engines.tokens import prompts
from engines.training.data.corpus import Clip as Recorded
from engines.training.data.corpus import CorpusWriter, corpora
from engines.training.dataset import Clip
from engines.training.recipes import Data, Recipe
from engines.training.tokens.codes import CodeStreams, make
from engines.training.tokens.examples import READ, Layout, example, stacked
from engines.training.tokens.language_model import TokenTrainee

torch = pytest.importorskip("torch")

from engines.training.networks.acoustic_llm import AcousticLanguageModel, CodesToVectors, ReaderSize  # noqa: E402
from engines.training.tokens.acoustic import FirstBooks, settings_of, size_of  # noqa: E402

BOOKS, CODES, STACK = 2, 6, 2
TEXTS = [MARK + "ab", MARK + "ba", MARK + "a", "b", "a", MARK]
PIECES = Inventory(tuple(Piece(text, 10 + i, -1.0, True) for i, text in enumerate(TEXTS)), ("a", "b"))
LAYOUT = Layout(len(PIECES), 0, STACK)


def encode(text):
    return [100 + len(text)]


class Coder:
    books, codes = 3, CODES

    def encode(self, samples):
        return np.full((3, len(samples) // 320), int(samples[0] * 100) % CODES, np.int32)


@pytest.fixture
def tones():
    with CorpusWriter(corpora() / "tones") as writer:
        for number in range(3):
            clip = Recorded(f"t{number}", "", 0, 0, "tone", "en", "tones", "sine")
            writer.add(clip, np.full(3200 * (number + 1), 0.0105 * (number + 1), np.float32))
    return corpora()


def test_codes_are_kept_and_those_of_another_codec_refused(tones):
    assert make(tones / "tones", Coder(), codec="a" * 64) == 60
    streams = CodeStreams(tones, ["tones"], "a" * 64)
    assert (streams.books, streams.size) == (3, CODES)
    assert streams.ids(SimpleNamespace(id="t1", corpus=0)).tolist() == [[2] * 20] * 3
    assert streams.ids(SimpleNamespace(id="none", corpus=0)).shape == (3, 0)
    with pytest.raises(CorpusInvalid, match="another codec"):
        CodeStreams(tones, ["tones"], "b" * 64)
    ids = tones / "tones" / "codes" / "ids.u16"
    ids.write_bytes(ids.read_bytes()[:-2])
    with pytest.raises(CorpusInvalid, match="damaged"):
        CodeStreams(tones, ["tones"], "a" * 64)
    manifest = tones / "tones" / "manifest.jsonl"
    manifest.write_text(manifest.read_text() + "\n")
    with pytest.raises(CorpusInvalid, match="another manifest"):
        CodeStreams(tones, ["tones"], "a" * 64)
    (tones / "tones" / "codes" / "codes.json").unlink()
    with pytest.raises(CorpusInvalid, match="no codes"):
        CodeStreams(tones, ["tones"], "a" * 64)


def test_codes_stand_before_what_is_asked():
    codes = np.arange(10, dtype=np.int32).reshape(2, 5) % CODES
    assert stacked(codes, 2).tolist() == [[[0, 5], [1, 0]], [[2, 1], [3, 2]], [[4, 3], [4, 3]]]
    found = example(prompts.transcribe(codes, "ab ba", "en"), LAYOUT, PIECES, encode, 7)
    assert found.rows.tolist() == [-1, LAYOUT.begin, READ, READ, READ, LAYOUT.end, -1, 0, 1, LAYOUT.end_of_text]
    assert found.codes.tolist() == stacked(codes, 2).tolist()
    assert found.learnt.tolist() == [False] * 7 + [True] * 3
    long = np.zeros((2, 400), np.int32)
    random = np.random.default_rng(0)
    dropped = example(prompts.translate(long, "ab"), LAYOUT, PIECES, encode, 7, random=random, drop=0.5)
    assert 70 < len(dropped.codes) < 130
    assert (dropped.rows == READ).sum() == len(dropped.codes)


class Gemma(torch.nn.Module):
    """Reads with a GRU; writes greedily by reading all again."""

    begin, scale, width = 1, 2.0, 16

    def __init__(self):
        super().__init__()
        self.table = torch.randn(400, 16)
        self.reader = torch.nn.GRU(16, 16, batch_first=True)

    def embed(self, ids):
        return self.table[ids] * self.scale

    def body(self, inputs_embeds, past_key_values=None, **_):
        seen = inputs_embeds if past_key_values is None else torch.cat([past_key_values, inputs_embeds], 1)
        return SimpleNamespace(last_hidden_state=self.reader(seen)[0], past_key_values=seen)

    def forward(self, inputs, mask):
        return self.reader(inputs)[0]


class Cached:
    """The code tells the text."""

    books, size = 3, CODES

    def ids(self, clip):
        kind = int(clip.id) % 2
        return (np.random.default_rng(int(clip.id)).integers(0, 3, (3, 24)) + 3 * kind).astype(np.int32)


def test_the_loss_falls_and_transcripts_come_out():
    torch.manual_seed(0)
    reader = CodesToVectors(ReaderSize(BOOKS, CODES, STACK, 8, 12, 16))
    model = AcousticLanguageModel(Gemma(), torch.randn(len(PIECES) + 1, 16), torch.randn(2, 16), reader, LAYOUT)
    trained = {name: value for name, value in model.named_parameters() if name not in {"bias", "tempo"}}
    clips = [Clip(str(n), 0, 0, 24, ("ab", "ba")[n % 2], "en", None, "dev" if n > 15 else "train") for n in range(18)]
    data = SimpleNamespace(clips=clips, names=("clips",))
    _, mixture = settings_of(recipe(drop=0.0))
    trainee = TokenTrainee(
        model, trained, data, FirstBooks(Cached(), BOOKS), PIECES, encode, Data(corpora=("clips",)), mixture,
        batch_seconds=5.0, seed=1,
    )  # fmt: skip
    before = trainee.evaluate()
    optimiser = torch.optim.Adam(trainee.parameters(), 0.02)
    first = last = 0.0
    for step in range(40):
        loss = trainee.loss([job for batch in trainee.batches(step) for job in batch], step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        first, last = first or float(loss.detach()), float(loss.detach())
    after = trainee.evaluate()
    assert last < first / 2
    assert after["nats_text"] < before["nats_text"]
    assert after["wer"] == 0
    assert set(trainee.weights()) == {*trained, "log_frames"}


def recipe(**options):
    return Recipe.model_validate({
        "id": "mine", "kind": "acoustic", "data": {"corpora": ["clips"]}, "options": options,
        "network": {"width": 16, "heads": 2, "inner": 12},
        "stages": [{"name": "llm", "steps": 1, "learning_rate": 1e-3}],
    })  # fmt: skip


@pytest.mark.parametrize(
    "options", [{"books": 0}, {"books": True}, {"books": 2.5}, {"speak": 1.0}, {"colour": 1}, {"drop": 1.0}], ids=str
)
def test_impossible_options_are_refused(options):
    with pytest.raises(RecipeInvalid, match="mine"):
        settings_of(recipe(**options))


def test_more_codebooks_than_there_are_is_refused():
    assert size_of(recipe(), FirstBooks(Cached(), 3), 16).model == 16
    with pytest.raises(RecipeInvalid, match="reads 4 codebooks"):
        size_of(recipe(), FirstBooks(Cached(), 4), 16)
