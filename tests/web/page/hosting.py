"""A folder on a plain web server, which sends no header of ours."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Plain(http.server.SimpleHTTPRequestHandler):
    """As `python -m http.server` answers."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def hosted(folder: Path, answers: type[Plain] = Plain) -> Iterator[str]:
    """The URL of the folder's `site`, while it is hosted."""

    def handler(*given: Any) -> Plain:
        return answers(*given, directory=str(folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/site/"
        finally:
            server.shutdown()
