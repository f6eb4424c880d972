"""The user's own package-index settings, as pip would read them.

pip's configuration files and ``PIP_…`` environment variables are read directly, so that the settings are honoured in
an environment without pip (uv, a packaged application) too. Order of precedence, lowest first: machine-wide file,
user's files (unless ``PIP_CONFIG_FILE`` names another), the virtual environment's file, the file that
``PIP_CONFIG_FILE`` names, the environment; see *Configuration* in pip's documentation.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_SECTIONS = ("global", "download", "install")
_FALSE = {"", "0", "false", "no", "off", "n", "f"}


@dataclass(frozen=True)
class IndexSettings:
    """Where packages come from.

    Attributes:
        indexes: URLs of simple indexes, in the order in which they are asked.
        find_links: folders, ``file:`` URLs or URLs of pages with links to archives.
        trusted_hosts: ``host`` or ``host:port`` whose certificates are not checked.
        cert: file or folder of certificates that are trusted, or None for the default ones.
        client_cert: file with the client's certificate and key.
        proxy: URL of a proxy; None leaves it to the environment.
        timeout: seconds to wait for an answer.
    """

    indexes: tuple[str, ...]
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    timeout: float = 30.0


def read() -> IndexSettings:
    """Reads the settings in force."""
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    values: dict[str, str] = {}
    files = [_sections(file) for file in _files()]
    for section in _SECTIONS:
        for sections in files:
            values.update(sections.get(section, {}))
    values.update(_environment(os.environ))
    indexes: list[str] = []
    if values.get("no-index", "").strip().lower() in _FALSE:
        indexes = [
            values.get("index-url", "").strip() or PYPI_SIMPLE_ENDPOINT,
            *values.get("extra-index-url", "").split(),
        ]
    return IndexSettings(
        indexes=tuple(dict.fromkeys(indexes)),
        find_links=tuple(values.get("find-links", "").split()),
        trusted_hosts=tuple(values.get("trusted-host", "").split()),
        cert=values.get("cert") or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or None,
        client_cert=values.get("client-cert") or None,
        proxy=values.get("proxy") or None,
        timeout=_seconds(values.get("timeout") or values.get("default-timeout")),
    )


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or "")
    except ValueError:
        return IndexSettings.timeout
    return seconds if seconds > 0 else IndexSettings.timeout


def _files() -> Iterator[Path]:
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    home = Path.home()
    user = not (named and Path(named).exists())
    if sys.platform == "win32":
        yield Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "pip" / "pip.ini"
        if user:
            yield home / "pip" / "pip.ini"
            yield Path(os.environ.get("APPDATA", home / "AppData" / "Roaming")) / "pip" / "pip.ini"
        yield Path(sys.prefix) / "pip.ini"
    else:
        for folder in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep):
            yield Path(folder) / "pip" / "pip.conf"
        if sys.platform == "darwin":
            yield Path("/Library/Application Support/pip/pip.conf")
        yield Path("/etc/pip.conf")
        mac = home / "Library" / "Application Support" / "pip"
        if user:
            yield home / ".pip" / "pip.conf"
        if user and sys.platform == "darwin" and mac.is_dir():
            yield mac / "pip.conf"
        elif user:
            yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
        yield Path(sys.prefix) / "pip.conf"
    if named:
        yield Path(named)


def _sections(file: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError, OSError):
        return {}
    return {
        section: {key.lower().replace("_", "-"): value for key, value in parser.items(section) if value}
        for section in parser.sections()
    }


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name[4:].lower().replace("_", "-"): value
        for name, value in environment.items()
        if name.startswith("PIP_") and value
    }
