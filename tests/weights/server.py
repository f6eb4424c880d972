"""A package index and file server on this machine, with the faults that real ones have."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class IndexServer:
    """Serves ``/simple/<project>/`` and ``/files/<name>``.

    Attributes:
        archives: project → file name → contents.
        files: further paths → contents.
        ranges: whether ranges are served.
        cut: a file answer is broken off after so many bytes, as often as ``cuts`` says.
        lie: the index gives wrong digests.
        as_json: the index answers in JSON (PEP 691) instead of HTML (PEP 503).
        shift: ranges start so many bytes later than asked for.
        busy: so many file answers are "too many requests".
        status: answer everything with this status.
        login: ``user:password`` that is asked for.
        etag: of every file.
        hold: file answers stop after 300 kB and wait for it.
        asked: what was asked, as ``(path, Range header)``.
        sent: bytes of files that were sent.
    """

    archives: dict[str, dict[str, bytes]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    cut: int | None = None
    cuts: int = 1
    lie: bool = False
    as_json: bool = False
    shift: int = 0
    busy: int = 0
    status: int | None = None
    login: str | None = None
    etag: str = '"one"'
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0
    hold: threading.Event | None = None

    def __post_init__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_args):
                """Stay quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def host(self):
        return f"127.0.0.1:{self._http.server_address[1]}"

    @property
    def index_url(self):
        login = f"{self.login}@" if self.login else ""
        return f"http://{login}{self.host}/simple"

    def stop(self):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def fetched(self, path_end):
        """The Range headers of all requests whose path ends so."""
        return [ranges for path, ranges in self.asked if path.endswith(path_end)]

    def answer(self, handler):
        handler.close_connection = True
        self.asked.append((handler.path, handler.headers.get("Range")))
        if self.status is not None:
            handler.send_error(self.status)
            return
        expected = f"Basic {base64.b64encode(self.login.encode()).decode()}" if self.login else None
        if handler.headers.get("Authorization") != expected and self.login:
            handler.send_error(401)
            return
        if handler.path.startswith("/simple/"):
            self._page(handler, handler.path.split("/")[2])
            return
        name = handler.path.removeprefix("/files/")
        contents = self.files.get(handler.path)
        for files in self.archives.values():
            contents = files.get(name, contents)
        if contents is None:
            handler.send_error(404)
        else:
            self._file(handler, contents)

    def _page(self, handler, project):
        if project not in self.archives:
            handler.send_error(404)
            return
        links = []
        for name, contents in self.archives[project].items():
            digest = "0" * 64 if self.lie else hashlib.sha256(contents).hexdigest()
            links.append((name, f"http://{self.host}/files/{name}", digest))
        if self.as_json:
            files = [{"filename": name, "url": url, "hashes": {"sha256": digest}} for name, url, digest in links]
            body = json.dumps({"meta": {"api-version": "1.0"}, "name": project, "files": files})
            kind = "application/vnd.pypi.simple.v1+json"
        else:
            body = "".join(f'<a href="{url}#sha256={digest}">{name}</a>' for name, url, digest in links)
            kind = "text/html"
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    def _file(self, handler, contents):
        if self.busy > 0:
            self.busy -= 1
            handler.send_error(429)
            return
        start = 0
        ranges = handler.headers.get("Range")
        current = handler.headers.get("If-Range", self.etag) == self.etag
        if self.ranges and ranges and current:
            start = int(ranges.removeprefix("bytes=").rstrip("-")) + self.shift
            if start >= len(contents):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(contents)}")
                handler.end_headers()
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(contents) - 1}/{len(contents)}")
        else:
            handler.send_response(200)
        handler.send_header("ETag", self.etag)
        handler.send_header("Content-Length", str(len(contents) - start))
        handler.end_headers()
        body = contents[start:]
        if self.cut is not None and self.cuts > 0:
            self.cuts -= 1
            body = body[: self.cut]
        if self.hold is not None:
            handler.wfile.write(body[:300_000])
            self.hold.wait(10)
            body = body[300_000:]
        with contextlib.suppress(ConnectionError):
            handler.wfile.write(body)
            self.sent += len(body)
