"""Sound files of every kind become utterances; bad ones become one sentence."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import socket
import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from engines.audio import decoders, spool
from engines.audio.load import from_samples, load, open_spooled
from engines.audio.samples import list_samples
from engines.errors import AudioUnreadable, AudioUnusable, BadInput, Cancelled, DiskFull


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def encode(path: Path, codec: str, samples: np.ndarray, rate: int, *, video: bool = False, sound: bool = True) -> Path:
    """Writes a file with PyAV: ``samples`` (n,), a blank video beside it on request."""
    with av.open(str(path), "w") as container:
        if video:
            pictures = container.add_stream("mpeg4", rate=10)
            pictures.width = pictures.height = 32
            pictures.pix_fmt = "yuv420p"
        stream = container.add_stream(codec, rate=rate, layout="mono") if sound else None
        if video:
            for _ in range(10):
                container.mux(pictures.encode(av.VideoFrame(32, 32, "yuv420p")))
            container.mux(pictures.encode())
        if stream is not None:
            frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            frame.sample_rate = rate
            resampler = av.AudioResampler(format=stream.format, layout="mono", rate=stream.rate)
            for part in resampler.resample(frame):
                container.mux(stream.encode(part))
            container.mux(stream.encode())
    return path


def hertz(samples: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * 16_000 / len(samples))


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "PCM_16"), ("a.wav", "PCM_U8"), ("a.wav", "PCM_24"), ("a.wav", "FLOAT"), ("a.wav", "DOUBLE"),
        ("a.wav", "ULAW"), ("a.flac", "PCM_16"), ("a.ogg", "VORBIS"), ("a.ogg", "OPUS"), ("a.mp3", "MPEG_LAYER_III"),
        ("a.aiff", "PCM_16"),
    ],
)  # fmt: skip
def test_soundfile_formats_keep_length_and_pitch(tmp_path: Path, name: str, subtype: str) -> None:
    path = tmp_path / name
    soundfile.write(path, tone(2.0, 48_000), 48_000, subtype=subtype)
    utterance = load(path)
    assert utterance.samples.dtype == np.float32
    assert utterance.samples.ndim == 1
    assert utterance.seconds == pytest.approx(2.0, abs=0.06)
    assert hertz(utterance.samples[8000:24_000]) == pytest.approx(440, abs=2)
    assert utterance.source == name
    assert utterance.notes == ()


@pytest.mark.parametrize(
    ("name", "codec", "rate", "video"),
    [("a.m4a", "aac", 44_100, False), ("a.mp4", "aac", 44_100, True), ("a.mkv", "libopus", 48_000, True)],
)
def test_pyav_formats_keep_length_and_pitch(tmp_path: Path, name: str, codec: str, rate: int, video: bool) -> None:
    utterance = load(encode(tmp_path / name, codec, tone(2.0, rate), rate, video=video))
    assert utterance.seconds == pytest.approx(2.0, abs=0.08)
    assert hertz(utterance.samples[8000:24_000]) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 22_050, 44_100, 96_000, 768_000])
def test_any_rate_keeps_length(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0.7, rate), rate)
    assert load(tmp_path / "a.wav").samples.shape[0] == pytest.approx(0.7 * 16_000, abs=2)


def test_channels_are_averaged(tmp_path: Path) -> None:
    one = tone(0.5, 16_000)
    soundfile.write(tmp_path / "a.wav", np.stack([one, np.zeros_like(one)], axis=1), 16_000, subtype="FLOAT")
    np.testing.assert_allclose(load(tmp_path / "a.wav").samples, one / 2, atol=1e-7)
    soundfile.write(tmp_path / "b.wav", np.repeat(one[:, None], 32, axis=1), 16_000, subtype="FLOAT")
    np.testing.assert_allclose(load(tmp_path / "b.wav").samples, one, atol=1e-6)


def test_digest_is_that_of_the_samples_and_the_file_can_be_mapped_elsewhere(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1.0, 44_100), 44_100)
    utterance = load(tmp_path / "a.wav", language="en", reference="a tone")
    assert utterance.digest == hashlib.sha256(np.asarray(utterance.samples).tobytes()).hexdigest()
    assert utterance.path is not None
    again = open_spooled(utterance.path, utterance.digest, utterance.source, language="en", reference="a tone")
    np.testing.assert_array_equal(again.samples, utterance.samples)
    assert (again.language, again.reference) == ("en", "a tone")
    assert load(tmp_path / "a.wav").path == utterance.path


def test_floats_on_an_integer_scale_are_scaled_down_and_clicks_are_clipped(tmp_path: Path) -> None:
    loud = tone(1.0, 16_000) * 32_768
    soundfile.write(tmp_path / "loud.wav", loud, 16_000, subtype="FLOAT")
    np.testing.assert_allclose(load(tmp_path / "loud.wav").samples, loud / np.abs(loud).max(), atol=1e-6)
    click = tone(1.0, 16_000)
    click[100] = 50.0
    soundfile.write(tmp_path / "click.wav", click, 16_000, subtype="FLOAT")
    utterance = load(tmp_path / "click.wav")
    assert utterance.samples[100] == 1.0
    np.testing.assert_array_equal(utterance.samples[101:], click[101:])
    assert utterance.digest == hashlib.sha256(np.asarray(utterance.samples).tobytes()).hexdigest()


def test_from_samples_takes_integers_and_channels() -> None:
    wave = (tone(1.0, 24_000) * 32_767).astype(np.int16)
    utterance = from_samples(np.stack([wave, wave], axis=1), 24_000, "microphone")
    assert utterance.seconds == pytest.approx(1.0, abs=1e-3)
    assert np.abs(utterance.samples).max() == pytest.approx(0.5, abs=0.01)
    with pytest.raises(AudioUnusable, match="microphone"):
        from_samples(np.zeros(0, np.float32), 16_000, "microphone")


# --- bad input -------------------------------------------------------------------------------------------------------


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AudioUnreadable, match=r"There is no file .*gone\.wav"):
        load(tmp_path / "gone.wav")


def test_impossible_name() -> None:
    with pytest.raises(AudioUnreadable, match="There is no file"):
        load("a\0b.wav")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(AudioUnreadable, match=r"a\.wav is empty"):
        load(tmp_path / "a.wav")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioUnreadable, match="is a folder"):
        load(tmp_path)


@pytest.mark.timeout(10)
def test_fifo_and_socket_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioUnreadable, match="is a pipe or a device"):
        load(tmp_path / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as listener:
        with contextlib.chdir(tmp_path):  # the path of a socket may not be long
            listener.bind("socket.wav")
        with pytest.raises(AudioUnreadable, match="is a pipe or a device"):
            load(tmp_path / "socket.wav")


@pytest.mark.timeout(10)
def test_device() -> None:
    with pytest.raises(AudioUnreadable, match="is a pipe or a device"):
        load("/dev/zero")


def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(0.1, 16_000), 16_000)
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    try:
        with pytest.raises(AudioUnreadable, match=r"no permission to read a\.wav"):
            load(path)
    finally:
        os.seteuid(user)


def test_text_named_wav(tmp_path: Path) -> None:
    (tmp_path / "notes.wav").write_text("Dear diary, today I sang.\n" * 50)
    with pytest.raises(AudioUnreadable, match=r"notes\.wav holds text"):
        load(tmp_path / "notes.wav")


def test_playlist_opens_no_other_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "other.wav", tone(0.5, 16_000), 16_000)
    (tmp_path / "a.ffconcat").write_text("ffconcat version 1.0\nfile other.wav\n")
    with pytest.raises(AudioUnreadable, match="holds text"):
        load(tmp_path / "a.ffconcat")


@pytest.mark.parametrize("name", ["noise.wav", "noise.mp3", "noise.m4a", "noise.raw", "noise"])
def test_random_bytes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(np.random.default_rng(1).bytes(20_000))
    with pytest.raises(BadInput):
        load(tmp_path / name)


def test_video_without_sound(tmp_path: Path) -> None:
    path = encode(tmp_path / "silent.mp4", "aac", tone(1.0, 44_100), 44_100, video=True, sound=False)
    with pytest.raises(AudioUnreadable, match=r"silent\.mp4 has no sound in it"):
        load(path)


def test_no_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0, np.float32), 16_000)
    with pytest.raises(AudioUnusable, match="0 seconds long"):
        load(tmp_path / "a.wav")


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")])
def test_samples_that_are_no_numbers(tmp_path: Path, value: float, word: str) -> None:
    samples = tone(1.0, 16_000)
    samples[5_000] = value
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    with pytest.raises(AudioUnusable, match=word):
        load(tmp_path / "a.wav")
    assert not list(spool.folder().iterdir()), "nothing half-written stays behind"


def test_rate_of_eight_hertz(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(60, 8, 1.0), 8)
    with pytest.raises(AudioUnusable, match="8 samples per second"):
        load(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
def test_truncated_file_is_read_as_far_as_it_goes(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(1).normal(0, 0.1, 160_000).astype(np.float32)
    soundfile.write(path, noise, 16_000)
    os.truncate(path, path.stat().st_size // 2)
    utterance = load(path)
    assert 2 < utterance.seconds < 8
    if name != "a.ogg":  # an Ogg stream announces no length
        assert "breaks off" in utterance.notes[0] or "damaged" in utterance.notes[0]


def test_truncated_wav_says_how_much_is_missing(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(10.0, 16_000), 16_000)
    os.truncate(tmp_path / "a.wav", 44 + 2 * 16_000 * 4)
    assert load(tmp_path / "a.wav").notes == (
        "a.wav breaks off after 4.0 of 10.0 seconds; what is there was read.",
    )  # fmt: skip


@pytest.mark.parametrize(("name", "keep"), [("a.wav", 20), ("a.flac", 30), ("a.mp3", 8), ("a.m4a", 3_000)])
def test_file_truncated_to_nothing_usable(tmp_path: Path, name: str, keep: int) -> None:
    path = tmp_path / name
    if name.endswith("m4a"):
        encode(path, "aac", tone(2.0, 44_100), 44_100)
    else:
        soundfile.write(path, tone(2.0, 16_000), 16_000)
    os.truncate(path, keep)
    with pytest.raises(BadInput):
        load(path)


def test_damage_in_the_middle_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, 320_000).astype(np.float32), 16_000)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(5_000))
    try:
        assert load(path).notes
    except AudioUnreadable:
        pytest.fail("the first half was there to be read")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.m4a", "a.mkv"])
def test_mutilated_files_are_read_or_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    path, samples = tmp_path / name, tone(0.5, 48_000) + np.random.default_rng(0).normal(0, 0.05, 24_000)
    if name in {"a.m4a", "a.mkv"}:
        encode(path, "aac", samples.astype(np.float32), 48_000, video=name == "a.mkv")
    else:
        soundfile.write(path, samples, 48_000)
    whole = path.read_bytes()
    random = np.random.default_rng(7)
    for _ in range(30):
        data = bytearray(whole)
        for at in random.integers(0, random.choice([60, 400, len(data)]), random.choice([1, 3, 20])):
            data[at] = random.integers(256)
        path.write_bytes(data[: random.integers(1, len(data)) if random.random() < 0.3 else len(data)])
        with contextlib.suppress(BadInput):
            utterance = load(path)
            assert np.isfinite(utterance.samples).all()
            assert np.abs(utterance.samples).max() <= 1
    assert capfd.readouterr() == ("", "")


def test_cancel_and_progress(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(1_000_000, np.float32), 16_000)
    told: list[tuple[float, float | None]] = []
    load(tmp_path / "a.wav", progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (62.5, 62.5)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    with pytest.raises(Cancelled):
        load(tmp_path / "a.wav", cancel=lambda: True)


def test_without_libsndfile_pyav_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([tone(1.0, 16_000)] * 2, axis=1), 16_000)
    whole = np.asarray(load(tmp_path / "a.wav").samples)
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    np.testing.assert_allclose(load(tmp_path / "a.wav").samples, whole, atol=1e-6)
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(decoders.NotRecognised):
        decoders.open_audio(tmp_path / "a.wav")


# --- the spool -------------------------------------------------------------------------------------------------------


def test_spool_is_tidied_oldest_first_and_recent_files_stay() -> None:
    old = [spool.write([np.full(1000, value, np.float32)])[0] for value in (0.1, 0.2, 0.3)]
    for age, path in zip((9_000, 8_000, 7_000), old, strict=True):
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    new = spool.write([np.full(1000, 0.4, np.float32)])[0]
    spool.tidy(budget=8_000)
    assert [path.exists() for path in (*old, new)] == [False, False, True, True]
    spool.tidy(budget=0, keep=old[2])
    assert [path.exists() for path in (*old, new)] == [False, False, True, True]


def test_full_disk_while_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1.0, 16_000), 16_000)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DiskFull, match="no room"):
        load(tmp_path / "a.wav")
    assert not list(spool.folder().iterdir())


def test_an_hour_is_never_held_whole(tmp_path: Path) -> None:
    path = tmp_path / "hour.flac"
    with soundfile.SoundFile(path, "w", 8_000, 1, "PCM_16") as file:
        for _ in range(60):
            file.write(np.zeros(60 * 8_000, np.int16))
    tracemalloc.start()
    utterance = load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert utterance.seconds == pytest.approx(3_600, abs=0.01)
    assert isinstance(utterance.samples, np.memmap)
    assert peak < 20e6, "230 MB when held whole"


def test_spooled_file_that_is_gone() -> None:
    with pytest.raises(AudioUnreadable, match="no longer there"):
        open_spooled(spool.folder() / "gone.f32", "0")


# --- samples ---------------------------------------------------------------------------------------------------------


def test_every_bundled_sample_loads() -> None:
    samples = list_samples()
    assert {sample.language for sample in samples} == {"en", "es", "fr"}
    assert samples[0].language == "en"
    assert len({sample.id for sample in samples}) == len(samples)
    lengths = {sample.id: load(sample.path).seconds for sample in samples}
    assert max(lengths.values()) > 30, "one sample is long enough to be segmented"
    for sample in samples:
        assert sample.credit
        assert sample.licence
        assert (sample.translation is None) == (sample.language == "en")
