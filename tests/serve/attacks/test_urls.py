"""A server that fetches URLs is not made to read from the network that it is in.

What must never be connected to is on the loopback interface here, where a server of our own sees
whether it was.
"""

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from figleaf.serve.server import running
from figleaf.serve.service import Surroundings
from figleaf.sources.fetching.fetched import FetchRules
from figleaf.sources.fetching.names import Resolve

from ...sources.server import Answer, Exchange, MisbehavingServer
from .conftest import Lines, Victim, comes_true, low_rules
from .wire import HEAD, Wire, post

TOLD = ("unreadable", "the URL could not be fetched")
"""All that a client hears: of an address that is not public as of a host that is not there."""


def fetch_rules(**changes: Any) -> FetchRules:
    kept: dict[str, Any] = {
        "in_flight": 8,
        "per_host": 8,
        "deadline": 1.5,
        "connect_timeout": 1.0,
        "max_bytes": 2**20,
        "max_redirects": 3,
        "retries": 0,
        "robots": False,
        "no_ai": False,
    }
    return FetchRules(**{**kept, **changes})


@contextmanager
def fetching(resolve: Resolve | None = None, **changes: Any) -> Iterator[Victim]:
    """A server that fetches; from the loopback interface only if that is allowed."""
    log = Lines()
    found = Surroundings(log=log) if resolve is None else Surroundings(log=log, resolve=resolve)
    with running(low_rules(fetch=fetch_rules(**changes)), found) as started:
        yield Victim(started.url, started.service, log)


def outcomes(victim: Victim, *urls: str) -> list[tuple[str, str]]:
    body = json.dumps({"images": [{"url": url} for url in urls]}).encode()
    answer = post(victim.url, body, "application/json")
    assert answer.status == 200, answer.body
    return [(result["status"], result["reason"]) for result in answer.json()["results"]]


