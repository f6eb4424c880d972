"""A trunk with the last layers of the encoder: what is trained, what is kept, and what is refused."""

from __future__ import annotations

import json
import shutil
import types
from pathlib import Path

import numpy as np
import pytest

from engines.audio import features
from engines.errors import AdapterMissing, CorpusInvalid, GraphInvalid, RecipeInvalid
from engines.models.tuned_encoder import window
from engines.training import benches, recipes, tuning
from engines.training.data.corpus import Clip, CorpusWriter
from engines.training.dataset import SpeechData
from engines.training.loop import Loop
from engines.training.recipes import Data, Stage
from tests.export.ctranslate2_files import tiny_encoder, write
from tests.latent.random_adapters import inventory

torch = pytest.importorskip("torch")

from engines.training.networks.log_mel import log_mel  # noqa: E402
from engines.training.networks.speech_encoder import SpeechEncoder  # noqa: E402
from engines.training.networks.trunk import Trunk, TrunkSize  # noqa: E402

DATA = Data(corpora=("small",), shortest=0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write(folder / "model.bin", tiny_encoder())
    return folder


@pytest.fixture
def corpora(tmp_path) -> Path:
    random = np.random.default_rng(0)
    with CorpusWriter(tmp_path / "corpora" / "small") as out:
        for number, (seconds, split) in enumerate([(1.0, "train"), (1.3, "train"), (0.7, "train"), (1.1, "dev")]):
            clip = Clip(f"c{number}", "", 0, 0, "The callers.", "en", "made", "nobody", split=split)
            out.add(clip, random.normal(0, 0.1, int(seconds * 16_000)).astype(np.float32))
    return tmp_path / "corpora"


def trunk_of(encoder: SpeechEncoder, pieces) -> Trunk:
    torch.manual_seed(0)
    return Trunk(
        TrunkSize(encoder.width, 32, 1, 2, 32, characters=len(pieces.characters), pieces=len(pieces.ctc), dropout=0.0)
    )


def bench(corpora: Path, weights: Path, tuned: int, dtype=torch.bfloat16):
    """Trainee, trunk and encoder."""
    encoder, pieces = SpeechEncoder.load(weights, tuned).to(dtype), inventory()
    trunk = trunk_of(encoder, pieces).to(dtype)
    data = tuning.EncodedSound(corpora, ["small"], encoder)
    made = tuning.TunedTrunkTrainee(trunk, data, pieces, DATA, batch_seconds=20, seed=1, scale=0.5)
    return made, trunk, encoder


def test_features_in_torch_are_those_of_the_program():
    sound = np.random.default_rng(1).normal(0, 0.1, (2, 9_600)).astype(np.float32)
    padded = np.pad(sound, ((0, 0), (0, 6_400)))
    found = log_mel(torch.from_numpy(padded)).numpy()
    for row, samples in zip(found, sound, strict=True):
        np.testing.assert_allclose(row, features.log_mel(samples, 1.0)[0], atol=1e-4)


@pytest.mark.parametrize("tuned", [1, 2, 6])
def test_a_step_changes_the_tuned_layers_and_no_others(corpora, weights, tmp_path, tuned):
    trainee, trunk, encoder = bench(corpora, weights, tuned)
    before = {name: value.detach().clone() for name, value in encoder.named_parameters()}
    head = trunk.head.weight.detach().clone()
    stage = Stage(name="ctc", steps=1, learning_rate=0.01, warmup=0)
    Loop(trainee, stage, tmp_path / "run", seed=1, report=lambda _: None).run(float("inf"))
    changed = {name for name, value in encoder.named_parameters() if not torch.equal(value, before[name])}
    own = {f"body.{name}" for name in encoder.trained()}
    assert changed <= own
    assert {name.split(".")[2] for name in changed if ".layers." in name} == {str(n) for n in range(6 - tuned, 6)}
    assert any("layer_norm.weight" in name and "layers" not in name for name in changed)
    assert not torch.equal(trunk.head.weight, head)


def test_the_encoder_learns_at_its_own_rate(corpora, weights):
    trainee, _, encoder = bench(corpora, weights, 2)
    own = len(encoder.trained())
    assert trainee.scales().count(0.5) == own
    assert trainee.scales()[-own:] == [0.5] * own
    assert len(trainee.scales()) == len(trainee.parameters())


def test_what_is_kept_is_read_back(corpora, weights, tmp_path, monkeypatch):
    from safetensors.torch import save_file

    trainee, trunk, encoder = bench(corpora, weights, 2)
    with torch.no_grad():
        for value in trainee.parameters():
            value.add_(0.25)
    other, trunk_again, encoder_again = bench(corpora, weights, 2)
    other.load(trainee.weights())
    assert all(torch.equal(a, b) for a, b in zip(trunk.parameters(), trunk_again.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), encoder_again.parameters(), strict=True))
    monkeypatch.setattr(tuning, "new_encoder", lambda tuned: SpeechEncoder.load(weights, tuned).to(torch.bfloat16))
    assert tuning.load_encoder(tmp_path, "best.safetensors") is None
    (tmp_path / "encoder.json").write_text('{"tuned_layers": 2}', encoding="utf-8")
    with pytest.raises(AdapterMissing, match="no weights of the encoder"):
        tuning.load_encoder(tmp_path, "best.safetensors")
    save_file(trainee.weights(), tmp_path / "best.safetensors")
    found = tuning.load_encoder(tmp_path, "best.safetensors")
    assert not any(value.requires_grad for value in found.parameters())
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), found.parameters(), strict=True))


