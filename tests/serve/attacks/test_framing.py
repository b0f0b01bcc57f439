"""Requests that say one thing and do another: lengths, chunks, heads without an end."""

import time
from itertools import repeat
from pathlib import Path

import pytest

from .conftest import Victim
from .wire import HEAD, HEALTH, Wire, ask

SMUGGLED = b"GET /v1/models HTTP/1.1\r\nHost: test\r\n\r\n"
"""Where it is answered, a server and the proxy in front of it disagree on where a request ends."""

_EMPTY = b"0\r\n\r\n"
REFUSED = {
    "a length below zero": b"Content-Length: -1\r\n\r\n",
    "a length with a sign": b"Content-Length: +3\r\n\r\nabc",
    "a length with spaces in it": b"Content-Length: 1 0\r\n\r\nabc",
    "a length in hexadecimal": b"Content-Length: 0x3\r\n\r\nabc",
    "a length that is no digit to Python alone": b"Content-Length: \xb2\r\n\r\nab",
    "a length beyond 64 bits": b"Content-Length: 18446744073709551619\r\n\r\nabc",
    "a length of 5,000 digits": b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nabc",
    "a list of lengths": b"Content-Length: 3, 3\r\n\r\nabc",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 30\r\n\r\nabc",
    "two equal lengths": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + _EMPTY,
    "chunks and a length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + _EMPTY,
    "chunks, but not last": b"Transfer-Encoding: chunked, identity\r\n\r\n" + _EMPTY,
    "almost chunked": b"Transfer-Encoding: xchunked\r\n\r\n" + _EMPTY,
    "a space before a colon": b"Transfer-Encoding : chunked\r\n\r\n" + _EMPTY,
    "a folded header": b"Transfer-Encoding:\r\n chunked\r\n\r\n" + _EMPTY,
    "a bare carriage return": b"X: a\rTransfer-Encoding: chunked\r\n\r\n" + _EMPTY,
    "a zero in a header": b"X: a\0b\r\nContent-Length: 3\r\n\r\nabc",
    "a chunk of a size below zero": b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n" + _EMPTY,
    "a chunk of no size": b"Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n" + _EMPTY,
    "a chunk beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n",
    "a chunk longer than it says": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n" + _EMPTY,
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_be_read_in_two_ways_is_not_read_at_all(patient: Victim, case: str) -> None:
    with Wire(patient.url) as wire:
        wire.send(HEAD + REFUSED[case] + SMUGGLED)
        answer = wire.answer()
        assert wire.rest() == b"", "it was read on, as another request"
    assert answer.status == 400
    assert answer.json()["type"] == "urn:figleaf:problem:bad-request"
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_length_that_is_too_short_leaves_garbage_that_is_not_answered_as_a_request(
    patient: Victim,
) -> None:
    with Wire(patient.url) as wire:
        wire.send(HEAD + b"Content-Length: 3\r\n\r\nabcdefg" + SMUGGLED)
        told = wire.rest()
    assert told.count(b"HTTP/1.1 ") <= 2
    assert b"mobilenet_v2" not in told.partition(b"\r\n\r\n")[2].partition(b"HTTP/1.1")[2]


def test_an_enormous_length_is_refused_before_anything_of_it_is_read(patient: Victim) -> None:
    answer = ask(patient.url, HEAD + b"Content-Length: 999999999999\r\n\r\n")
    assert answer.status == 413


def test_who_asks_first_is_told_before_the_body_is_sent(patient: Victim) -> None:
    expect = HEAD + b"Expect: 100-continue\r\nContent-Length: 999999999\r\n\r\n"
    assert ask(patient.url, expect).status == 413


def test_a_head_without_an_end_is_refused(patient: Victim) -> None:
    for first, then in {
        b"GET /": b"a" * 4096,
        HEAD: b"X-Endless: " + b"a" * 4096 + b"\r\n",
        HEAD + b"X": b"-" * 4096,
        HEAD + b"X: ": b"a" * 4096,
        b"": b"\r\n" * 2048,
    }.items():
        with Wire(patient.url) as wire:
            wire.send(first)
            sent = sum(wire.send(then) for _ in range(2_000))
            assert sent < 1_000, first  # 4 of 8 MB, most of it in the socket
        with Wire(patient.url) as wire:
            wire.send(first)
            wire.drip(repeat(then, 100), 0.01, at_most=30)
            assert wire.answer().status in (400, 431), first


def test_a_long_url_is_refused_even_if_it_comes_at_once(patient: Victim) -> None:
    answer = ask(patient.url, b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: test\r\n\r\n")
    assert answer.status == 431
    assert len(answer.body) < 1_000


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(b"", b"1\r\na\r\n" * 5_000, id="chunks of a byte"),
        pytest.param(b"", b"3;" + b"a" * 50_000, id="a chunk's extension"),
        pytest.param(b"1\r\na\r\n0\r\n", b"X: y\r\n" * 5_000, id="trailers"),
        pytest.param(b"1\r\na\r\n0\r\nX: ", b"y" * 50_000, id="a trailer"),
    ],
)
def test_what_is_no_body_is_not_taken_without_end(
    patient: Victim, first: bytes, then: bytes, photo: Path
) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    with Wire(patient.url) as wire:
        wire.send(head + first)
        sent = sum(wire.send(then) for _ in range(1_000))
    assert sent < 500  # of 30 to 50 MB
    with Wire(patient.url) as wire:
        wire.send(head + first)
        wire.drip(repeat(then, 50), 0.01, at_most=30)
        assert wire.answer().status == 400
    assert patient.is_well(photo)


