"""Clients that take their time: requests a byte at a time, answers that nobody reads."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

from figleaf.serve.server import running

from .conftest import Victim, comes_true, low_rules
from .wire import HEAD, HEALTH, Answer, Wire, ask, post

EVERY = 0.05
"""Seconds between two bytes: the deadlines here are a second or two, twenty to forty bytes."""
AT_MOST = 20.0
"""Seconds of dripping: far less than all of the bytes would take, far more than any deadline."""


def bytes_of(text: bytes) -> Iterator[bytes]:
    return (text[index : index + 1] for index in range(len(text)))


_CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DRIPS = {
    "request line": (b"", b"POST /v1/classify?" + b"a" * 600, 1.0),
    "header": (HEAD, b"X-Slow: " + b"a" * 600, 1.0),
    "headers": (HEAD, b"X: y\r\n" * 100, 1.0),
    "body": (HEAD + b"Content-Length: 1000\r\n\r\n", b"a" * 600, 2.0),
    "chunks": (_CHUNKED, b"1\r\na\r\n" * 100, 2.0),
    "chunk extension": (_CHUNKED + b"3;", b"a" * 600, 2.0),
    "trailers": (_CHUNKED + b"1\r\na\r\n0\r\n", b"X: y\r\n" * 100, 2.0),
}
"""What comes at once, what comes a byte at a time, and after how many seconds that is ended."""


def test_a_request_that_drips_in_is_ended(victim: Victim, photo: Path) -> None:
    def drip(name: str) -> tuple[float, Answer, bytes]:
        first, then, _ = DRIPS[name]
        began = time.monotonic()
        with Wire(victim.url) as wire:
            wire.send(first)
            wire.drip(bytes_of(then), EVERY, at_most=AT_MOST)
            return time.monotonic() - began, wire.answer(), wire.rest()

    with ThreadPoolExecutor(len(DRIPS)) as threads:
        found = dict(zip(DRIPS, threads.map(drip, DRIPS), strict=True))
    for name, (took, answer, rest) in found.items():
        assert DRIPS[name][2] - 0.2 < took < AT_MOST, name
        assert (answer.status, rest) == (408, b""), name
        assert answer.headers["content-type"] == "application/problem+json", name
        assert answer.headers["connection"] == "close", name
    assert victim.is_well(photo)


def test_a_connection_that_never_asks_is_closed(victim: Victim) -> None:
    with Wire(victim.url, timeout=30.0) as wire:
        assert wire.socket.recv(1) == b""  # the end, and not the timeout


def test_so_is_one_that_has_asked_once(victim: Victim) -> None:
    with Wire(victim.url, timeout=30.0) as wire:
        wire.send(HEALTH)
        assert wire.answer().status == 200
        assert wire.socket.recv(1) == b""


def test_and_one_that_drips_its_second_request(victim: Victim) -> None:
    with Wire(victim.url) as wire:
        wire.send(HEALTH)
        assert wire.answer().status == 200
        took = wire.drip(bytes_of(b"GET /healthz?" + b"a" * 600), EVERY, at_most=AT_MOST)
        assert wire.answer().status == 408
    assert took < AT_MOST


def test_hundreds_of_slow_connections_keep_nobody_else_waiting(photo: Path) -> None:
    data = photo.read_bytes()
    # Who waited for any of them would wait for the whole of their time.
    rules = low_rules(max_connections=400, header_timeout=60.0, body_timeout=60.0)
    with running(rules) as started, ExitStack() as stack:
        for index in range(300):
            wire = stack.enter_context(Wire(started.url))
            wire.send((b"GET /healthz", HEAD, HEAD + b"Content-Length: 9\r\n\r\nabc")[index % 3])
        for _ in range(10):
            assert post(started.url, data).statuses == ["ok"]


def test_connections_beyond_the_limit_are_told_so_and_closed(photo: Path) -> None:
    with running(low_rules(max_connections=10, header_timeout=60.0)) as started:
        with ExitStack() as stack:
            for _ in range(10):
                stack.enter_context(Wire(started.url)).send(b"GET")
            refused = ask(started.url, b"")
            assert refused.status == 503
            assert int(refused.headers["retry-after"]) >= 1
            assert refused.headers["connection"] == "close"
        data = photo.read_bytes()
        assert comes_true(lambda: post(started.url, data).status == 200)


def test_who_reads_no_answers_is_cut_off(photo: Path) -> None:
    with running(low_rules(write_timeout=0.5)) as started, Wire(started.url, 60.0) as wire:
        big = HEALTH.replace(b"/healthz", b"/openapi.json") * 10
        began = time.monotonic()
        while wire.send(big) and time.monotonic() - began < 30:
            time.sleep(0.005)
        assert time.monotonic() - began < 30  # cut off, not merely held up
        assert post(started.url, photo.read_bytes()).statuses == ["ok"]


def test_requests_ahead_of_their_answers_are_few(victim: Victim, photo: Path) -> None:
    few = HEALTH * 10
    with Wire(victim.url) as wire:
        wire.send(few)
        assert [wire.answer().status for _ in range(10)] == [200] * 10
    with Wire(victim.url) as wire:
        sent = sum(1 for _ in range(100) if wire.send(HEALTH * 1000))
        answered = wire.rest().count(b"HTTP/1.1 200")
    assert sent < 100
    assert answered < 1000
    assert victim.is_well(photo)


def test_who_goes_away_in_the_middle_leaves_nothing_behind(victim: Victim, photo: Path) -> None:
    def leave(number: int) -> None:
        with Wire(victim.url) as wire:
            wire.send(HEAD + b"Content-Length: 2000000\r\n\r\n" + bytes(number * 40_000))

    threads = [threading.Thread(target=leave, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert victim.is_well(photo)


def test_a_body_after_its_answer_is_read_for_a_while_and_not_for_ever(
    victim: Victim, photo: Path
) -> None:
    head = b"POST /nowhere HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999999\r\n\r\n"
    with Wire(victim.url) as wire:
        wire.send(head)
        assert wire.answer().status == 404
        took = wire.drip(repeat(b"a"), EVERY, at_most=2 * AT_MOST)
    assert took < AT_MOST  # five seconds; or, of a fast one, after 64 MB
    with Wire(victim.url) as wire:
        wire.send(head)
        assert wire.answer().status == 404
        assert sum(wire.send(bytes(2**20)) for _ in range(200)) < 150
    assert victim.is_well(photo)
