"""A loopback server of files, such as a site is: with the headers that threads need, or without."""

import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self' blob:; worker-src 'self'"
)
ISOLATED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Content-Security-Policy": POLICY,
}
_PAGE = b"<!doctype html><html lang=en><title>figleaf-web</title><link rel=icon href=data:,>"
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


@contextmanager
def served(folders: Mapping[str, Path], headers: Mapping[str, str]) -> Iterator[str]:
    """Serve folders by their first path segment, and an empty page at /; gives the origin's URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, kind = self._found()
            self.send_response(404 if body is None else 200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def _found(self) -> tuple[bytes | None, str]:
            first, _, rest = self.path.split("?")[0].lstrip("/").partition("/")
            if not first:
                return _PAGE, "text/html"
            file = folders.get(first, Path("/nowhere")) / rest
            if not file.is_file():
                return None, "text/plain"
            guessed = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            return file.read_bytes(), _TYPES.get(file.suffix, guessed)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
