"""What the latency server gives at most: many connections that ask, read, and ask again.

    python -m benchmarks.runners.collect_load PORT --connections 512 --seconds 4 [--close]

Nothing is done with the answers but to count them, once the connections have all been opened and
used for a second. The last line of standard output is JSON.
"""

import argparse
import json
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

_BUFFER = bytearray(1 << 20)
_LENGTH = b"Content-Length: "
_WARM_UP = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it; the latency is that from a request to the first bytes of its answer."""

    answers: int
    seconds: float
    least_latency: float
    median_latency: float


@dataclass(slots=True)
class _Client:
    socket: socket.socket
    asked: float = 0.0
    missing: int = 0


class _Clients:
    def __init__(self, port: int, *, closes: bool) -> None:
        self._address = ("127.0.0.1", port)
        self._closes = closes
        field = b"Connection: close\r\n" if closes else b""
        self._request = b"GET /%d.jpg HTTP/1.1\r\nHost: 127.0.0.1\r\n" + field + b"\r\n"
        self._clients: dict[int, _Client] = {}
        self._epoll = select.epoll()
        self._number = 0
        self.latencies: list[float] = []

    def open(self) -> None:
        client = _Client(socket.create_connection(self._address))
        client.socket.setblocking(False)
        self._clients[client.socket.fileno()] = client
        self._epoll.register(client.socket, select.EPOLLIN)
        self._ask(client)

    def run(self, seconds: float) -> float:
        """Go on for so long; returns how long it was."""
        self.latencies.clear()
        begun = time.perf_counter()
        while (now := time.perf_counter()) - begun < seconds:
            for descriptor, _ in self._epoll.poll(1):
                self._read(self._clients[descriptor])
        return now - begun

    def _ask(self, client: _Client) -> None:
        self._number += 1
        client.asked = time.perf_counter()
        client.socket.send(self._request % self._number)

    def _read(self, client: _Client) -> None:
        size = client.socket.recv_into(_BUFFER)
        if not size:
            raise SystemExit("the server closed a connection too early")
        if not client.missing:
            self.latencies.append(time.perf_counter() - client.asked)
            client.missing = _whole(bytes(_BUFFER[: min(size, 1024)]))
        client.missing -= size
        if client.missing:
            return
        if self._closes:
            del self._clients[client.socket.fileno()]
            client.socket.close()
            self.open()
        else:
            self._ask(client)


def _whole(beginning: bytes) -> int:
    """The bytes of a response, its header counted, from its first ones."""
    header = beginning[: beginning.index(b"\r\n\r\n") + 4]
    start = header.index(_LENGTH) + len(_LENGTH)
    return len(header) + int(header[start : header.index(b"\r", start)])


def load(port: int, connections: int, seconds: float, *, closes: bool) -> Load:
    """Ask for photos on so many connections."""
    clients = _Clients(port, closes=closes)
    for _ in range(connections):
        clients.open()
    clients.run(_WARM_UP)
    took = clients.run(seconds)
    found = clients.latencies
    return Load(len(found), took, min(found), median(found))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--close", action="store_true", help="a new connection for each request")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    found = load(options.port, options.connections, options.seconds, closes=options.close)
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
