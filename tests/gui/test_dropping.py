"""Which file a drop or a paste means."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QUrl

from app.dropping import dropped_file, offers_file


def _mime(text: str | None = None, *urls: str) -> QMimeData:
    mime = QMimeData()
    if text is not None:
        mime.setText(text)
    if urls:
        mime.setUrls([QUrl(url) for url in urls])
    return mime


def test_first_local_file_wins(tmp_path: Path) -> None:
    mime = _mime(None, "https://example.org/a.wav", QUrl.fromLocalFile(str(tmp_path / "b c.wav")).toString())
    assert offers_file(mime)
    assert dropped_file(mime) == tmp_path / "b c.wav"


def test_paths_written_as_text(tmp_path: Path) -> None:
    file = tmp_path / "a b.wav"
    file.touch()
    assert dropped_file(_mime(f'"{file}"\n')) == file
    assert dropped_file(_mime(file.as_uri())) == file


def test_other_text_is_no_file(tmp_path: Path) -> None:
    for text in ("", "hello", "relative.wav", str(tmp_path / "missing.wav"), f"{tmp_path}\n{tmp_path}", "x" * 5000):
        assert dropped_file(_mime(text)) is None
    assert dropped_file(_mime(None, "https://example.org/a.wav")) is None
    assert not offers_file(_mime(str(tmp_path)))
