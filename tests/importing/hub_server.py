"""A hub on the loopback interface: as much of its interface as a download asks for."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What the server has, and what it was asked.

    Attributes:
        repository: the only one, "owner/name".
        folder: its files.
        asked: method and path of every request, in order.
        agents: what the requests called themselves.
        refusal: status and X-Error-Code of every answer, where it answers none.
        lied: names of files whose SHA-256 it tells wrongly.
        moved: whether it tells of another commit than it is asked for.
    """

    def __init__(self, repository: str, folder: Path) -> None:
        self.repository = repository
        self.folder = folder
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self.refusal: tuple[int, str] | None = None
        self.lied: set[str] = set()
        self.moved = False
        self.endpoint = ""

    def files(self) -> dict[str, bytes]:
        """By name."""
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths}

    def information(self) -> dict[str, Any]:
        """As /api/models/OWNER/NAME gives it with ?blobs=true."""
        return {
            "id": self.repository,
            "sha": COMMIT[::-1] if self.moved else COMMIT,
            "siblings": [self._sibling(name, data) for name, data in self.files().items()],
        }

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        found: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": "0" * 40}
        if name.endswith((".onnx", ".safetensors")):
            told = "0" * 64 if name in self.lied else hashlib.sha256(data).hexdigest()
            found["lfs"] = {"sha256": told, "size": len(data), "pointerSize": 130}
        return found


class _Handler(BaseHTTPRequestHandler):
    served: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.served.asked.append(f"{self.command} {path}")
        self.served.agents.add(self.headers.get("User-Agent", ""))
        if self.served.refusal:
            status, code = self.served.refusal
            headers = {"X-Error-Code": code} if code else {}
            self._send(status, b'{"error": "no"}', headers)
            return
        named = f"/api/models/{self.served.repository}"
        if path in (named, f"{named}/revision/main", f"{named}/revision/{COMMIT}"):
            self._send(200, json.dumps(self.served.information()).encode(), {})
        elif path.startswith(f"{named}/revision/"):
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif path.startswith(f"/{self.served.repository}/resolve/{COMMIT}/"):
            self._file(path.removeprefix(f"/{self.served.repository}/resolve/{COMMIT}/"))
        else:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _file(self, name: str) -> None:
        data = self.served.files().get(name)
        if data is None:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        etag = hashlib.sha256(data).hexdigest()
        self._send(200, data, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@contextmanager
def hub(repository: str, folder: Path) -> Iterator[Hub]:
    """A running one."""
    served = Hub(repository, folder)

    handler = type("Handler", (_Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    served.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
