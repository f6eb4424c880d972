"""Speech that is opened, dropped or pasted: which file is meant."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtWidgets import QFileDialog, QWidget

from app.language import tr

SOUND_FILES = tr(
    "Sound and video (*.wav *.flac *.ogg *.oga *.opus *.mp3 *.m4a *.aac *.aiff "
    "*.aif *.wma *.webm *.mp4 *.mkv *.mov *.avi);;Sessions of Triptych "
    "(*.triptych);;All files (*)"
)


def ask_for_file(parent: QWidget, folder: str) -> Path | None:
    """Asks for a sound or video file; None where the user thinks better of it."""
    name, _ = QFileDialog.getOpenFileName(parent, tr("Open speech"), folder, SOUND_FILES)
    return Path(name) if name else None


def offers_file(mime: QMimeData) -> bool:
    """Whether there is a file in it; does not touch the disk."""
    return any(url.isLocalFile() for url in mime.urls())


def dropped_file(mime: QMimeData) -> Path | None:
    """The first local file: a URL, or a path written as text; None where there is none.

    Text counts only if it is one line that is a file URL or the absolute path of something that exists.
    """
    for url in mime.urls():
        if url.isLocalFile():
            return Path(url.toLocalFile())
    text = mime.text().strip().strip("\"'") if mime.hasText() else ""
    if not text or "\n" in text or len(text) > 4096:
        return None
    if text.startswith("file:"):
        url = QUrl(text)
        return Path(url.toLocalFile()) if url.isLocalFile() else None
    path = Path(text).expanduser()
    try:
        return path if path.is_absolute() and path.exists() else None
    except OSError:
        return None