def test_chunks_as_clients_send_them_are_taken(patient: Victim, photo: Path) -> None:
    data = photo.read_bytes()
    pieces = (data[start : start + 1000] for start in range(0, len(data), 1000))
    chunks = b"".join(b"%x;name=value\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    assert ask(patient.url, head, chunks, b"0\r\nX-Trailer: yes\r\n\r\n").statuses == ["ok"]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(bytes(range(256)) * 20, id="noise"),
        pytest.param(bytes.fromhex("16030100f1010000ed0303") + bytes(300), id="TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"GET /healthz HTTP/9.9\r\n\r\n", id="HTTP/9.9"),
        pytest.param(b"BREW /healthz HTTP/1.1\r\nHost: test\r\n\r\n", id="method"),
        pytest.param(b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: test\r\n\r\n", id="proxy"),
        pytest.param(b"GET http://[:/ HTTP/1.1\r\nHost: test\r\n\r\n", id="URL"),
        pytest.param(b"GET /\xff HTTP/1.1\r\nHost: test\r\n\r\n", id="URL beyond ASCII"),
        pytest.param(b"USER anonymous\r\n", id="another protocol"),
    ],
)
def test_what_is_no_http_is_answered_and_closed(patient: Victim, sent: bytes) -> None:
    with Wire(patient.url) as wire:
        wire.send(sent + b"\r\n\r\n")
        assert wire.answer().status == 400
        assert wire.rest() == b""


def test_it_is_no_proxy(patient: Victim) -> None:
    sent = b"GET http://169.254.169.254/latest HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n"
    assert ask(patient.url, sent).status == 404


def test_nothing_is_upgraded(patient: Victim) -> None:
    upgrade = b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: YQ==\r\n\r\n"
    assert ask(patient.url, HEALTH[:-2] + upgrade).status == 200


_OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEA\r\n"
"""What Java's client sends by default, with a body after it."""


@pytest.mark.parametrize("at_once", [True, False])
def test_a_body_after_the_offer_of_another_protocol_is_a_body(
    patient: Victim, photo: Path, *, at_once: bool
) -> None:
    data = photo.read_bytes()
    chunk = b"%x\r\n%b\r\n" % (len(data), data)
    for framing, body in {
        b"Content-Length: %d\r\n\r\n" % len(data): data,
        b"Transfer-Encoding: chunked\r\n\r\n": chunk + _EMPTY,
    }.items():
        with Wire(patient.url) as wire:
            sent = HEAD + _OFFER + framing + body
            cut = len(sent) if at_once else len(sent) - len(body)
            for piece in (sent[:cut], sent[cut:]):
                time.sleep(0.1)
                wire.send(piece)
            assert wire.answer().statuses == ["ok"]
            wire.send(HEALTH)  # the connection goes on in HTTP/1.1
            assert wire.answer().json() == {"status": "ok"}


def test_the_offer_of_another_protocol_makes_no_request_of_a_body(patient: Victim) -> None:
    with Wire(patient.url) as wire:
        wire.send(HEAD + _OFFER + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED))
        time.sleep(0.1)
        wire.send(SMUGGLED)
        assert wire.answer().statuses == ["not_an_image"]
        wire.send(HEALTH)
        assert wire.answer().json() == {"status": "ok"}