class Zone:
    """A name server: each name's answers in turn, the last one again and again."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = answers
        self.asked: Counter[str] = Counter()

    async def __call__(self, name: str) -> Sequence[str]:
        answers = self._answers.get(name.partition(".")[0])
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        self.asked[name] += 1
        return answers[min(self.asked[name], len(answers)) - 1]


@pytest.fixture(scope="module")
def inside(photo: Path) -> Iterator[MisbehavingServer]:
    """What only this machine should reach."""
    files = {"/secret.png": photo.read_bytes()}
    with MisbehavingServer(files, hosts=("127.0.0.1", "127.0.0.2")) as server:
        yield server


def test_without_the_option_no_url_is_taken(victim: Victim, inside: MisbehavingServer) -> None:
    before = inside.connections
    for url in (inside.url("/secret.png"), "file:///etc/passwd", "nonsense"):
        body = json.dumps({"images": [{"url": url}]}).encode()
        answer = post(victim.url, body, "application/json")
        assert answer.status == 422
        assert url not in answer.body.decode()
    assert inside.connections == before


SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.0.2",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "0.0.0.0",
    "0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "\u2460\u2461\u2466.0.0.1",  # digits in circles: IDNA makes 127 of them
    "127\u30020\u30020\u30021",  # and dots of these
    "\uff11\uff12\uff17.0.0.1",
    "loop.example",
    "mixed.example",
    "mapped.example",
    "zone.example",
]


def test_no_spelling_of_this_machine_is_connected_to(
    inside: MisbehavingServer, photo: Path
) -> None:
    zone = Zone(
        localhost=[["127.0.0.1", "::1"]],
        LOCALHOST=[["127.0.0.1"]],
        loop=[["127.0.0.1"]],
        mixed=[["::1", "10.0.0.1", "127.0.0.1"]],
        mapped=[["::ffff:127.0.0.1"]],
        zone=[["fe80::1%lo"]],
    )
    before = inside.connections
    with fetching(zone) as victim:
        urls = [f"http://{host}:{inside.port}/secret.png" for host in SPELLINGS]
        for start in range(0, len(urls), 8):
            for url, told in zip(
                urls[start : start + 8], outcomes(victim, *urls[start : start + 8]), strict=True
            ):
                assert told in (TOLD, ("unreadable", "not a URL that can be fetched")), url
        assert victim.is_well(photo)
    assert inside.connections == before


def test_nor_what_is_private_or_of_the_link(inside: MisbehavingServer) -> None:
    hosts = ["10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "198.18.0.1"]
    hosts += ["[fe80::1]", "[fd00::1]", "[::ffff:169.254.169.254]", "[::ffff:10.0.0.1]"]
    hosts += ["[2002:7f00:1::]", "[2001:0:7f00:1::]", "[64:ff9b::a00:1]", "[ff02::1]", "metadata"]
    zone = Zone(metadata=[["169.254.169.254"]])
    with fetching(zone) as victim:
        for start in range(0, len(hosts), 8):
            found = outcomes(victim, *(f"http://{host}/" for host in hosts[start : start + 8]))
            assert set(found) == {TOLD}
    refused = [line for line in victim.log.events() if line["event"] == "fetch"]
    assert len(refused) == len(hosts)
    assert all("public" in line["outcome"] for line in refused)
    assert len({line["request"] for line in refused}) == -(-len(hosts) // 8)  # each has its own


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    inside: MisbehavingServer,
) -> None:
    # The first answer is permitted, every later one is not; or the other way round.
    zone = Zone(rebound=[["127.0.0.1"], ["10.0.0.1"]], bait=[["10.0.0.1"], ["127.0.0.1"]])
    with fetching(zone, allow_loopback=True) as victim:
        url = f"http://rebound.example:{inside.port}/secret.png"
        for _ in range(3):
            assert outcomes(victim, url)[0][0] == "ok"
        assert zone.asked["rebound.example"] == 1
        before = inside.connections
        bait = f"http://bait.example:{inside.port}/secret.png"
        assert [outcomes(victim, bait)[0] for _ in range(3)] == [TOLD] * 3
        assert inside.connections == before


def test_redirects_are_checked_each_time(inside: MisbehavingServer) -> None:
    zone = Zone(outside=[["127.0.0.1"]], metadata=[["169.254.169.254"]])
    to = [
        "http://10.0.0.1/",
        "//169.254.169.254/latest/meta-data/",
        "http://[::ffff:192.168.0.1]/",
        "http://metadata.example/",
        "http://2852039166/",
    ]
    with fetching(zone, allow_loopback=True) as victim:
        base = f"http://outside.example:{inside.port}"
        assert outcomes(victim, f"{base}/redirect/2/secret.png")[0][0] == "ok"
        assert set(outcomes(victim, *(f"{base}/to?{location}" for location in to))) == {TOLD}
        began = time.monotonic()
        elsewhere = ["file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "/loop"]
        found = outcomes(victim, *(f"{base}/to?{location}" for location in elsewhere))
        assert {status for status, _ in found} == {"unreadable"}
        assert time.monotonic() - began < 15.0


def test_schemes_credentials_and_ports_of_other_protocols(inside: MisbehavingServer) -> None:
    here = f"127.0.0.1:{inside.port}"
    urls = [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.png",
        f"gopher://{here}/_GET",
        "data:image/png;base64,AAAA",
        "dict://127.0.0.1:11211/stat",
        f"http://user:password@{here}/secret.png",
        f"http://{here}\\@example.com/secret.png",
        f"http://example.com@{here}/secret.png",
    ]
    more = ["http://127.0.0.1:22/", "http://127.0.0.1:25/", "http://127.0.0.1:6667/"]
    more += [f"http://{here}/a\r\nX-Injected: yes", f"http://{here}\n/", "", "http://", "//x/"]
    before = inside.connections
    with fetching(allow_loopback=True) as victim:
        bad = ("unreadable", "not a URL that can be fetched")
        assert set(outcomes(victim, *urls)) == {bad}
        assert set(outcomes(victim, *more)) == {bad}
    assert inside.connections == before


def test_hosts_that_misbehave_cost_a_deadline_and_no_memory(photo: Path) -> None:
    async def smuggle(exchange: Exchange) -> None:
        exchange.writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n" + b"x" * 99
        )
        await exchange.end()

    answers: dict[str, Answer] = {"/lies": smuggle}
    patient = fetching(allow_loopback=True, deadline=4.0)
    with MisbehavingServer(answers=answers) as server, patient as victim:
        paths = ["drip", "hang", "endless", "bomb", "huge-headers", "garbage", "loop", "lies"]
        began = time.monotonic()
        found = dict(
            zip(paths, outcomes(victim, *(server.url(f"/{p}") for p in paths)), strict=True)
        )
        assert time.monotonic() - began < 20
        large = ("too_many_bytes", "the URL's file is larger than the limit")
        assert {path for path, told in found.items() if told == large} == {
            "endless",
            "bomb",
            "lies",
        }
        assert {told for told in found.values() if told != large} == {TOLD}
        more = [
            server.url(f"/{path}") for path in ("short", "reset", "status/500", "empty", "gone")
        ]
        assert {status for status, _ in outcomes(victim, *more)} == {
            "unreadable",
            "empty",
            "not_found",
        }
        page = outcomes(victim, server.url("/page.jpg"))
        assert page == [("not_an_image", "HTML, not an image")]
        assert victim.is_well(photo)


def test_slow_hosts_keep_nobody_waiting_who_sends_pictures(photo: Path) -> None:
    with (
        MisbehavingServer() as server,
        fetching(allow_loopback=True, deadline=5.0) as victim,
        ThreadPoolExecutor(8) as threads,
    ):
        started = time.monotonic()
        urls = [server.url("/hang")] * 8
        waiting = [threads.submit(outcomes, victim, *urls) for _ in range(8)]
        time.sleep(0.2)
        began = time.monotonic()
        for _ in range(5):
            assert post(victim.url, photo.read_bytes()).statuses == ["ok"]
        assert time.monotonic() - began < 5.0
        for one in waiting:
            assert set(one.result()) == {TOLD}
        # However long a host's queue is, a request's URLs have two deadlines together.
        assert time.monotonic() - started < 25.0


def test_more_than_there_is_memory_for_is_not_kept(photo: Path) -> None:
    files = {f"/{number}": bytes(2**20) for number in range(8)}
    rules = low_rules(
        max_body=2**22, memory=2**22, body_timeout=60.0, fetch=fetch_rules(allow_loopback=True)
    )
    with MisbehavingServer(files) as server, running(rules) as started:
        body = json.dumps({"images": [{"url": server.url(path)} for path in files]}).encode()
        # A request's files have to be as small together as a body that brings them along.
        statuses = post(started.url, body, "application/json").statuses
        assert Counter(statuses) == {"not_an_image": 3, "too_many_bytes": 5}
        with Wire(started.url) as other:
            other.send(HEAD + b"Content-Length: 4000000\r\n\r\n" + bytes(3_900_000))
            assert comes_true(lambda: started.service.budget.held == 3_900_000)
            answer = post(started.url, body, "application/json")
            assert (answer.status, "retry-after" in answer.headers) == (503, True)
        assert comes_true(lambda: started.service.budget.held == 0)
        assert post(started.url, photo.read_bytes()).status == 200


def test_what_the_server_learns_of_the_network_stays_in_its_log(inside: MisbehavingServer) -> None:
    with fetching() as victim:
        urls = [inside.url("/secret.png"), "http://10.0.0.1:8080/", "http://nowhere.invalid/"]
        body = json.dumps({"images": [{"url": url, "name": "x"} for url in urls]}).encode()
        text = post(victim.url, body, "application/json").body.decode()
    for word in ("public", "refused", "resolve", "Errno", "10.0.0.1", "127.0.0.1"):
        assert word not in text
