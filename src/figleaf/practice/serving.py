"""A web server on the loopback interface, for as long as a `with` lasts."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from figleaf.practice.faults import Answer

HOST = "127.0.0.1"

_SILENT = 60.0
"""Seconds after which a connection that asks nothing is closed."""
_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server is, and where nobody is.

    Attributes:
        live: the server's; 0 for one that is free.
        dead: one that is kept from others, and refuses connections; 0 for one that is free.
    """

    live: int = 0
    dead: int = 0

    @property
    def origin(self) -> str:
        """The server's, as URLs begin."""
        return f"http://{HOST}:{self.live}"

    @property
    def dead_origin(self) -> str:
        """One where nobody answers."""
        return f"http://{HOST}:{self.dead}"


@contextmanager
def serving(answer: Callable[[str], Answer], ports: Ports | None = None) -> Iterator[Ports]:
    """Serve what a function says of each path, to this machine alone.

    Args:
        answer: gives an answer for a path; it is called on several threads at once.
        ports: those to use; None for any that are free.

    Yields:
        the ports that are used.

    Raises:
        OSError: another program has one of the ports.
    """
    wanted = ports or Ports()
    with _refusing(wanted.dead) as dead, _Server(wanted.live, answer) as server:
        thread = Thread(target=server.serve_forever, args=(_POLL,), daemon=True)
        thread.start()
        try:
            yield Ports(server.server_address[1], dead)
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _refusing(port: int) -> Iterator[int]:
    """A port that is taken, so that nobody else gets it, and that nobody listens on."""
    with socket.socket() as taken:
        taken.bind((HOST, port))
        yield taken.getsockname()[1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # connections that are kept open would have to time out first
    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[str], Answer]) -> None:
        super().__init__((HOST, port), _Handler)
        self.answer = answer

    def server_bind(self) -> None:
        """Bind, without the look-up of this machine's name that the base class makes."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that the other side has ended."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SILENT
    disable_nagle_algorithm = True  # a body would wait for the acknowledgement of its headers
    server: _Server

    def do_GET(self) -> None:
        """Answer with a body."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer without one."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        answer = self.server.answer(urlsplit(self.path).path)
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Content-Type", "application/octet-stream")
        if answer.location is not None:
            self.send_header("Location", answer.location)
        if answer.tag is not None:
            self.send_header("X-Robots-Tag", answer.tag)
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Log nothing."""
