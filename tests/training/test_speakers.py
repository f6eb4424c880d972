"""Synthetic speakers, disturbances and recordings, with programs that the tests write themselves."""

import json
from random import Random

import numpy as np
import pytest
import soundfile

from engines.errors import BadOption, CorpusInvalid, VoiceUnavailable
from engines.training.data import augment, build, real, voices
from engines.training.data.corpus import Corpus
from engines.training.data.lines import Line
from engines.training.data.spoken import joined, synthesise

_PROGRAM = """#!{python}
import io, sys, wave, array, math
text = sys.argv[-1] if "espeak" in sys.argv[0] else sys.argv[sys.argv.index("-t") + 1]
if "silent" in text: sys.exit(1)
sound = array.array("h", [int(9000 * math.sin(i / 9)) for i in range(900 * len(text))])
buffer = io.BytesIO()
with wave.open(buffer, "wb") as file:
    file.setnchannels(1); file.setsampwidth(2); file.setframerate(22050); file.writeframes(sound.tobytes())
data = bytearray(buffer.getvalue())
data[40:44] = b"\\xff\\xff\\xff\\x7f"
sys.stdout.buffer.write(data)
"""


@pytest.fixture
def speaking(tmp_path, monkeypatch):
    import sys

    for name in ("espeak-ng", "flite"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(_PROGRAM.format(python=sys.executable), encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def tone(seconds):
    return (0.3 * np.sin(np.arange(int(seconds * 16_000)) / 9)).astype(np.float32)


@pytest.mark.usefixtures("speaking")
def test_a_corpus_is_spoken_and_repeats_with_its_seed(tmp_path):
    lines = [Line(f"Number {i} is here.", "en", "made") for i in range(40)]
    lines[3] = Line("Be silent.", "en", "made")
    made = synthesise(tmp_path / "one", ([line] for line in lines), hours={"en": 20 / 3600}, seed=4)
    assert made.failed == 1
    assert 20 <= made.hours * 3600 < 25
    corpus = Corpus.open(tmp_path / "one")
    assert len(corpus.clips) == made.clips
    assert all(clip.text in {line.text for line in lines} for clip in corpus.clips)
    assert any(clip.augmented for clip in corpus.clips)
    synthesise(tmp_path / "two", ([line] for line in lines), hours={"en": 20 / 3600}, seed=4)
    first, second = ((tmp_path / name / "manifest.jsonl").read_text(encoding="utf-8") for name in ("one", "two"))
    assert first == second


@pytest.mark.usefixtures("speaking")
def test_a_speaker_gives_trimmed_sound_at_sixteen_kilohertz():
    for program in ("espeak-ng", "flite"):
        sound = voices.say("Hello there.", voices.Speaker(program, "any", 150, 50, 1.0), "en")
        assert sound.dtype == np.float32
        assert sound.shape[0] / 16_000 == pytest.approx(12 * 900 / 22_050, abs=0.11)
    with pytest.raises(VoiceUnavailable, match="did not say"):
        voices.say("silent", voices.Speaker("flite", "slt", 1.0, 50, 1.0), "en")


def test_a_missing_program_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VoiceUnavailable) as caught:
        voices.programs("es")
    assert "espeak-ng" in caught.value.hint
    with pytest.raises(VoiceUnavailable, match="not installed"):
        voices.say("x", voices.Speaker("espeak-ng", "es", 150, 50, 1.0), "es")
    with pytest.raises(VoiceUnavailable, match="'xx'"):
        voices.programs("xx")


def test_silence_is_no_speech():
    with pytest.raises(VoiceUnavailable, match="silent"):
        voices.finished(np.zeros(8000, np.float32), 16_000)


def test_lines_are_joined_up_to_a_length():
    lines = [Line(f"This is line {i} of them.", "en", "made") for i in range(30)]
    groups = list(joined(lines, Random(1), chance=1.0, most_words=13))
    assert [line for group in groups for line in group] == lines
    assert {len(group) for group in groups} <= {1, 2}
    assert max(map(len, groups)) == 2


@pytest.mark.parametrize("seed", range(12))
def test_disturbed_sound_stays_sound(seed):
    sound, done = augment.augment(tone(0.7), np.random.default_rng(seed), [tone(0.2)])
    assert done
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert 0 < np.abs(sound).max() <= 0.96
    assert 0.5 < sound.shape[0] / 16_000 < 1.0
    again, _ = augment.augment(tone(0.7), np.random.default_rng(seed), [tone(0.2)])
    np.testing.assert_array_equal(sound, again)


def test_noise_has_the_level_asked_for():
    clean = tone(2.0)
    noisy = augment.add_noise(clean, np.random.default_rng(0), 10.0)
    ratio = 10 * np.log10(np.mean(clean**2) / np.mean((noisy - clean) ** 2))
    assert ratio == pytest.approx(10.0, abs=0.1)
    np.testing.assert_array_equal(
        augment.add_noise(np.zeros(9, np.float32), np.random.default_rng(0), 10.0), np.zeros(9)
    )


def test_a_telephone_passes_speech_and_stops_bass():
    def through(hertz):
        sound = (0.3 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000)).astype(np.float32)
        return float(np.std(augment.telephone(sound)) / np.std(sound))

    assert through(1000) > 0.9
    assert through(60) < 0.1
    assert through(6000) < 0.1


