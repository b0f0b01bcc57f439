"""An HTTP server for photos that answers every request after the same time, and does little else.

    python -m benchmarks.runners.latency_server DIR --latency 0.05

Serves the JPEG files of DIR out of memory: `/7.jpg` is the eighth of them, `/307.jpg` out of 300 is
the same photo, but no two numbers have the same bytes: each has its own number in a JPEG comment.
The first byte leaves `--latency` seconds after the last of the request came. Connections are kept
open unless the request says otherwise. It takes any free port of the loopback interface, which is
the first line of its standard output, and ends when its standard input does.

It is a loop over epoll, as it is measured on the processor cores that its clients need: an answer
is one system call over two buffers that are there already, and as all wait equally long, who waits
is a queue and no heap.
"""

import argparse
import os
import re
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_BACKLOG = 4096
_SEND_BUFFER = 512 * 1024  # a whole photo, so that the kernel takes it at once
_REQUEST_END = b"\r\n\r\n"
_LONGEST_REQUEST = 64 * 1024
_PATH = re.compile(rb"GET /(\d+)\.jpg ")
_KEPT, _CLOSED = b"\r\n", b"Connection: close\r\n\r\n"
_NUMBER_BYTES = 8
_COMMENT = b"\xff\xfe" + (2 + _NUMBER_BYTES).to_bytes(2)  # COM, and its length with these two

Buffers = list[bytes | memoryview]


@dataclass(slots=True)
class Connection:
    """A client: what it sent, what it has yet to get, whether it waits, and stays afterwards.

    `blocked` while the kernel takes no more of `unsent`.
    """

    socket: socket.socket
    received: bytes = b""
    unsent: Buffers = field(default_factory=list)
    waits: bool = False
    stays: bool = True
    blocked: bool = False


class LatencyServer:
    """Serves photos over one listening socket.

    Args:
        listener: bound and listening.
        photos: JPEG files.
        latency: seconds from a request to its answer.
    """

    def __init__(self, listener: socket.socket, photos: Sequence[bytes], latency: float) -> None:
        self._listener = listener
        self._photos = [memoryview(photo) for photo in photos]
        self._latency = latency
        self._connections: dict[int, Connection] = {}
        self._due: deque[tuple[float, Connection, Buffers]] = deque()
        self._epoll = select.epoll()
        listener.setblocking(False)
        self._epoll.register(listener, select.EPOLLIN)

    def serve(self, until: int) -> None:
        """Answer until the file descriptor `until` is at its end."""
        self._epoll.register(until, select.EPOLLIN)
        listening = self._listener.fileno()
        while True:
            for descriptor, event in self._epoll.poll(self._wait()):
                if descriptor == listening:
                    self._accept()
                elif descriptor == until:
                    if not os.read(until, 1024):
                        return
                elif event & select.EPOLLOUT:
                    self._send(self._connections[descriptor])
                else:
                    self._receive(self._connections[descriptor])
            self._answer()

    def _wait(self) -> float:
        """Seconds until the next answer is due; -1 for none."""
        return max(self._due[0][0] - time.monotonic(), 0) if self._due else -1

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # nobody is left, or gone already
                return
            client.setblocking(False)
            self._connections[client.fileno()] = Connection(client)
            self._epoll.register(client, select.EPOLLIN)

    def _receive(self, connection: Connection) -> None:
        try:
            data = connection.socket.recv(_LONGEST_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        connection.received += data
        if not data or len(connection.received) > _LONGEST_REQUEST:
            self._close(connection)
        else:
            self._take_request(connection)

    def _take_request(self, connection: Connection) -> None:
        """Read a request, if it is there whole and the one before was answered."""
        if connection.waits:
            return
        request, end, rest = connection.received.partition(_REQUEST_END)
        if not end:
            return
        connection.received = rest
        connection.waits = True
        connection.stays = b"connection: close" not in request.lower()
        due = time.monotonic() + self._latency
        self._due.append((due, connection, self._response(request, connection.stays)))

    def _response(self, request: bytes, stays: bool) -> Buffers:
        fields = _KEPT if stays else _CLOSED
        found = _PATH.search(request)
        if not found:
            return [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n" + fields]
        number = int(found[1])
        return answer(self._photos[number % len(self._photos)], number, fields)

    def _answer(self) -> None:
        """Send everything that is due."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, connection, response = self._due.popleft()
            connection.unsent = response
            if connection.socket.fileno() >= 0:
                self._send(connection)

    def _send(self, connection: Connection) -> None:
        try:
            sent = connection.socket.sendmsg(connection.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._close(connection)
            return
        connection.unsent = _after(connection.unsent, sent)
        self._watch(connection, blocked=bool(connection.unsent))
        if not connection.unsent:
            self._finish(connection)

    def _watch(self, connection: Connection, *, blocked: bool) -> None:
        if blocked is not connection.blocked:
            connection.blocked = blocked
            event = select.EPOLLOUT if blocked else select.EPOLLIN
            self._epoll.modify(connection.socket, event)

    def _finish(self, connection: Connection) -> None:
        connection.waits = False
        if not connection.stays:
            self._close(connection)
        elif connection.received:
            self._take_request(connection)

    def _close(self, connection: Connection) -> None:
        self._connections.pop(connection.socket.fileno(), None)
        connection.socket.close()  # which takes it out of the epoll


def answer(photo: memoryview, number: int, fields: bytes) -> Buffers:
    """The response to a request for a photo, with its number in a comment after the first marker.

    Args:
        photo: a JPEG file.
        number: up to 8 bytes of it.
        fields: the last ones of the header, and its end.
    """
    comment = _COMMENT + number.to_bytes(_NUMBER_BYTES)
    length = len(photo) + len(comment)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n" % length
    return [head + fields + photo[:2] + comment, photo[2:]]


def _after(buffers: Buffers, sent: int) -> Buffers:
    """What is left of the buffers behind the first bytes."""
    while buffers and sent >= len(buffers[0]):
        sent -= len(buffers[0])
        buffers = buffers[1:]
    return [buffers[0][sent:], *buffers[1:]] if buffers else buffers


def listen() -> socket.socket:
    """A listening socket on a free port of the loopback interface."""
    listener = socket.socket()
    # The sockets of its connections have both from here.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(_BACKLOG)
    return listener


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of JPEG files")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    photos = [path.read_bytes() for path in sorted(options.folder.rglob("*.jpg"))]
    if not photos:
        sys.exit(f"{options.folder}: no .jpg file to serve")
    listener = listen()
    print(listener.getsockname()[1], flush=True)
    LatencyServer(listener, photos, options.latency).serve(until=sys.stdin.fileno())


if __name__ == "__main__":
    main()
