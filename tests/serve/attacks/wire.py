"""A client that sends whatever it is told to, and reads what comes back."""

import json
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: test\r\nContent-Type: image/png\r\n"
"""Of a request to classify a body, but for how long that is."""
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """One answer, `headers` in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def statuses(self) -> list[str]:
        """Those of the images."""
        return [result["status"] for result in self.json()["results"]]


class Wire:
    """A connection, between `with` and its end."""

    def __init__(self, url: str, timeout: float = 20.0) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout)
        # What waits in here would count as taken; the system's own buffers grow to megabytes.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**16)
        self._kept = b""

    def send(self, data: bytes) -> bool:
        """Send all of it; gives whether the other side took it."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def drip(self, pieces: Iterable[bytes], every: float, at_most: float) -> float:
        """Send one piece after another; gives the seconds until the other side had enough."""
        began = time.monotonic()
        self.socket.settimeout(every)
        for piece in pieces:
            if time.monotonic() - began > at_most or not self.send(piece) or self._is_answered():
                break
        self.socket.settimeout(20)
        return time.monotonic() - began

    def _is_answered(self) -> bool:
        """Whether something has come, or the end; waits for the socket's timeout."""
        try:
            piece = self.socket.recv(65536)
        except TimeoutError:
            return False
        except OSError:
            return True
        self._kept += piece
        return True

    def rest(self) -> bytes:
        """Everything until the other side closes."""
        with suppress(OSError):
            while piece := self.socket.recv(65536):
                self._kept += piece
        return self._kept

    def answer(self) -> Answer:
        """The next answer."""
        while b"\r\n\r\n" not in self._kept:
            self._more()
        head, _, self._kept = self._kept.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in map(_parted, lines)}
        length = int(headers["content-length"])
        while len(self._kept) < length:
            self._more()
        body, self._kept = self._kept[:length], self._kept[length:]
        return Answer(int(line.split()[1]), headers, body)

    def _more(self) -> None:
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError(f"closed after {self._kept[:200]!r}")
        self._kept += piece

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(":")


def ask(url: str, *sent: bytes, timeout: float = 20.0) -> Answer:
    """The first answer to what is sent on a new connection."""
    with Wire(url, timeout) as wire:
        wire.send(b"".join(sent))
        return wire.answer()


def post(
    url: str,
    body: bytes,
    content_type: str = "image/png",
    path: str = "/v1/classify",
    timeout: float = 20.0,
) -> Answer:
    """The answer to an orderly request."""
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {content_type}\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    return ask(url, head.encode("latin-1"), length, body, timeout=timeout)


def form(*parts: bytes, end: bytes = b"--BOUND--\r\n") -> bytes:
    """A multipart body of raw parts, each with its headers."""
    return b"".join(b"--BOUND\r\n" + part + b"\r\n" for part in parts) + end


FORM = "multipart/form-data; boundary=BOUND"


def part(data: bytes = b"x", file_name: bytes = b"a.png", more: bytes = b"") -> bytes:
    """One part that is a file."""
    head = b'Content-Disposition: form-data; name="file"; filename="' + file_name + b'"\r\n'
    return head + more + b"\r\n" + data