def test_recordings_are_split_by_place_and_copied_for_training_alone(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    rows = [{"id": f"r{i}", "audio": f"r{i}.wav", "language": "en", "text": f"Prompt {i}."} for i in range(10)]
    for i in range(10):
        soundfile.write(source / f"r{i}.wav", tone(0.4 if i != 4 else 31), 16_000)
    (source / "r2.wav").write_bytes(b"no sound")
    text = "\n".join([*map(json.dumps, rows), "{"])
    (source / "manifest.jsonl").write_text(text, encoding="utf-8")
    result = real.prompts(source, tmp_path / "made", copies=2)
    assert result.broken == ["line 11", "r2.wav"]
    assert result.long == ["r4.wav"]
    clips = {clip.id: clip.split for clip in Corpus.open(tmp_path / "made").clips}
    assert {name for name, split in clips.items() if split == "test"} == {f"en-r{i}" for i in (1, 3, 5, 7, 9)}
    assert {name for name, split in clips.items() if split == "dev"} == {"en-r0", "en-r8"}
    assert {name for name, split in clips.items() if split == "train"} == {"en-r6", "en-r6~1", "en-r6~2"}


def test_a_folder_without_recordings_is_named(tmp_path):
    with pytest.raises(CorpusInvalid, match="holds no recordings"):
        real.prompts(tmp_path, tmp_path / "made")
    (tmp_path / "manifest.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(CorpusInvalid, match="names no recording"):
        real.prompts(tmp_path, tmp_path / "made")


@pytest.mark.parametrize(
    "text",
    [
        "parts = 0",
        "unknown = 1",
        '[[synthetic]]\nname = "../x"\nseed = 1\nhours = { en = 1 }',
        '[[synthetic]]\nname = "x"\nseed = 1\nhours = { en = -1 }',
        '[[synthetic]]\nname = "x"\nseed = 1\nhours = {}',
        '[[acted]]\nname = "x"\ngame = "chess"\nfile = "x"\nhours = 1',
        "not toml",
    ],
)
def test_wrong_recipes_are_refused_with_a_sentence(tmp_path, text):
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadOption, match=r"r\.toml"):
        build.read_spec(tmp_path / "r.toml")
    with pytest.raises(BadOption, match="cannot be read"):
        build.read_spec(tmp_path / "none.toml")


def test_the_recipe_that_ships_is_understood():
    from engines import paths

    spec = build.read_spec(paths.resources() / "recipes" / "corpus-cpu.toml")
    assert {corpus.name for corpus in spec.synthetic} >= {"synthetic-1", "synthetic-2"}
    assert {corpus.game for corpus in spec.acted} == {"queen", "sky"}
    with pytest.raises(BadOption, match="no corpus"):
        build.build(spec, "other")
