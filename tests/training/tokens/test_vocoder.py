"""Training of the unit vocoder: it learns, resumes to the same weights, is published and speaks, and refuses faults."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime as ort
import pytest

from engines.contract import SAMPLE_RATE
from engines.errors import AdapterMissing, CorpusInvalid, RecipeInvalid
from engines.models.unit_vocoder import UnitVocoder
from engines.tokens.codebook import Codebook
from engines.training.data import features, latents
from engines.training.data.corpus import Clip, CorpusWriter, corpora
from engines.training.recipes import Recipe
from engines.training.tokens import vocoder
from engines.weights import cards
from export import unit_vocoder
from tests.models import vocoder_parts as parts

torch = pytest.importorskip("torch")

_CENTRES = np.random.default_rng(8).normal(size=(parts.UNITS, 512)).astype(np.float32)
_SOUNDS = np.random.default_rng(9).normal(size=(parts.UNITS, parts.WIDTH)).astype(np.float32)


class Nearest:
    """Units by the nearest centre."""

    size = parts.UNITS

    def units(self, states):
        pairs = states[: len(states) // 2 * 2].reshape(-1, 2, 512).mean(1)
        return (pairs @ _CENTRES.T - 0.5 * (_CENTRES**2).sum(1)).argmax(1).astype(np.int32)


def recipe(steps=40, **options):
    return Recipe.model_validate(
        {
            "id": "vocoder", "kind": "vocoder", "data": {"corpora": ["made"], "development": 4},
            "network": {"width": 16, "layers": 1, "inner": 32, "kernel": 3, "heads": 2, "dropout": 0.1},
            "options": {"fine": 1, "durations": 1, **options},
            "stages": [
                {
                    "name": "vocoder", "steps": steps, "batch_seconds": 20.0, "learning_rate": 0.02, "warmup": 4,
                    "evaluate_every": 10,
                }
            ],
        }
    )  # fmt: skip


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A corpus in which every unit has a sound of its own, held for 2 to 5 frames; and the decoder it was made by."""
    monkeypatch.setenv("TRIPTYCH_ADAPTERS", str(tmp_path / "adapters"))
    parts.install_decoder(tmp_path / "voice")
    random = np.random.default_rng(0)
    folder = corpora() / "made"
    states, spans, values = [], {}, []
    with CorpusWriter(folder) as writer:
        for number in range(24):
            frames = np.repeat(random.integers(0, parts.UNITS, 20), random.integers(2, 6, 20))
            clip = Clip(
                f"c{number}", "", 0, 0, "words", "en", "made up", "nobody", split="dev" if number % 6 == 0 else "train"
            )
            samples = np.zeros(int(len(frames) * 0.04 * SAMPLE_RATE), np.float32)
            writer.add(clip, samples)
            states.append(np.repeat(_CENTRES[frames], 2, 0))
            places = (np.arange(int(len(frames) * 22050 / 256 / 25)) * 25 * 256 / 22050).astype(int)
            values.append(_SOUNDS[frames[places]])
            spans[clip.id] = len(values[-1])
    ready = iter(states)
    features.compute(folder, encode=lambda _, seconds: np.resize(next(ready), (int(50 * seconds), 512)))
    np.concatenate(values).astype(np.float16).tofile(folder / "features" / "latents.f16")
    latents._note(folder / "features", spans, {"width": parts.WIDTH})
    return folder


def train(folder, minutes=None, tokeniser=None, wanted=None):
    told = []
    trained = vocoder.run(
        wanted or recipe(), minutes=minutes, device="cpu", folder=folder, report=told.append,
        tokeniser=tokeniser or Nearest(),
    )  # fmt: skip
    return trained, told


def test_it_learns_and_speaks(data, tmp_path):
    trained, told = train(tmp_path / "run", wanted=recipe(steps=120))
    measured = [progress.wer for progress in told if progress.wer is not None]
    assert measured[-1] < 0.4 * measured[0]
    assert (trained.over, trained.steps) == (True, 120)
    assert set(trained.metrics) == {"distance", "distance_durations"}
    adapters = tmp_path / "adapters"
    (adapters / "units").mkdir(parents=True)
    book = Codebook(np.eye(parts.UNITS, 4, dtype=np.float32) + 1, np.zeros(4, np.float32), np.ones(4, np.float32))
    digest = cards.file_digest(book.write(adapters / "units"))
    unit_vocoder.publish(trained, adapters)
    opened = UnitVocoder.open()
    opened.check_units(parts.UNITS, digest)
    assert opened.card.vocoder.reach == 1
    assert (adapters / "vocoder" / "curve.csv").is_file()
    # Latents of a long unit are those that it has in the data; weights are kept in half precision.
    found = opened.latents(np.full(20, 3, np.int64), vocoder.places(0, 60, 3.4453125, 20))
    assert np.abs(found[10:50] - _SOUNDS[3]).mean() < 0.5
    assert 2 <= opened.durations([1, 2, 3, 4, 5]).mean() <= 6
    chunks = list(opened.speak([1, 2, 3]))
    assert np.isfinite(np.concatenate([chunk.samples for chunk in chunks])).all()


