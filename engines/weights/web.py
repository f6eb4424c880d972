"""HTTP as a fetch needs it: the user's proxies, certificates and credentials, resumption, and errors as one clause."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests

from engines.errors import FetchFailed
from engines.weights.files import appending
from engines.weights.pip_settings import IndexSettings

ATTEMPTS = 4
"""How often a connection that breaks without any progress is tried again."""
BACKOFF_SECONDS = 0.5
"""Wait before the second attempt; doubles with every further one."""
_CHUNK = 1 << 18
_RETRIED = {408, 425, 429}


class SourceFailed(Exception):
    """A source cannot give the file; ``str(error)`` is the reason as a clause."""


class Session(requests.Session):
    """A session with the settings of the user's package client.

    Args:
        settings: certificates, trusted hosts, proxy and timeout. Proxies of the environment and ``.netrc`` are honoured
            as well.

    Raises:
        FetchFailed: the settings name certificates that do not exist.
    """

    def __init__(self, settings: IndexSettings) -> None:
        super().__init__()
        if settings.cert and not Path(settings.cert).exists():
            raise FetchFailed(
                f"The certificates that the package client is told to trust do not exist: {settings.cert}.",
                "Mend pip's setting `cert`, or REQUESTS_CA_BUNDLE or SSL_CERT_FILE in the environment.",
            )
        self.settings = settings
        if settings.proxy:
            self.proxies = {"http": settings.proxy, "https": settings.proxy}
        self.headers["Accept-Encoding"] = "identity"
        self.headers["User-Agent"] = "triptych"

    def merge_environment_settings(
        self, url: str | bytes | None, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Applies certificates and trusted hosts to a request."""
        merged: dict[str, Any] = dict(super().merge_environment_settings(url, proxies, stream, verify, cert))
        parts = urlsplit(str(url))
        if parts.hostname in self.settings.trusted_hosts or parts.netloc in self.settings.trusted_hosts:
            merged["verify"] = False
        elif self.settings.cert:
            merged["verify"] = self.settings.cert
        if self.settings.client_cert:
            merged["cert"] = self.settings.client_cert
        return merged


def reason(error: requests.RequestException, url: str) -> str:
    """Puts what went wrong into a clause that names the host and keeps credentials out."""
    host = urlsplit(url).hostname or "the server"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy to {host} does not answer"
    if isinstance(error, requests.exceptions.SSLError):
        return f"the certificate of {host} is not trusted"
    if isinstance(error, requests.Timeout):
        return f"{host} took too long to answer"
    if isinstance(error, requests.HTTPError):
        return f"{host} answered with status {error.response.status_code}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the connection to {host} broke off"
    return f"{host} does not answer"


def with_credentials(url: str, origin: str) -> str:
    """Gives a link the credentials of the page that it stands on, when both are on the same host."""
    link, page = urlsplit(url), urlsplit(origin)
    if "@" not in page.netloc or "@" in link.netloc:
        return url
    credentials, _, host = page.netloc.rpartition("@")
    return urlunsplit(link._replace(netloc=f"{credentials}@{host}")) if link.netloc == host else url


def download(
    session: Session, url: str, target: Path, *, headers: Mapping[str, str] | None = None
) -> Iterator[tuple[int, int | None]]:
    """Downloads into ``<target>.part`` and renames it when it is complete.

    A part file of an earlier, interrupted download is continued where the server can (RFC 9110, section 14); a server
    that cannot starts over. A connection that breaks is taken up again, ``ATTEMPTS`` times without progress.

    Args:
        session: with the user's settings.
        url: of the file.
        target: where it goes; its name has to identify the contents.
        headers: to send along.

    Yields:
        bytes there are so far, and bytes in all (None where the server does not say).

    Raises:
        SourceFailed: the file cannot be had.
        DiskFull: there is no room for it.
    """
    part = target.with_name(f"{target.name}.part")
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            yield from _attempt(session, url, part, dict(headers or {}))
        except requests.RequestException as error:
            status = error.response.status_code if isinstance(error, requests.HTTPError) else 0
            after = part.stat().st_size if part.exists() else 0
            failures = 1 if after > before else failures + 1
            if (400 <= status < 500 and status not in _RETRIED) or failures >= ATTEMPTS:
                raise SourceFailed(reason(error, url)) from error
            time.sleep(BACKOFF_SECONDS * 2 ** (failures - 1))
        else:
            part.replace(target)
            _validator(part).unlink(missing_ok=True)
            return


def _validator(part: Path) -> Path:
    """The file that keeps what identifies the server's version of a part file, for ``If-Range``."""
    return part.with_name(f"{part.name}.tag")


def _attempt(session: Session, url: str, part: Path, headers: dict[str, str]) -> Iterator[tuple[int, int | None]]:
    have = part.stat().st_size if part.exists() else 0
    tag = _validator(part)
    if have:
        headers["Range"] = f"bytes={have}-"
        if tag.exists():
            headers["If-Range"] = tag.read_text(encoding="utf-8")
    with session.get(url, stream=True, headers=headers, timeout=(10.0, session.settings.timeout)) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable and have:
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return
            part.unlink()
            raise requests.ConnectionError("the part file is longer than the file")
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            have = 0
            part.unlink(missing_ok=True)
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink(missing_ok=True)
            raise requests.ConnectionError("the server sent another range than it was asked for")
        etag = response.headers.get("ETag", "")
        strong = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
        if strong:
            tag.write_text(strong, encoding="utf-8")
        else:
            tag.unlink(missing_ok=True)
        length = response.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        with appending(part) as write:
            yield have, total
            for chunk in response.iter_content(_CHUNK):
                write(chunk)
                have += len(chunk)
                yield have, total
        if total is not None and have < total:
            raise requests.exceptions.ChunkedEncodingError("the server closed the connection too early")
