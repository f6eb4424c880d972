"""What the token language model learns from, how words are found, and that the loss falls."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engines import paths
from engines.errors import AdapterMissing, CorpusInvalid, RecipeInvalid
from engines.models.pieces import MARK, Inventory, Piece
from engines.tokens import prompts
from engines.tokens.units import collapse
from engines.training.dataset import SpeechData
from engines.training.recipes import Data, Recipe, read
from engines.training.runs import BEST
from engines.training.tokens import bench
from engines.training.tokens.alignment import align
from engines.training.tokens.examples import Layout, Meanings, example, log_frames
from engines.training.tokens.language_model import Mixture, TokenTrainee
from engines.training.tokens.streams import UnitStreams, make

K = 6
DIGEST = "a" * 64
TEXTS = [MARK + "ab", MARK + "ba", MARK + "a", "b", "a", MARK]
PIECES = Inventory(tuple(Piece(text, 10 + i, -1.0, True) for i, text in enumerate(TEXTS)), ("a", "b"))
LAYOUT = Layout(len(PIECES), K)
IDS = np.array([2, 2, 2, 5, 5, 1], np.int32)


def encode(text):
    return [100 + len(text)]


def made(elements, **changes):
    return example(elements, LAYOUT, PIECES, encode, 7, **changes)


def test_units_come_before_what_is_asked():
    found = made(prompts.transcribe(IDS, "ab ba", "en"))
    first = LAYOUT.first_unit
    units = [LAYOUT.begin, first + 2, first + 5, first + 1, LAYOUT.end]
    assert found.rows.tolist() == [-1, *units, -1, 0, 1, LAYOUT.end_of_text]
    assert found.tokens.tolist() == [7, -1, -1, -1, -1, -1, encode("\nEnglish transcript:")[0], -1, -1, -1]
    assert found.learnt.tolist() == [False] * 7 + [True] * 3
    assert not found.frames.any()
    assert made(prompts.transcribe(IDS, "xyz", "en")) is None


def test_speech_is_the_tail_of_a_chain():
    told, chained = made(prompts.speak("ab", "en", IDS)), made(prompts.chain(IDS, "ba", "es", "ab", IDS))
    # The heading of the text differs; what follows it does not.
    assert told.rows[2:].tolist() == chained.rows[-len(told) + 2 :].tolist()
    assert told.frames[told.frames > 0].tolist() == [3, 2, 1]
    assert told.learnt.sum() == 4
    assert chained.learnt.sum() == 2 + 2 + 4
    assert made(prompts.chain(IDS, "ba", "es", "ab", None)).learnt.sum() == 4


def test_heard_units_are_dropped_and_written_ones_are_not():
    random = np.random.default_rng(0)
    long = np.arange(600, dtype=np.int32) % K
    heard = made(prompts.transcribe(long, "ab", "en"), random=random, drop=0.5)
    assert 250 < len(heard) < 370
    assert len(made(prompts.speak("ab", "en", long), random=random, drop=0.5)) == 607


@pytest.mark.parametrize("seed", range(5))
def test_interleaving_says_everything_once(seed):
    words, starts = ["ab", "ba", "ab", "a", "ba"], [0, 1, 2, 4, 5, 6]
    elements = prompts.interleave(words, starts, IDS, np.random.default_rng(seed), longest=2)
    place = 0
    for element in elements:
        if isinstance(element, prompts.Words):
            assert element.text.split() == words[place : place + len(element.text.split())]
            place += len(element.text.split())
        else:
            assert element.ids.tolist() == IDS[starts[place] : starts[place] + len(element.ids)].tolist()
            place = starts.index(starts[place] + len(element.ids))
    assert place == len(words)
    found = made(elements)
    assert found.rows[-1] == LAYOUT.end_of_text
    assert found.learnt[-1]
    marks = [row for row in found.rows if row in {LAYOUT.begin, LAYOUT.end}]
    assert marks == [LAYOUT.begin, LAYOUT.end] * (len(marks) // 2)


def test_labels_are_found_where_they_are_heard():
    path = [0, 1, 1, 0, 0, 2, 0, 2, 3, 3]
    log_probs = np.log(np.full((len(path), 4), 0.05))
    log_probs[np.arange(len(path)), path] = np.log(0.85)
    assert align(log_probs.astype(np.float32), [1, 2, 2, 3]).tolist() == [[1, 2], [5, 5], [7, 7], [8, 9]]
    assert align(log_probs[:2].astype(np.float32), [2, 2]) is None
    assert align(log_probs.astype(np.float32), []) is None


def test_rows_begin_as_what_units_were_heard_as():
    embeddings = np.eye(3, 4, dtype=np.float32)
    silence = np.array([0, 0, 0, 1], np.float32)
    meanings = Meanings(K, 3)
    meanings.add(np.array([0, 0, 1]), np.array([[0, 1, 0, 0], [0, 1, 0, 0], [0.2, 0, 0.4, 0.4]], np.float32))
    rows = meanings.rows(embeddings, silence)
    assert rows.shape == (K + 2, 4)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.allclose(rows[0], embeddings[0])
    assert np.allclose(rows[1], (embeddings[1] + embeddings[2]) / np.sqrt(2), atol=1e-5)
    assert np.allclose(rows[2:], silence)
    assert log_frames([IDS], K)[2] == pytest.approx(np.log(3))


@pytest.fixture
def corpora(tmp_path):
    """Eighteen clips in which the unit tells the text, with units and words."""
    folder = tmp_path / "clips"
    (folder / "features").mkdir(parents=True)
    random = np.random.default_rng(0)
    lines, states, offsets, frames = [], [], [], []
    for number in range(18):
        kind = number % 2
        ids = np.repeat(random.permutation(3) + 3 * kind, 4)
        wide = np.zeros((24, 512), np.float16)
        wide[np.arange(24), np.repeat(ids, 2)] = 1
        offsets.append(24 * number)
        frames.append(24)
        states.append(wide)
        split = "dev" if number > 15 else "train"
        lines.append(json.dumps({"id": f"c{number}", "text": ("ab", "ba")[kind], "language": "en", "split": split}))
    np.concatenate(states).tofile(folder / "features" / "states.f16")
    np.savez(folder / "features" / "index.npz", offset=np.array(offsets), frames=np.array(frames))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    make(folder, lambda states: states[::2].argmax(1).astype(np.int32), tokeniser=DIGEST, size=K)
    return tmp_path


def test_units_are_kept_and_those_of_another_tokeniser_refused(corpora):
    data, streams = SpeechData(corpora, ["clips"]), UnitStreams(corpora, ["clips"], DIGEST)
    ids = streams.ids(data.clips[3])
    assert ids.tolist() == np.asarray(data.states(data.clips[3]))[::2].argmax(1).tolist()
    assert streams.size == K
    assert streams.words(data.clips[3]) is None
    with pytest.raises(CorpusInvalid, match="another tokeniser"):
        UnitStreams(corpora, ["clips"], "b" * 64)
    manifest = corpora / "clips" / "manifest.jsonl"
    manifest.write_text(manifest.read_text() + "\n")
    with pytest.raises(CorpusInvalid, match="another manifest"):
        UnitStreams(corpora, ["clips"], DIGEST)
    (corpora / "clips" / "units" / "units.json").unlink()
    with pytest.raises(CorpusInvalid, match="no units"):
        UnitStreams(corpora, ["clips"], DIGEST)


def recipe(**options):
    return Recipe.model_validate({
        "id": "mine", "kind": "tokens", "data": {"corpora": ["clips"]}, "options": options,
        "stages": [{"name": "llm", "steps": 1, "learning_rate": 1e-3}],
    })  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"colour": 1}, {"drop": 1.0}, {"speak": -1}, {"start": 3}, {"chain": True},
        dict.fromkeys(("transcribe", "translate", "speak", "chain", "interleave"), 0),
    ],
    ids=str,
)  # fmt: skip
def test_impossible_options_are_refused(options):
    with pytest.raises(RecipeInvalid, match="mine"):
        Mixture.of(recipe(**options))


def test_the_loss_falls_and_transcripts_come_out(corpora):
    torch = pytest.importorskip("torch")
    from types import SimpleNamespace

    from engines.training.networks.token_llm import TokenLanguageModel

    torch.manual_seed(0)

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

    gemma = Gemma()
    model = TokenLanguageModel(gemma, torch.randn(len(PIECES) + 1, 16), torch.randn(K + 2, 16), torch.zeros(K), LAYOUT)
    trained = dict(model.named_parameters())
    data, streams = SpeechData(corpora, ["clips"]), UnitStreams(corpora, ["clips"], DIGEST)
    trainee = TokenTrainee(
        model, trained, data, streams, PIECES, encode, Data(corpora=("clips",)), Mixture(drop=0.0),
        batch_seconds=5.0, seed=1,
    )  # fmt: skip
    assert trainee.batches(2) == trainee.batches(2)
    before = trainee.evaluate()
    optimiser = torch.optim.Adam(trainee.parameters(), 0.03)
    first = last = 0.0
    for step in range(60):
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
    # A duration is three or four frames in a row; the state behind a unit comes to say so.
    assert collapse(streams.ids(data.clips[0])).durations.tolist() == [4, 4, 4]


def test_going_on_from_another_run_takes_its_best_weights_and_wants_its_pieces(tmp_path):
    recipe = read(paths.resources() / "recipes" / "token-semantic.toml")
    assert recipe.options["after"] == "token-semantic-first"
    save_file = pytest.importorskip("safetensors.torch").save_file
    torch = pytest.importorskip("torch")
    pieces, before = tmp_path / "own.json", tmp_path / "token-semantic-first"
    pieces.write_text("[]")
    with pytest.raises(AdapterMissing, match="was not trained yet"):
        bench.best_of(before, pieces, recipe)
    before.mkdir()
    save_file({"rows": torch.ones(2, 3)}, before / BEST)
    (before / bench.PIECES).write_text("[1]")
    with pytest.raises(RecipeInvalid, match="other pieces"):
        bench.best_of(before, pieces, recipe)
    pieces.write_text("[1]")
    assert bench.best_of(before, pieces, recipe)["rows"].shape == (2, 3)
