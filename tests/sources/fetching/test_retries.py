"""What may pass is tried again, when the host says so or after a growing while."""

import asyncio
import email.utils
import time
from urllib.parse import quote

import pytest

from figleaf.dataset.records import Reason, Task
from figleaf.sources.fetching.fetch import Fetcher

from ..conftest import BODY
from ..server import MisbehavingServer
from .clients import (
    FakeTime,
    Result,
    collect,
    failure,
    fetch_all,
    fetch_one,
    loopback,
    tasks_of,
)


def test_a_server_that_recovers(server: MisbehavingServer) -> None:
    fetched = fetch_one(server.url("/flaky/500/3/a.jpg"))
    assert (fetched.body, fetched.attempts) == (BODY, 4)


def test_the_wait_doubles_and_is_drawn_evenly(server: MisbehavingServer) -> None:
    time = FakeTime()
    rules = loopback(retries=9, backoff=1.0, robots=False)
    failure(server.url("/status/500"), rules, clock=time.clock, sleep=time.sleep, draw=lambda: 0.5)
    assert time.slept == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30, 30])


@pytest.mark.parametrize("path", ["limited", "away"])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_kept_to(server: MisbehavingServer, path: str, form: str) -> None:
    fake = FakeTime()
    wait = "120" if form == "seconds" else email.utils.formatdate(time.time() + 120, usegmt=True)
    url = server.url(f"/{path}/{quote(wait)}/1/a.jpg")
    fetched = fetch_one(url, clock=fake.clock, sleep=fake.sleep)
    assert fetched.attempts == 2
    assert sum(fake.slept) == pytest.approx(120, abs=10)


@pytest.mark.parametrize("wait", ["soon", "-5", "", "Wed, 21 Oct 2015 07:28:00 GMT", "99 years"])
def test_a_retry_after_that_says_nothing_is_none(server: MisbehavingServer, wait: str) -> None:
    fake = FakeTime()
    url = server.url(f"/limited/{quote(wait) or '%20'}/1/a.jpg")
    assert fetch_one(url, clock=fake.clock, sleep=fake.sleep).attempts == 2
    assert sum(fake.slept) == 0


def test_a_host_that_asks_for_too_long_a_wait_is_left_for_another_day(
    server: MisbehavingServer,
) -> None:
    urls = [server.url("/limited/86400/99/a.jpg")] + [server.url("/a.jpg")] * 50
    results = fetch_all(urls, loopback(per_host=1))
    assert {getattr(result, "reason", None) for result in results} == {Reason.RATE_LIMITED}
    assert len(server.paths()) == 1


def test_a_host_that_limits_holds_back_only_its_own_files() -> None:
    """Both places are taken by it at first; its wait ends when the other host's files are done."""
    fake = FakeTime()
    done: list[int] = []

    async def main(server: MisbehavingServer) -> None:
        others_are_done = asyncio.Event()

        async def sleep(seconds: float) -> None:
            await asyncio.wait_for(others_are_done.wait(), 20)
            await fake.sleep(seconds)

        async def handle(task: Task, result: Result) -> None:
            assert getattr(result, "body", None) == BODY
            done.append(task.id)
            if len(done) == 40:
                others_are_done.set()

        limited = [server.url(f"/limited/30/1/a.jpg?{number}") for number in range(4)]
        others = [server.url("/a.jpg", "127.0.0.2")] * 40
        rules = loopback(per_host=2, in_flight=2)
        async with Fetcher(rules, clock=fake.clock, sleep=sleep) as fetcher:
            async for _ in fetcher.run(tasks_of(limited + others), handle):
                pass

    with MisbehavingServer({"/a.jpg": BODY}, hosts=("127.0.0.1", "127.0.0.2")) as server:
        asyncio.run(main(server))
    assert sorted(done[:40]) == list(range(4, 44))
    assert sorted(done[40:]) == list(range(4))
    assert sum(fake.slept) >= 30


def test_a_dead_host_is_given_up_after_ten_failures() -> None:
    with MisbehavingServer() as server:
        dead = server.port
    urls = [f"http://127.0.0.1:{dead}/{number}.jpg" for number in range(300)]
    results = fetch_all(urls, loopback(robots=False, retries=3))
    assert {getattr(result, "reason", None) for result in results} == {Reason.CONNECT}
    untried = [r for r in results if getattr(r, "detail", "").startswith("not tried: ")]
    assert len(untried) >= 290
    assert sum(getattr(result, "attempts", 0) for result in results) <= 12


def test_with_robots_txt_one_look_is_enough() -> None:
    with MisbehavingServer() as server:
        dead = server.port
    urls = [f"http://127.0.0.1:{dead}/{number}.jpg" for number in range(300)]
    results = fetch_all(urls, loopback(retries=1))
    for result in results:
        assert getattr(result, "reason", None) is Reason.CONNECT
        assert "not tried: robots.txt: " in getattr(result, "detail", "")


def test_a_host_that_was_given_up_gets_another_chance_later() -> None:
    """Within one run: a host that is up again after the pause is fetched from."""
    fake = FakeTime()
    with MisbehavingServer() as server:
        dead = server.port
    url = f"http://127.0.0.1:{dead}/a.jpg"

    async def main() -> None:
        async with Fetcher(loopback(retries=0), clock=fake.clock, sleep=fake.sleep) as fetcher:
            (first,) = await collect(fetcher, [url])
            assert getattr(first, "reason", None) is Reason.CONNECT
            (second,) = await collect(fetcher, [url])
            assert getattr(second, "attempts", None) == 0
            fake.now += 601
            again = await asyncio.start_server(answer, "127.0.0.1", dead)
            async with again:
                (third,) = await collect(fetcher, [url])
                await asyncio.sleep(0.01)
            assert getattr(third, "body", None) == b"hello"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        writer.close()

    asyncio.run(main())
