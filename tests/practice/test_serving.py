"""The server: it answers on this machine's loopback interface while `with` lasts."""

import http.client
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from figleaf.practice.faults import Answer
from figleaf.practice.serving import HOST, Ports, serving


def _ask(
    ports: Ports, path: str, method: str = "GET"
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(HOST, ports.live, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_it_says_what_it_was_given() -> None:
    with serving(lambda path: Answer(body=path.encode())) as ports:
        assert _ask(ports, "/a.jpg?x=1")[:2] == (200, b"/a.jpg")
        assert ports.origin == f"http://127.0.0.1:{ports.live}"


def test_status_location_and_tag() -> None:
    with serving(lambda path: Answer(302, b"", "/there", "noai")) as ports:
        status, body, headers = _ask(ports, "/")
    assert (status, body) == (302, b"")
    assert (headers["Location"], headers["X-Robots-Tag"]) == ("/there", "noai")


def test_head_has_no_body_and_the_connection_goes_on() -> None:
    with serving(lambda path: Answer(body=b"12345")) as ports:
        connection = http.client.HTTPConnection(HOST, ports.live, timeout=10)
        for method, body in (("HEAD", b""), ("GET", b"12345"), ("HEAD", b"")):
            connection.request(method, "/")
            answer = connection.getresponse()
            assert (answer.headers["Content-Length"], answer.read()) == ("5", body)
        connection.close()


def test_many_at_once() -> None:
    with serving(lambda path: Answer(body=path.encode())) as ports, ThreadPoolExecutor(16) as pool:
        paths = [f"/{number}" for number in range(200)]
        bodies = pool.map(lambda path: _ask(ports, path)[1], paths)
        assert list(bodies) == [path.encode() for path in paths]


def test_nobody_answers_at_the_dead_port_and_nobody_gets_it() -> None:
    with serving(lambda path: Answer()) as ports:
        assert ports.dead != ports.live
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, ports.dead), timeout=10)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((HOST, ports.dead))


def test_the_same_ports_again() -> None:
    with serving(lambda path: Answer(body=b"1")) as ports:
        assert _ask(ports, "/")[1] == b"1"
    with serving(lambda path: Answer(body=b"2"), ports) as again:
        assert again == ports
        assert _ask(ports, "/")[1] == b"2"


def test_a_port_that_is_taken() -> None:
    with (
        serving(lambda path: Answer()) as ports,
        pytest.raises(OSError, match="in use"),
        serving(lambda path: Answer(), Ports(ports.live)),
    ):
        raise AssertionError


def test_it_ends_with_the_block() -> None:
    with serving(lambda path: Answer()) as ports:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, ports.live), timeout=10)
