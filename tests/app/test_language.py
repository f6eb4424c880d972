"""The languages of the window: which is taken, and whether every translation is whole."""

from __future__ import annotations

import gettext
import re
import string
from collections.abc import Iterator

import pytest

from app import language
from app.language import tr
from tests import translations

LANGUAGES = ("de", "es", "fr", "zh")


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    language.use(["en"])


def fields(sentence: str) -> list[str]:
    return sorted(f"{name}!{how}" for _, name, _, how in string.Formatter().parse(sentence) if name is not None)


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (["de-AT", "en"], "de"),
        (["xx", "fr_CA"], "fr"),
        (["zh-Hans-CN"], "zh"),
        (["xx"], "en"),
        ([], "en"),
        (["en", "de"], "en"),
    ],
)
def test_the_dearest_language_that_there_is_is_taken(wanted: list[str], taken: str) -> None:
    assert language.use(wanted) == taken
    assert language.current() == taken


def test_a_sentence_is_said_in_it() -> None:
    language.use(["de"])
    assert tr("Close") == "Schließen"
    assert tr("What nobody ever translated") == "What nobody ever translated"
    assert tr("") == ""
    assert language.language_name("fr") == "Französisch"


def test_all_sentences_are_gathered() -> None:
    known = {one.id for one in translations.read(translations.FOLDER / "triptych.pot") if one.id}
    assert {one.id for one in translations.gathered() if one.id} == known, "run `make languages`"


def test_all_languages_are_offered() -> None:
    assert language.offered() == ("en", *LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_translation_is_whole(code: str) -> None:
    file = translations.FOLDER / code / "LC_MESSAGES" / "triptych.po"
    catalog = translations.read(file)
    lacking = [one.id for one in catalog if one.id and not one.string]
    assert not lacking
    for one in catalog:
        if one.id:
            assert fields(one.id) == fields(one.string), one.id
            assert re.findall(r"<[^>]+>|\*\.\w+|;;", one.id) == re.findall(r"<[^>]+>|\*\.\w+|;;", one.string), one.id
    known = {one.id for one in translations.read(translations.FOLDER / "triptych.pot") if one.id}
    assert {one.id for one in catalog if one.id} == known, "run `make languages`"
    with file.with_suffix(".mo").open("rb") as stream:
        compiled = gettext.GNUTranslations(stream)
    assert [one.id for one in catalog if one.id and compiled.gettext(one.id) != one.string] == [], (
        "run `make languages`"
    )