def test_the_graph_gives_what_the_network_gives(data, tmp_path):
    from engines.training.networks.unit_vocoder import ExportedLatents, VocoderSize
    from engines.training.networks.unit_vocoder import UnitVocoder as Network

    network = Network(VocoderSize(9, width=16, layers=2, fine=1, durations=1, inner=16, kernel=3, latents=5)).eval()
    network.mean += 0.3
    unit_vocoder.write_graphs(network, tmp_path)
    where = vocoder.places(3, 40, 3.4453125, 14)
    units = np.random.default_rng(2).integers(0, 9, 14)
    given = {"units": units, "left": where.left, "right": where.right, "mix": where.mix}
    found = ort.InferenceSession(str(tmp_path / "latents.onnx")).run(None, given)[0]
    with torch.no_grad():
        expected = ExportedLatents(network)(*(torch.from_numpy(value) for value in given.values())).numpy()
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_padding_changes_nothing():
    from engines.training.networks.unit_vocoder import UnitVocoder as Network
    from engines.training.networks.unit_vocoder import VocoderSize

    network = Network(VocoderSize(9, width=16, layers=2, fine=2, durations=2, inner=16, kernel=5, latents=5)).eval()
    random = np.random.default_rng(2)
    made = [
        vocoder.Item(random.integers(0, 9, n).astype(np.int32), random.normal(size=(3 * n, 5)).astype(np.float16))
        for n in (12, 31)
    ]
    trainee = vocoder.VocoderTrainee(network, made, made, batch_seconds=9, corrupt=0.0, seed=1)
    with torch.no_grad():
        alone = [trainee._errors([item], None)["distance"] for item in made]
        both = trainee._errors(made, None)["distance"]
    assert float(both) == pytest.approx((12 * float(alone[0]) + 31 * float(alone[1])) / 43, rel=1e-4)


def test_an_interrupted_run_comes_to_the_same_weights(data, tmp_path):
    train(tmp_path / "whole")
    trained, told = train(tmp_path / "parts", minutes=0)
    assert (trained.over, told) == (False, [])
    steps = iter(range(13))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engines.training.loop.time.monotonic", lambda: 0.0 if next(steps, None) is not None else 1e12)
        assert not train(tmp_path / "parts", minutes=1)[0].over
    assert train(tmp_path / "parts")[0].over
    one, two = ((tmp_path / name / "best.safetensors").read_bytes() for name in ("whole", "parts"))
    assert one == two


def test_missing_latents_and_units_are_named(data, tmp_path):
    with pytest.raises(AdapterMissing):
        vocoder.run(recipe(), folder=tmp_path / "run", report=lambda _: None)
    card = data / "features" / "latents.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"decoder": "other"}), encoding="utf-8")
    with pytest.raises(CorpusInvalid, match="another decoder"):
        train(tmp_path / "run")
    card.unlink()
    with pytest.raises(CorpusInvalid, match="no latents"):
        train(tmp_path / "run")


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"speed": 3}, "unknown options: speed"), ({"fine": "x"}, "no number"), ({"corrupt": 1.0}, "impossible")],
)
def test_impossible_options_are_refused(tmp_path, options, reason):
    with pytest.raises(RecipeInvalid, match=reason):
        train(tmp_path / "run", wanted=recipe(**options))


def test_a_run_without_weights_is_not_published(data, tmp_path):
    trained, _ = train(tmp_path / "run", minutes=0)
    with pytest.raises(AdapterMissing, match="no weights to keep"):
        unit_vocoder.publish(trained, tmp_path / "adapters")


def test_latents_follow_resampled_sound():
    latents_of = np.linspace(0, 10, 101)[:, None].astype(np.float32)
    for tract in (0.86, 1.0, 1.16):
        found = latents._squeezed(latents_of, tract)
        assert len(found) == round(101 / tract)
        np.testing.assert_allclose(np.diff(found[2:-2, 0]), 0.1 * tract, atol=1e-5)
