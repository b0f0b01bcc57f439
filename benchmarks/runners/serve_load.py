"""Puts pictures to a server on the loopback interface, and notes what becomes of each request.

    python -m benchmarks.runners.serve_load PHOTOS.json OUT.json --port 8000 --path /v1/classify

Without `--rate` a closed loop: every connection sends its next picture once it has the answer. With
it an open one: requests fall due by chance, so many a second on average, whether or not the server
keeps up, on as many connections as that takes; latency counts from the moment at which a request
fell due, so that a server that stalls is charged for those that had to wait with it.

It is a loop over epoll, as it runs on the cores that the server needs: a request is put together
before the clock starts, and an answer is kept as it came.
"""

import argparse
import json
import random
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.runners.serve_answer import Answer, read_answer

_BUFFER = 256 * 1024
_PATIENCE = 60.0  # seconds for an answer, after which it counts as none
_IDLE = 2.0  # seconds; uvicorn closes what is idle for 5, and a request must not cross that
_BOUNDARY = b"figleaf-load"
_SEED = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent, where, and how fast.

    connections: how many at once; in an open loop, at most. rate: requests a second, of an open
    loop. warm_up, seconds: what is not counted, and what is.
    """

    port: int
    path: str
    connections: int
    rate: float | None
    warm_up: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A request: when it fell due and ended (of time.perf_counter), and what came of it.

    `status` is the answer's, or 0 for none: the connection ended, or nothing came.
    """

    due: float
    ended: float
    status: int


@dataclass(frozen=True, slots=True)
class Log:
    """All that happened.

    answers: how often each photo, by its number, got which body with a 200. no_retry_after: answers
    of 503 without that field. failures: how those without an answer failed, and how many did.
    unsent: requests that fell due, and found no connection free until the end.
    """

    begun: float
    seconds: float
    cpu_seconds: float
    outcomes: list[Outcome]
    answers: list[tuple[int, str, int]]
    no_retry_after: int
    failures: dict[str, int]
    unsent: int
    most_connections: int


@dataclass(slots=True)
class _Connection:
    """What is on its way over it; `unsent` is None while nothing is."""

    socket: socket.socket
    photo: int = 0
    due: float = 0.0
    sent: float = 0.0
    unsent: memoryview | None = None
    received: bytes = b""
    answer: Answer | None = None
    watches_output: bool = False
    idle_since: float = 0.0


@dataclass(slots=True)
class _Notes:
    outcomes: list[Outcome] = field(default_factory=list)
    answers: Counter[tuple[int, str]] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    no_retry_after: int = 0
    most_connections: int = 0


