"""The catalogue: every engine is described, can be found, and checks what it is asked."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from engines import catalog
from engines.catalog import Catalogue, Option
from engines.contract import OptionValue, Task
from engines.errors import BadOption, UnknownEngine, UnknownTask
from tests.engines.fakes import catalogue

LATENT = ("latent-convolution", "latent-ctc", "latent-qformer", "latent-pooling")
TOKENS = ("token-semantic", "token-acoustic", "token-hybrid", "token-duplex")


def test_every_engine_has_description_and_factory() -> None:
    offered = catalog.default()
    assert [engine.id for engine in offered.engines] == ["whisper", *sorted_text_engines(), *LATENT, *TOKENS]
    for engine in offered.engines:
        module, _, function = offered.factories[engine.id].partition(":")
        assert callable(getattr(importlib.import_module(module), function))
        assert engine.resolve({}) == {name: option.default for name, option in engine.options.items()}


def sorted_text_engines() -> list[str]:
    described = [catalog.default().describe(name) for name in ("rescoring", "correction", "experts", "cascade")]
    return [engine.id for engine in sorted(described, key=lambda engine: (engine.order, engine.id))]


def test_descriptions_without_factory_are_not_offered() -> None:
    assert [engine.id for engine in Catalogue(factories={"whisper": "engines.text.baseline:build"}).engines] == [
        "whisper"
    ]


def test_unknown_engine_lists_those_there_are() -> None:
    with pytest.raises(UnknownEngine, match="nonesuch") as caught:
        catalog.default().describe("nonesuch")
    assert "whisper" in caught.value.hint


def test_unknown_task_lists_those_there_are() -> None:
    assert catalog.parse_task("speak") is Task.SPEAK
    with pytest.raises(UnknownTask) as caught:
        catalog.parse_task("sing")
    assert "transcribe" in caught.value.hint


def test_supporting_regards_task_and_target() -> None:
    def ids(task: Task, target: str | None = None) -> set[str]:
        return {engine.id for engine in catalog.default().supporting(task, target)}

    assert ids(Task.TRANSLATE, "fr") == {"cascade"}
    assert ids(Task.RESPOND) == {"cascade"}
    assert "whisper" in ids(Task.TRANSLATE, "en")
    assert "whisper" not in ids(Task.SPEAK)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [("3", 3), (3, 3), (3.0, 3)],
)
def test_whole_numbers(value: OptionValue, parsed: int) -> None:
    assert catalogue().describe("fake").resolve({"beam": value})["beam"] == parsed


@pytest.mark.parametrize("value", ["", "x", "0", "21", "2.5", "nan", "inf", "1e400", float("nan")])
def test_impossible_whole_numbers(value: OptionValue) -> None:
    with pytest.raises(BadOption, match=r"fake\.beam"):
        catalogue().describe("fake").resolve({"beam": value})


def test_flags_and_choices() -> None:
    flag = Option(type="bool", default=True, label="Flag", help="A flag.")
    assert flag.parse("f", "off") is False
    assert flag.parse("f", True) is True
    with pytest.raises(BadOption):
        flag.parse("f", "maybe")
    choice = Option(type="choice", default="a", choices=("a", "b"), label="Choice", help="A choice.")
    assert choice.parse("c", "b") == "b"
    with pytest.raises(BadOption, match="'c'"):
        choice.parse("c", "c")


@pytest.mark.parametrize("text", ["id = ", 'id = "x"', "\xff", 'id = "bad id"'])
def test_broken_description_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadOption, match=r"broken\.toml"):
        Catalogue(tmp_path)
