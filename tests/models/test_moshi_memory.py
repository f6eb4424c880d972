"""What the published Moshi takes: counted against transformers' own class, and refused where it would not fit."""

from __future__ import annotations

import json

import pytest

from engines.errors import GraphInvalid, MemoryShort, WeightsMissing
from engines.models import moshi_memory
from engines.models.moshi import Moshi
from engines.models.moshi_memory import estimate, require

PUBLISHED = {"model_type": "moshi"}


@pytest.mark.parity
@pytest.mark.parametrize(
    "config",
    [
        {},
        {
            "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "ffn_dim": 96, "vocab_size": 50, "num_codebooks": 4, "sliding_window": 20,
            "depth_decoder_config": {
                "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "ffn_dim": 40,
            },
        },
    ],
)  # fmt: skip
def test_parameters_are_those_of_transformers(config):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    made = transformers.MoshiConfig(**json.loads(json.dumps(config)))
    with torch.device("meta"):
        model = transformers.MoshiForConditionalGeneration(made)
    count = sum(value.numel() for value in model.parameters())
    assert estimate(made.to_dict()).parameters == count


def test_the_published_one_takes_about_seventeen_gigabytes():
    need = estimate(PUBLISHED)
    assert 7.5e9 < need.parameters < 8.5e9
    assert need.weight_bytes == 2 * need.parameters
    assert need.cache_bytes == pytest.approx(2 * 2 * 32 * 4096 * 3000, rel=0.01)
    assert need.bytes > need.weight_bytes + need.cache_bytes
    assert estimate(PUBLISHED, "float32").weight_bytes == 2 * need.weight_bytes


def written(folder, config):
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    (folder / "model-00001.safetensors").touch()
    return folder


def test_need_and_have_are_named_where_memory_is_short(tmp_path):
    folder = written(tmp_path, PUBLISHED)
    with pytest.raises(MemoryShort, match=r"takes \d+\.\d GiB of memory in bfloat16; 4\.0 GiB are free"):
        require(folder, available=4 * 2**30)
    assert require(folder, available=64 * 2**30).parameters > 7e9


def test_nothing_is_loaded_that_does_not_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(moshi_memory.psutil, "virtual_memory", lambda: type("Free", (), {"available": 2**30}))
    with pytest.raises(MemoryShort, match=r"1\.0 GiB are free"):
        Moshi.open(written(tmp_path, PUBLISHED))


def test_what_is_missing_or_damaged_is_named(tmp_path):
    with pytest.raises(WeightsMissing, match="holds no checkpoint"):
        require(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(WeightsMissing, match="holds no checkpoint"):
        require(tmp_path)
    for config, sentence in (
        ("{", "damaged"),
        ("[]", "damaged"),
        ({"model_type": "mimi"}, "no configuration of Moshi"),
        ({"model_type": "moshi", "hidden_size": -4}, "hidden_size: -4"),
        ({"model_type": "moshi", "num_hidden_layers": "many"}, "num_hidden_layers"),
    ):
        with pytest.raises(GraphInvalid, match=sentence):
            require(written(tmp_path, config))
    with pytest.raises(GraphInvalid, match="int3"):
        estimate(PUBLISHED, "int3")