class Load:
    """Sends requests as a plan says, in the order of the photos."""

    def __init__(self, plan: Plan, requests: Sequence[bytes]) -> None:
        self._plan = plan
        self._requests = [memoryview(request) for request in requests]
        self._epoll = select.epoll()
        self._busy: dict[int, _Connection] = {}
        self._idle: deque[_Connection] = deque()
        self._waiting: deque[float] = deque()
        self._number = 0
        self._notes = _Notes()

    def run(self) -> Log:
        """Warm up, send for the planned seconds, and wait for what is still to come."""
        begun = time.perf_counter() + self._plan.warm_up
        end, cpu = begun + self._plan.seconds, time.process_time()
        dues = self._dues(begun - self._plan.warm_up, end)
        due = next(dues)
        while (now := time.perf_counter()) < end:
            while due <= now:
                self._waiting.append(due)
                due = next(dues)
            self._send_waiting()
            self._turn(min(due, end) - now)
        cpu = time.process_time() - cpu
        unsent = 0 if self._plan.rate is None else len(self._waiting)
        self._waiting.clear()
        self._drain()
        notes = self._notes
        return Log(
            begun=begun,
            seconds=self._plan.seconds,
            cpu_seconds=cpu,
            outcomes=notes.outcomes,
            answers=[(photo, body, count) for (photo, body), count in notes.answers.items()],
            no_retry_after=notes.no_retry_after,
            failures=dict(notes.failures),
            unsent=unsent,
            most_connections=notes.most_connections,
        )

    def _dues(self, begun: float, end: float) -> Iterator[float]:
        """When requests fall due: all at once in a closed loop, which then goes on by itself."""
        if self._plan.rate is None:
            yield from [begun] * self._plan.connections
        else:
            chance, due = random.Random(_SEED), begun
            while (due := due + chance.expovariate(self._plan.rate)) < end:
                yield due
        while True:
            yield float("inf")

    def _send_waiting(self) -> None:
        while self._waiting and (connection := self._free()):
            self._ask(connection, self._waiting.popleft())

    def _free(self) -> _Connection | None:
        """A connection that has nothing to do; None where there are as many as may be."""
        now = time.perf_counter()
        while self._idle:
            connection = self._idle.pop()
            if now - connection.idle_since < _IDLE:
                return connection
            connection.socket.close()
        if len(self._busy) >= self._plan.connections:
            return None
        connection = _Connection(socket.create_connection(("127.0.0.1", self._plan.port)))
        connection.socket.setblocking(False)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _ask(self, connection: _Connection, due: float) -> None:
        connection.photo = self._number % len(self._requests)
        self._number += 1
        connection.due, connection.sent = due, time.perf_counter()
        connection.unsent = self._requests[connection.photo]
        connection.received, connection.answer = b"", None
        connection.watches_output = False
        self._busy[connection.socket.fileno()] = connection
        self._notes.most_connections = max(self._notes.most_connections, len(self._busy))
        self._epoll.register(connection.socket, select.EPOLLIN)
        self._send(connection)

    def _turn(self, seconds: float) -> None:
        """Wait for at most so long, then deal with what has happened."""
        for descriptor, event in self._epoll.poll(min(max(seconds, 0.0), 1.0)):
            connection = self._busy[descriptor]
            # An answer may come before the whole of a request is sent; it is read even where the
            # server takes no more.
            if event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                self._receive(connection)
            elif event & select.EPOLLOUT:
                self._send(connection)

    def _send(self, connection: _Connection) -> None:
        assert connection.unsent is not None
        try:
            sent = connection.socket.send(connection.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            # The server has hung up; what it said before can still be read.
            connection.unsent = connection.unsent[:0]
            self._watch_output(connection, wanted=False)
            return
        connection.unsent = connection.unsent[sent:]
        self._watch_output(connection, wanted=bool(connection.unsent))
        if not connection.unsent and connection.answer:
            self._finish(connection, connection.answer)

    def _watch_output(self, connection: _Connection, *, wanted: bool) -> None:
        if wanted is not connection.watches_output:
            connection.watches_output = wanted
            events = select.EPOLLIN | (select.EPOLLOUT if wanted else 0)
            self._epoll.modify(connection.socket, events)

    def _receive(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(_BUFFER)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(connection, type(error).__name__)
            return
        if not data:
            self._fail(connection, "closed")
            return
        connection.received += data
        connection.answer = connection.answer or read_answer(connection.received)
        if connection.answer and (not connection.unsent or connection.answer.closes):
            self._finish(connection, connection.answer)

    def _finish(self, connection: _Connection, answer: Answer) -> None:
        self._end(connection, answer.status)
        if answer.status == 200:
            self._notes.answers[connection.photo, answer.body.decode()] += 1
        elif answer.status == 503 and not answer.has_retry_after:
            self._notes.no_retry_after += 1
        if answer.closes:
            connection.socket.close()
        else:
            connection.idle_since = time.perf_counter()
            self._idle.append(connection)

    def _fail(self, connection: _Connection, how: str) -> None:
        if connection.answer:  # it came, and the server did not wait for the rest of the request
            connection.answer.closes = True
            self._finish(connection, connection.answer)
            return
        self._notes.failures[how] += 1
        self._end(connection, 0)
        connection.socket.close()

    def _end(self, connection: _Connection, status: int) -> None:
        """Note what came of it; in a closed loop, the next request falls due."""
        now = time.perf_counter()
        del self._busy[connection.socket.fileno()]
        self._epoll.unregister(connection.socket)
        self._notes.outcomes.append(Outcome(connection.due, now, status))
        if self._plan.rate is None:
            self._waiting.append(now)

    def _drain(self) -> None:
        """Wait for the answers that are still to come."""
        until = time.perf_counter() + _PATIENCE
        while self._busy and time.perf_counter() < until:
            self._turn(1.0)
        for connection in list(self._busy.values()):
            self._fail(connection, "no answer")


def request(path: str, name: str, photo: bytes) -> bytes:
    """A whole request that uploads a photo, as multipart/form-data (RFC 7578)."""
    part = (
        b"--%b\r\n"
        b'Content-Disposition: form-data; name="file"; filename="%b"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%b\r\n--%b--\r\n"
    ) % (_BOUNDARY, name.encode(), photo, _BOUNDARY)
    head = (
        b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
        b"Content-Type: multipart/form-data; boundary=%b\r\nContent-Length: %d\r\n\r\n"
    ) % (path.encode(), _BOUNDARY, len(part))
    return head + part


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("photos", type=Path, help="a JSON file with the paths of the photos")
    parser.add_argument("out", type=Path, help="a JSON file for what happened")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float, help="requests a second; a closed loop without")
    parser.add_argument("--warm-up", type=float, default=2.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parse(arguments)
    paths = [Path(name) for name in json.loads(options.photos.read_text())]
    requests = [request(options.path, path.name, path.read_bytes()) for path in paths]
    plan = Plan(
        port=options.port,
        path=options.path,
        connections=options.connections,
        rate=options.rate,
        warm_up=options.warm_up,
        seconds=options.seconds,
    )
    options.out.write_text(json.dumps(asdict(Load(plan, requests).run())))


if __name__ == "__main__":
    main()
