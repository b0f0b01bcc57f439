"""What a worker that was taken over may send."""

import contextlib
import json
import os
import socket
import threading
import time
from typing import Any

import numpy as np
import pytest

from figleaf.errors import Status
from figleaf.images import Picture
from figleaf.images.isolate import IsolatedPool
from figleaf.images.wire import Channel, WireError

from .workers import Obey, status_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="isolation is POSIX only")


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b'{"array": ["|O8", [1]]}',
        b'{"array": ["<f8", [-1]]}',
        b'{"array": ["<f8", [1000000, 1000000]]}',
        b'{"array": ["<f8,<f8", [1]]}',
        b'{"array": [5, [1]]}',
        b'{"array": ["<f8", ["a"]]}',
        b'{"array": []}',
        b'{"bytes": -1}',
        b'{"bytes": 1e3}',
        b'{"bytes": 99999999999}',
        b'{"bytes": "x"}',
        b'{"dict": []}',
        b'{"list": 5}',
        b'{"pickle": "gASV"}',
        b'{"list": [], "tuple": []}',
        b"{}",
        b'{"picture": [["<f4", [0, 0, 3]], "png", 1, 1]}',
        b'{"picture": [["|u1", [0, 3]], "png", 1, 1]}',
        b'{"picture": [["|u1", [0, 0, 3]], 5, 1, 1]}',
        b'{"picture": [["|u1", [0, 0, 3]], "png", "1", 1]}',
        b'{"picture": [["|u1", [0, 0, 3]], "png", 1, 1]}',
        b'{"picture": [["|u1", [0, 5, 3]], "png", 5, 5]}',
        b'{"picture": [["|u1", [5, 0, 3]], "png", 5, 5]}',
        b'{"picture": [["|u1", [0, 0, 3]], "png", 0, 0]}',
        b"[" * 100_000,
        b'{"list": [' * 10_000,
        b"\xff\xfe",
    ],
)
def test_lies_on_the_wire(header: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(
            target=_send_quietly, args=(theirs, len(header).to_bytes(8, "big") + header)
        )
        sender.start()
        with pytest.raises(WireError):
            Channel(ours).receive(until=time.monotonic() + 5)
        sender.join()


def _send_quietly(connection: socket.socket, message: bytes) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(message)


def test_a_header_that_claims_to_be_huge() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\x7f" * 8)
        with pytest.raises(WireError, match="header"):
            Channel(ours).receive(until=time.monotonic() + 5)


def test_a_slow_sender_meets_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall((50).to_bytes(8, "big") + b'{"byt')
        with pytest.raises(TimeoutError):
            Channel(ours).receive(until=time.monotonic() + 0.2)


def test_a_picture_larger_than_it_says() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(theirs).send(Picture(np.zeros((2, 3, 3), np.uint8), "png", 3, 1))
        with pytest.raises(WireError, match="size"):
            Channel(ours).receive(until=time.monotonic() + 5)


@pytest.mark.parametrize(
    "reply",
    [
        {"image_error": ["ok", "all is well"]},
        {"image_error": ["perfect", "all is well"]},
        {"image_error": [["corrupt"], "x"]},
        {"image_error": ["corrupt", 5]},
        {"image_error": "corrupt"},
        {"figleaf_error": ["InputError", None]},
        {"exception": 5},
        {"out_of_memory": False},
        {},
        [],
        None,
        "result",
    ],
)
def test_an_answer_that_is_none_costs_the_worker(obey: Obey, reply: Any) -> None:
    with IsolatedPool(obey, workers=1, deadline=10) as isolated:
        worker = isolated(b"pid")
        status, reason = status_of(isolated, f"forge {json.dumps(reply)}")
        assert status is Status.CRASHED
        assert "something else than an answer" in reason
        assert isolated(b"pid") != worker
