"""Where training text comes from, and what is kept of it."""

import itertools
import struct
from random import Random

import pytest

from engines.errors import CorpusInvalid
from engines.training.data import parallel, phrases, texts
from engines.training.data.build import common_words
from engines.training.data.lines import Line, sentences, speakable, tidy


def catalogue(path, messages):
    """Writes a gettext catalogue (GNU gettext manual, "The Format of GNU MO Files")."""
    pairs = sorted((key.encode(), value.encode()) for key, value in messages.items())
    pairs.insert(0, (b"", b"Content-Type: text/plain; charset=UTF-8\n"))
    start = 28 + 16 * len(pairs)
    tables, body = [[], []], b""
    for side in (0, 1):
        for pair in pairs:
            tables[side].append(struct.pack("<II", len(pair[side]), start + len(body)))
            body += pair[side] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + b"".join(tables[0] + tables[1]) + body)


def test_wordnet_examples_become_sentences(tmp_path):
    (tmp_path / "data.noun").write_text(
        '1 n | a thing; "the cat i saw slept"; "x_y <b>"; "why not?"\n', encoding="utf-8"
    )
    assert [line.text for line in texts.wordnet(tmp_path)] == ["The cat I saw slept.", "Why not?"]


def test_fortunes_lose_signatures_and_line_breaks(tmp_path):
    saying = (
        "A dream will always\ntriumph over reality.  So there!\n\t\t-- Stanislaw Lem\n%\nlower case is left out.\n%\n"
    )
    (tmp_path / "wisdom").write_text(saying, encoding="utf-8")
    (tmp_path / "wisdom.dat").write_bytes(b"\0")
    found = [line.text for line in texts.fortunes(tmp_path)]
    assert found == ["A dream will always triumph over reality.", "So there!"]


def test_catalogues_give_aligned_sentences(tmp_path):
    messages = {
        "Come quickly! The gate is open.": "¡Venid rápido! La puerta está abierta.",
        "whiteboard^I see nothing.": "No veo nada.",
        "Missing $arg here.": "Falta $arg aquí.",
        "Same thing.": "Same thing.",
        "One word here.": "Una frase que es mucho más larga que el original y por eso no vale nada.",
    }
    catalogue(tmp_path / "es" / "LC_MESSAGES" / "story.mo", messages)
    (tmp_path / "es" / "broken.mo").write_bytes(b"not a catalogue")
    pairs = {line.text: line.english for line in parallel.translated(tmp_path, "es")}
    assert pairs == {
        "¡Venid rápido!": "Come quickly!",
        "La puerta está abierta.": "The gate is open.",
        "No veo nada.": "I see nothing.",
    }
    assert "Come quickly!" in {line.text for line in parallel.english(tmp_path)}


@pytest.mark.parametrize("read", [texts.wordnet, texts.fortunes, parallel.english])
def test_an_empty_or_missing_folder_is_named(tmp_path, read):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CorpusInvalid, match=folder.name) as caught:
            list(read(folder))
        assert "Debian" in caught.value.hint


def test_what_can_be_said():
    assert speakable("Don't go – it's 7 o'clock!", "en")
    assert speakable("¿Qué hacéis aquí?", "es")
    for text in ("", "a <b>", "50%", "x" * 30, "word " * 21, "www.example.org/x", "AAAAAAAA", "Naïve"):
        assert not speakable(text, "en"), text
    assert tidy("He said \u2014 \u2018no\u2019\u2026  twice") == "He said – 'no'... twice"
    assert sentences("Mr. Smith left. He was late! Was he?") == ["Mr. Smith left.", "He was late!", "Was he?"]


def test_generated_phrases_can_be_said_and_repeat_with_their_seed():
    def make():
        return list(itertools.islice(phrases.phrases(Random(3), ["house", "garden"]), 600))

    lines = make()
    assert lines == make()
    assert all(line.text[0].isupper() or line.text[0].isdigit() for line in lines)
    assert not any(character.isdigit() for line in lines if line.spoken for character in line.spoken)
    assert any(len(line.text.split()) == 1 for line in lines)
    assert any(":" in line.text for line in lines)


def test_common_words_come_first():
    lines = [
        Line("The cat saw the dog.", "en", "x"),
        Line("Was the dog the cat?", "en", "x"),
        Line("A dog.", "en", "x"),
    ]
    assert common_words(iter(lines)) == ["the", "dog"]