def test_states_belong_to_the_clips_and_the_same_step_draws_the_same(corpora, weights):
    encoder = SpeechEncoder.load(weights, 2)
    data = tuning.EncodedSound(corpora, ["small"], encoder)
    like = next(encoder.parameters())
    with torch.no_grad():
        states, lengths = data.tensors(data.clips[:3], like)
        drawn = [data.tensors(data.clips[:3], like, (1, step))[0] for step in (7, 7, 8)]
        alone, _ = data.tensors(data.clips[:1], like)
    assert lengths.tolist() == [50, 65, 35]
    assert states.shape == (3, 65, 64)
    assert not states[2, 35:].any()
    assert torch.allclose(states[0, :50], alone[0], atol=1e-4)  # both in the shortest window
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.allclose(drawn[0], drawn[2])
    assert [data.room(clip) for clip in data.clips[:2]] == [200, 200]


def test_windows_are_little_longer_than_the_speech():
    assert [window(s) for s in (0.1, 3.0, 3.01, 12.0, 29.5, 30.0)] == [4.0, 4.0, 4.1, 13.0, 30.0, 30.0]


def test_a_frozen_encoder_is_trained_on_states_that_were_computed_before(corpora, weights, tmp_path, monkeypatch):
    """No layers to tune: the very batches, the very parameters and no encoder at all."""
    from engines.training.data.features import compute

    compute(corpora / "small", encode=lambda _, seconds: np.full((round(seconds * 50), 512), 0.5, np.float32))
    monkeypatch.setattr(benches.paths, "data", lambda: tmp_path / "data")
    (tmp_path / "data" / "training").mkdir(parents=True)
    shutil.move(corpora, tmp_path / "data" / "training" / "corpora")
    monkeypatch.setattr(benches, "_choose", lambda *_: inventory())
    monkeypatch.setattr(benches, "new_encoder", lambda _: pytest.fail("the encoder is frozen"))
    stage = Stage(name="ctc", steps=2, learning_rate=0.01)
    recipe = recipes.Recipe(id="trunk", kind="trunk", data=DATA, stages=(stage,))
    made = benches.TrunkBench(recipe, tmp_path / "run", "cpu")
    assert isinstance(made.data, SpeechData)
    assert not (tmp_path / "run" / "encoder.json").exists()
    trainee = made.trainee(stage)
    assert type(trainee) is benches.TrunkTrainee
    assert list(trainee.weights()) == list(made.trunk.state_dict())
    assert made.parameters() == {"trunk": sum(value.numel() for value in made.trunk.parameters())}
    padded, _ = made.data.padded(made.data.clips[:2])
    states, _ = made.data.tensors(made.data.clips[:2], next(made.trunk.parameters()), (1, 5))
    assert torch.equal(states.float(), torch.from_numpy(padded))
    optimiser = Loop(trainee, stage, tmp_path / "loop", seed=1, report=lambda _: None)._optimiser
    assert [len(group["params"]) for group in optimiser._adam.param_groups] == [
        sum(value.ndim >= 2 for value in made.trunk.parameters()),
        sum(value.ndim < 2 for value in made.trunk.parameters()),
    ]


def test_data_without_sound_are_refused(corpora, weights):
    encoder = SpeechEncoder.load(weights, 1)
    shutil.rmtree(corpora / "small" / "audio")
    with pytest.raises(CorpusInvalid, match="small have no sound"):
        tuning.EncodedSound(corpora, ["small"], encoder)
    with pytest.raises(CorpusInvalid, match="does not exist"):
        tuning.EncodedSound(corpora, ["nothing"], encoder)


def test_weights_of_another_model_are_refused(tmp_path):
    write(tmp_path / "model.bin", {"encoder/conv1/weight": np.zeros((4, 80, 3), np.float32)})
    with pytest.raises(GraphInvalid, match="not those of a Whisper encoder"):
        SpeechEncoder.load(tmp_path, 2)


def started(tmp_path: Path, **options) -> None:
    stage = Stage(name="ctc", steps=2, learning_rate=0.01)
    recipe = recipes.Recipe(id="second", kind="trunk", data=DATA, stages=(stage,), options=options)
    benches.TrunkBench(recipe, tmp_path / "second", "cpu")


def test_a_trunk_starts_only_from_one_that_fits(tmp_path):
    with pytest.raises(RecipeInvalid, match="sets colour"):
        started(tmp_path, colour="red")
    with pytest.raises(AdapterMissing, match="starts from first, which was not trained"):
        started(tmp_path, start="first")
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "best.safetensors").write_bytes(b"")
    (tmp_path / "first" / "encoder.json").write_text(json.dumps({"tuned_layers": 1}), encoding="utf-8")
    with pytest.raises(RecipeInvalid, match="an encoder of its own"):
        started(tmp_path, start="first")


def test_older_checkpoints_are_taken_over():
    from engines.training.optimiser import MasterAdamW

    matrix = torch.nn.Parameter(torch.ones(2, 2))
    optimiser = MasterAdamW([matrix], scales=None)
    state = optimiser.state()
    for group in state["adam"]["param_groups"]:
        group.pop("scale")
    optimiser.restore(state)
    matrix.grad = torch.ones(2, 2)
    optimiser.step(0.1)
    assert types.SimpleNamespace(**optimiser._adam.param_groups[0]).lr == 0.1
