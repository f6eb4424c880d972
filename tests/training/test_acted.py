"""Acted lines of games, from containers that the tests make themselves."""

import io
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from app.commands import training_data
from engines.contract import Hypothesis
from engines.errors import CorpusInvalid
from engines.training.data import acted, build, queen, rnc, sky
from engines.training.data.corpus import Corpus


def tone(seconds, rate=16_000):
    return (0.3 * np.sin(np.arange(int(seconds * rate)) / 9)).astype(np.float32)


class Packer:
    """Packs as method 1 does, with codes of four bits throughout."""

    def __init__(self):
        self.out, self.free, self.word = bytearray(), 0, 0

    def bits(self, value, count):
        for place in range(count):
            if not self.free:
                self.word, self.free = len(self.out), 16
                self.out += bytes(2)
            self.out[self.word + (16 - self.free) // 8] |= (value >> place & 1) << (16 - self.free) % 8
            self.free -= 1

    def number(self, value):
        size = value.bit_length()
        self.bits(int(f"{size:04b}"[::-1], 2), 4)
        if size > 1:
            self.bits(value - (1 << size - 1), size - 1)

    def chunk(self, steps):
        for _ in range(3):
            self.bits(16, 5)
            self.bits(int("4" * 16, 16), 64)
        self.bits(len(steps), 16)
        for number, (literal, distance, length) in enumerate(steps, 1):
            self.number(len(literal))
            self.out += literal
            if number < len(steps):
                self.number(distance - 1)
                self.number(length - 2)


def packed(chunks, plain):
    packer = Packer()
    packer.bits(0, 2)
    for steps in chunks:
        packer.chunk(steps)
    sizes = len(plain).to_bytes(4, "big") + len(packer.out).to_bytes(4, "big")
    sums = rnc.crc16(plain).to_bytes(2, "big") + rnc.crc16(bytes(packer.out)).to_bytes(2, "big")
    return rnc.MAGIC + sizes + sums + bytes([0, len(chunks)]) + bytes(packer.out)


def bass(folder, files):
    """A ``sky.dnr`` with its ``sky.dsk``: number of a file → its bytes; every second offset counts by 16."""
    table, body = b"", b""
    for number, data in files.items():
        body += bytes(-len(body) % 16)
        place = len(body) if len(table) % 16 else len(body) // 16 | 1 << 23
        table += number.to_bytes(2, "little") + place.to_bytes(3, "little") + len(data).to_bytes(3, "little")
        body += data
    (folder / "sky.dnr").write_bytes(len(files).to_bytes(4, "little") + table)
    (folder / "sky.dsk").write_bytes(body)
    return folder / "sky.dnr"


def amazon(path, sounds, *, magic=b"QTBL", compression=1):
    offset = 15 + 21 * len(sounds)
    table, body = b"", b""
    for name, data in sounds.items():
        place, size = (offset + len(body)).to_bytes(4, "big"), len(data).to_bytes(4, "big")
        table += name.encode().ljust(12, b"\0") + b"\1" + place + size
        body += data
    path.write_bytes(magic + bytes(8) + bytes([compression]) + len(sounds).to_bytes(2, "big") + table + body)


class Reader:
    """Stands for the recogniser: reads the same text of everything, as surely as it is told."""

    def __init__(self, surety, searched="Where did you find the skull?"):
        self.heard = 0
        self.surety, self.texts = surety, {1: "Where did you find the skull?", 5: searched}

    def encode(self, samples):
        self.heard += 1
        return samples

    def nbest(self, states, *, language, beam):
        assert language == "en"
        yield "Where did"
        yield SimpleNamespace(hypotheses=(Hypothesis(self.texts[beam], self.surety * 8, 8),))


def test_what_was_packed_is_unpacked():
    text = b"round and round and round it goes" + bytes(range(200))
    steps = [(text[:10], 10, 15), (text[25:27], 1, 2), (b"", 3, 0)]
    plain = text[:25] + text[25:27] + text[26:27] * 2
    data = packed([steps, [(b"!" * 300, 0, 0)]], plain + b"!" * 300)
    assert rnc.unpack(data + b"what follows") == plain + b"!" * 300
    assert rnc.crc16(b"123456789") == 0xBB3D


@pytest.mark.parametrize("damage", [lambda d: b"RNC\2" + d[4:], lambda d: d[:-1], lambda d: d[:10], lambda d: b""])
def test_damaged_packs_are_refused(damage):
    with pytest.raises(ValueError, match="RNC"):
        rnc.unpack(damage(packed([[(b"hello", 0, 0)]], b"hello")))


def test_impossible_packs_are_refused():
    for steps, plain in ([(b"a", 9, 4), (b"", 0, 0)], b"aaaaa"), ([(b"hello", 0, 0)], b"jello"):
        with pytest.raises(ValueError, match="RNC"):
            rnc.unpack(packed([steps], plain))


def test_lines_of_the_steel_sky_are_unpacked(tmp_path):
    pcm = (tone(2, sky.RATE) * 127 + 128).astype(np.uint8).tobytes()
    halves = [[(pcm[:9000], 0, 0)], [(pcm[9000:], 0, 0)]]
    header = bytes(22)
    whole = header + packed(halves, pcm)
    files = {50_007: whole, 55_299: header + pcm, 50_100: whole[:-300] + bytes(300), 50_101: header, 60_000: pcm}
    found = dict(sky.sounds(bass(tmp_path, files), Random(0)))
    assert set(found) == {"50007", "55299", "50100", "50101"}
    assert found["50100"] is None
    assert found["50101"] is None
    assert np.array_equal(found["50007"], found["55299"])
    assert found["50007"].shape[0] == pytest.approx(32_000, abs=20)
    assert 0.28 < np.abs(found["50007"]).max() < 0.32


def test_another_table_is_not_the_steel_sky(tmp_path):
    with pytest.raises(CorpusInvalid, match="cannot be read"):
        sky.sounds(tmp_path / "sky.dnr", Random(0))
    path = bass(tmp_path, {60_000: b"x"})
    with pytest.raises(CorpusInvalid, match="no spoken lines"):
        sky.sounds(path, Random(0))
    bass(tmp_path, {50_000: b"x"})
    (tmp_path / "sky.dsk").unlink()
    with pytest.raises(CorpusInvalid, match=r"no sky\.dsk"):
        sky.sounds(path, Random(0))
    path.write_bytes(b"\1\0\0\0")
    with pytest.raises(CorpusInvalid, match=r"not a sky\.dnr"):
        sky.sounds(path, Random(0))


def test_acted_lines_are_kept_where_the_reader_is_sure(tmp_path):
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(2.5), 16_000, format="MP3")
    mp3 = buffer.getvalue()
    path = tmp_path / "queen.1c"
    amazon(path, {f"L{i}.SB": mp3 for i in range(5)} | {"BAD.SB": b"\0" * 50, "A.PCX": b"x"})
    sure = acted.acted("queen", path, tmp_path / "sure", Reader(-0.1))
    assert (sure.heard, sure.kept, sure.broken) == (5, 3, 1)
    clips = Corpus.open(tmp_path / "sure").clips
    assert len(clips) == 6
    assert clips[0].text == "Where did you find the skull?"
    unsure = acted.acted("queen", path, tmp_path / "unsure", Reader(-0.9))
    assert unsure.kept == 0


