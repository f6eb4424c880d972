"""Finds the archive of ``name==version`` where the user's package client would find it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import requests
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from engines.weights.pip_settings import IndexSettings
from engines.weights.web import Session, SourceFailed, reason, with_credentials

if TYPE_CHECKING:
    from pypi_simple import ProjectPage


@dataclass(frozen=True)
class Link:
    """An archive that can be had.

    Attributes:
        url: where it is; ``file:`` for a local one.
        filename: its name.
        sha256: the digest that the index gives for it, if it gives one.
    """

    url: str
    filename: str
    sha256: str | None = None

    @property
    def path(self) -> Path | None:
        """The file itself when it is local."""
        return local_path(self.url)


def local_path(url: str) -> Path | None:
    """The path of a ``file:`` URL or of a plain path; None for anything else."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    if "://" not in url:
        return Path(url).expanduser()
    return None


def is_archive_of(filename: str, package: str) -> bool:
    """Whether a file name is that of a wheel of a package.

    Args:
        filename: for example ``"silero_vad-6.2.3-py3-none-any.whl"``.
        package: ``name==version``.
    """
    name, _, version = package.partition("==")
    try:
        wheel_name, wheel_version, _, _ = parse_wheel_filename(filename)
        return wheel_name == canonicalize_name(name) and wheel_version == Version(version)
    except (InvalidWheelFilename, InvalidVersion):
        return False


class PackageIndex:
    """The user's package indexes.

    Args:
        settings: what pip would use.
        session: for what lies on the network; None stays off it.
    """

    def __init__(self, settings: IndexSettings, session: Session | None) -> None:
        self.settings = settings
        self.session = session

    def links(self, package: str) -> Iterator[Link | SourceFailed]:
        """Looks in every place in turn, lazily; local places first.

        Args:
            package: ``name==version``.

        Yields:
            archives, and for a place that could not be asked the reason.
        """
        places = [(place, True) for place in self.settings.find_links]
        places += [(place, False) for place in self.settings.indexes]
        places.sort(key=lambda place: local_path(place[0]) is None)
        for place, flat in places:
            try:
                yield from self._links(place, package, flat=flat)
            except SourceFailed as failure:
                yield failure

    def _links(self, place: str, package: str, *, flat: bool) -> Iterator[Link]:
        name = canonicalize_name(package.partition("==")[0])
        folder = local_path(place)
        if folder is not None:
            if not flat:
                folder /= name
            if folder.is_dir():
                for file in sorted(folder.iterdir()):
                    if is_archive_of(file.name, package):
                        yield Link(file.as_uri(), file.name)
            page_file = folder / "index.html" if folder.is_dir() else folder
            if page_file.is_file():
                page = _parse(name, page_file.read_bytes(), page_file.resolve().as_uri())
                yield from _matching(page, package, page_file.as_uri())
            return
        if self.session is None:
            raise SourceFailed(f"{urlsplit(place).hostname} was not asked, offline")
        url = place if flat else f"{place.rstrip('/')}/{name}/"
        page = self._page(name, url)
        yield from _matching(page, package, url)

    def _page(self, name: str, url: str) -> ProjectPage:
        from pypi_simple import (
            ACCEPT_ANY,
            ProjectPage,
            UnsupportedContentTypeError,
            UnsupportedRepoVersionError,
        )

        assert self.session is not None
        try:
            response = self.session.get(url, headers={"Accept": ACCEPT_ANY}, timeout=(10.0, self.settings.timeout))
            response.raise_for_status()
            return ProjectPage.from_response(response, name)
        except requests.RequestException as error:
            raise SourceFailed(reason(error, url)) from error
        except (UnsupportedContentTypeError, UnsupportedRepoVersionError, ValueError) as error:
            raise SourceFailed(f"{urlsplit(url).hostname} gave no readable index page") from error


def _parse(name: str, html: bytes, base: str) -> ProjectPage:
    from pypi_simple import ProjectPage

    return ProjectPage.from_html(name, html, base_url=base)


def _matching(page: ProjectPage, package: str, origin: str) -> Iterator[Link]:
    for found in page.packages:
        filename = unquote(found.filename)
        if is_archive_of(filename, package):
            yield Link(with_credentials(found.url, origin), filename, found.digests.get("sha256"))