@pytest.mark.parametrize(
    ("searched", "kept"), [("Where did you find this gull?", 0), ("where did you find the skull", 1)]
)
def test_a_line_is_kept_where_both_searches_find_the_same_words(tmp_path, searched, kept):
    pcm = (tone(2, sky.RATE) * 127 + 128).astype(np.uint8).tobytes()
    path = bass(tmp_path, {50_007: bytes(22) + pcm})
    assert acted.acted("sky", path, tmp_path / "made", Reader(-0.1, searched)).kept == kept


def test_a_line_is_not_heard_twice(tmp_path):
    pcm = (tone(2, sky.RATE) * 127 + 128).astype(np.uint8).tobytes()
    path, made = bass(tmp_path, {50_007: bytes(22) + pcm, 50_008: bytes(22) + pcm}), tmp_path / "made"
    assert acted.acted("sky", path, made, Reader(-0.1)).kept == 2
    first = (made / "manifest.jsonl").read_bytes()
    readings = (made / acted.READINGS).read_text(encoding="utf-8").splitlines()
    (made / acted.READINGS).write_text(readings[0] + "\n" + readings[1][:9], encoding="utf-8")
    (made / "features").mkdir()
    reader = Reader(-0.1)
    assert acted.acted("sky", path, made, reader).kept == 2
    assert reader.heard == 1
    assert acted.acted("sky", path, made, reader).kept == 2
    assert reader.heard == 1
    assert (made / "manifest.jsonl").read_bytes() == first
    assert not (made / "features").exists()


def test_a_corpus_stays_where_the_game_is_missing(tmp_path):
    (tmp_path / "made").mkdir()
    with pytest.raises(CorpusInvalid, match="cannot be read"):
        acted.acted("sky", tmp_path / "sky.dnr", tmp_path / "made", Reader(-0.1))
    assert (tmp_path / "made").is_dir()


def test_a_recipe_names_a_game_and_goes_without_a_missing_one(tmp_path, monkeypatch, capsys):
    pcm = (tone(2, sky.RATE) * 127 + 128).astype(np.uint8).tobytes()
    bass(tmp_path, {50_007: bytes(22) + pcm})
    monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(acted, "open_recogniser", lambda: Reader(-0.1))
    acts = '[[acted]]\nname = "{0}"\ngame = "{1}"\nfile = "{2}"\nhours = 1\n'
    recipe = tmp_path / "r.toml"
    recipe.write_text(acts.format("one", "sky", tmp_path / "sky.dnr") + acts.format("two", "queen", tmp_path / "none"))
    spec = build.read_spec(recipe)
    assert build.build(spec, "one").clips == 1
    with pytest.raises(CorpusInvalid, match="cannot be read"):
        build.build(spec, "two")
    recipe.write_text(acts.format("two", "queen", tmp_path / "none"))
    assert training_data.build(recipe) == 0
    assert "two is left out" in capsys.readouterr().err


def test_another_file_is_not_the_amazon_queen(tmp_path):
    with pytest.raises(CorpusInvalid, match="cannot be read"):
        queen.entries(tmp_path / "queen.1c")
    for values in ({"magic": b"RIFF"}, {"compression": 3}):
        amazon(tmp_path / "queen.1c", {"A.SB": b"x"}, **values)
        with pytest.raises(CorpusInvalid, match="MP3"):
            queen.entries(tmp_path / "queen.1c")
    amazon(tmp_path / "queen.1c", {"A.PCX": b"x"})
    with pytest.raises(CorpusInvalid, match="no spoken lines"):
        queen.entries(tmp_path / "queen.1c")
