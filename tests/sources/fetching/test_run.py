"""Many files at once: limits, memory, order, and an end at any moment."""

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from figleaf.dataset.records import Kind, Reason, Task
from figleaf.errors import FigleafError, InputError
from figleaf.sources.fetching.fetch import Fetched, Fetcher, FetchRules

from ..conftest import BODY
from ..server import Exchange, MisbehavingServer
from .clients import FakeNames, FakeTime, Result, collect, fetch_all, loopback, tasks_of


def open_sockets(loop: asyncio.AbstractEventLoop) -> int:
    """Connections and listeners that the loop still watches, its own wake-up pipe left out."""
    return len(loop._selector.get_map()) - 1  # type: ignore[attr-defined]


async def name(task: Task, result: Result) -> int:
    return task.id


def test_every_task_has_one_result(server: MisbehavingServer) -> None:
    paths = ["/a.jpg", "/status/404/x", "/flaky/500/1/a.jpg?{}", "/reset?{}", "/redirect/2/a.jpg"]
    urls = [server.url(paths[n % 5].format(n)) for n in range(200)] + ["ftp://x/", "http://10.1/"]
    found = Counter(
        "ok" if isinstance(result, Fetched) else result.reason for result in fetch_all(urls)
    )
    assert found == {
        "ok": 120,
        Reason.GONE: 40,
        Reason.DISCONNECTED: 40,
        Reason.BAD_URL: 1,
        Reason.NOT_PUBLIC: 1,
    }


def test_no_task_is_no_result() -> None:
    assert fetch_all([]) == []


@pytest.mark.parametrize(("in_flight", "per_host", "most"), [(20, 3, 6), (4, 8, 4)])
def test_the_limits_hold(in_flight: int, per_host: int, most: int) -> None:
    hosts = ("127.0.0.1", "127.0.0.2")
    with MisbehavingServer({"/a.jpg": BODY}, hosts=hosts, latency=0.01) as server:
        urls = [server.url("/a.jpg", host) for _ in range(30) for host in hosts]
        fetch_all(urls, loopback(in_flight=in_flight, per_host=per_host))
        assert server.most_at_once == most
        assert server.connections <= 2 * min(in_flight, per_host), "they are used again"


def test_redirects_to_another_host_free_their_places() -> None:
    hosts = ("127.0.0.1", "127.0.0.2")
    with MisbehavingServer({"/a.jpg": BODY}, hosts=hosts) as server:
        elsewhere = server.url("/a.jpg", hosts[1])
        found = fetch_all([server.url(f"/to?{elsewhere}")] * 300, loopback(per_host=4))
    assert {result.final_url for result in found if isinstance(result, Fetched)} == {elsewhere}
    assert len(found) == 300


def test_a_rate_is_kept_to(server: MisbehavingServer) -> None:
    time = FakeTime()
    rules = loopback(per_host_rate=4.0, robots=False)
    fetch_all([server.url("/a.jpg")] * 9, rules, clock=time.clock, sleep=time.sleep)
    assert sum(time.slept) == pytest.approx(2.0, abs=0.01)


def test_connections_are_used_again(server: MisbehavingServer) -> None:
    fetch_all([server.url("/a.jpg"), server.url("/status/404/x")] * 50, loopback(per_host=2))
    assert server.connections <= 2


def test_a_slow_host_does_not_hold_back_the_others() -> None:
    hosts = ("127.0.0.1", "127.0.0.2")
    order: list[int] = []

    async def handle(task: Task, result: Result) -> None:
        order.append(task.id)

    async def main(server: MisbehavingServer) -> None:
        slow = [server.url("/hang")] * 20
        fast = [server.url("/a.jpg", "127.0.0.2")] * 30
        rules = loopback(in_flight=6, per_host=2, deadline=0.2, retries=0)
        async with Fetcher(rules) as fetcher:
            async for _ in fetcher.run(tasks_of(slow + fast), handle):
                pass

    with MisbehavingServer({"/a.jpg": BODY}, hosts=hosts) as server:
        asyncio.run(main(server))
    assert max(order.index(number) for number in range(20, 50)) < 40


def test_tasks_are_read_as_they_are_needed(server: MisbehavingServer) -> None:
    taken = itertools.count()
    highest = 0

    def endless() -> Iterator[Task]:
        nonlocal highest
        for number in taken:
            highest = number
            yield Task(number, Kind.URL, server.url("/a.jpg"))

    async def main() -> None:
        async with (
            Fetcher(loopback(in_flight=2, per_host=1)) as fetcher,
            aclosing(fetcher.run(endless(), name)) as results,
        ):
            for _ in range(10):
                await anext(results)
            await asyncio.sleep(0.2)  # nobody takes results meanwhile
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert highest <= 2 * 32 + 10


def test_closing_a_run_ends_everything(server: MisbehavingServer) -> None:
    urls = [server.url(path) for path in ("/a.jpg", "/hang", "/drip", "/limited/200/9/a.jpg")] * 20

    async def main() -> None:
        async with Fetcher(loopback(in_flight=30, per_host=30)) as fetcher:
            async with aclosing(fetcher.run(tasks_of(urls), name)) as results:
                await anext(results)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            again = await collect(fetcher, [server.url("/a.jpg", "localhost")])
            assert getattr(again[0], "body", None) == BODY
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.sleep(0.01)
        assert open_sockets(asyncio.get_running_loop()) == 0

    asyncio.run(main())


def test_cancelling_the_caller_ends_everything(server: MisbehavingServer) -> None:
    async def main() -> None:
        started = asyncio.Event()

        async def handle(task: Task, result: Result) -> None:
            started.set()
            await asyncio.sleep(3600)

        async def work() -> None:
            async with Fetcher(loopback()) as fetcher:
                urls = [server.url("/a.jpg"), server.url("/hang")] * 10
                async with aclosing(fetcher.run(tasks_of(urls), handle)) as results:
                    async for _ in results:
                        pass

        task = asyncio.create_task(work())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_leaving_the_fetcher_ends_a_run_that_was_not_closed(server: MisbehavingServer) -> None:
    async def main() -> None:
        async with Fetcher(loopback()) as fetcher:
            results = fetcher.run(tasks_of([server.url("/a.jpg"), server.url("/hang")]), name)
            assert await anext(results) == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await results.aclose()

    asyncio.run(main())


def test_what_handle_raises_ends_the_run(server: MisbehavingServer) -> None:
    async def handle(task: Task, result: Result) -> None:
        raise OSError("no space left on device")

    async def main() -> None:
        async with Fetcher(loopback()) as fetcher:
            with pytest.raises(OSError, match="no space left"):
                async for _ in fetcher.run(tasks_of([server.url("/a.jpg")] * 50), handle):
                    pass
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_what_the_tasks_raise_ends_the_run(server: MisbehavingServer) -> None:
    def broken() -> Iterator[Task]:
        yield Task(1, Kind.URL, server.url("/hang"))
        raise OSError("disk I/O error")

    async def main() -> None:
        async with Fetcher(loopback()) as fetcher:
            with pytest.raises(OSError, match="disk I/O error"):
                async for _ in fetcher.run(broken(), name):
                    pass

    asyncio.run(main())


def test_two_runs_share_the_limits(server: MisbehavingServer) -> None:
    server.latency = 0.01

    async def main() -> None:
        urls = [server.url("/a.jpg")] * 20
        async with Fetcher(loopback(in_flight=3)) as fetcher:
            both = await asyncio.gather(collect(fetcher, urls), collect(fetcher, urls))
        assert [len(results) for results in both] == [20, 20]

    asyncio.run(main())
    assert server.most_at_once <= 3


@pytest.mark.parametrize("announced", [True, False])
def test_bodies_are_held_within_the_memory_until_they_are_handled(announced: bool) -> None:
    size = 300_000
    held = most = 0

    async def in_chunks(exchange: Exchange) -> None:
        exchange.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        exchange.writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (size, bytes(size)))
        await exchange.writer.drain()

    async def handle(task: Task, result: Result) -> None:
        nonlocal held, most
        assert isinstance(result, Fetched)
        held += len(result.body)
        most = max(most, held)
        await asyncio.sleep(0.005)
        held -= len(result.body)

    async def main(server: MisbehavingServer) -> None:
        path = "/big" if announced else "/chunks"
        urls = [server.url(path)] * 40
        rules = loopback(memory=1_000_000, per_host=20)
        async with Fetcher(rules) as fetcher:
            async for _ in fetcher.run(tasks_of(urls), handle):
                pass

    with MisbehavingServer({"/big": bytes(size)}, answers={"/chunks": in_chunks}) as server:
        asyncio.run(main(server))
    assert size < most <= 1_000_000 + size


def test_waiting_for_memory_is_not_the_files_fault(server: MisbehavingServer) -> None:
    """Each body has to wait for the one before it, longer than its deadline."""

    async def handle(task: Task, result: Result) -> Result:
        await asyncio.sleep(0.15)
        return result

    async def main() -> list[Result]:
        rules = loopback(memory=1, deadline=0.5, retries=0)
        async with Fetcher(rules) as fetcher:
            urls = [server.url("/a.jpg")] * 8
            return [result async for result in fetcher.run(tasks_of(urls), handle)]

    assert all(isinstance(result, Fetched) for result in asyncio.run(main()))


def test_a_file_larger_than_the_memory_comes_through(server: MisbehavingServer) -> None:
    for result in fetch_all([server.url("/a.jpg")] * 20, loopback(memory=1000)):
        assert isinstance(result, Fetched)


def test_leaving_the_fetcher_wakes_who_waits_for_a_result(server: MisbehavingServer) -> None:
    async def main() -> None:
        async with Fetcher(loopback()) as fetcher:
            results = fetcher.run(tasks_of([server.url("/hang")]), name)
            waiting = asyncio.ensure_future(anext(results, None))
            await asyncio.sleep(0.05)
        assert await waiting is None

    asyncio.run(main())


def test_twenty_thousand_files_of_a_dead_host_are_soon_done_with() -> None:
    names = FakeNames({"dead.example": [OSError(101, "Network is unreachable")]})
    urls = [f"http://dead.example/{number}.jpg" for number in range(20_000)]
    results = fetch_all(urls, loopback(retries=0), resolve=names.resolve)
    assert len(results) == 20_000
    assert len(names.asked) == 1


def test_more_requests_than_open_files_are_refused() -> None:
    async def main() -> None:
        async with Fetcher(FetchRules(in_flight=10**15)):
            pass

    with pytest.raises(InputError, match="lower in_flight or raise `ulimit -n`"):
        asyncio.run(main())


def test_running_out_of_open_files_is_not_blamed_on_a_host(server: MisbehavingServer) -> None:
    resource = pytest.importorskip("resource")

    async def main() -> None:
        async with Fetcher(loopback(in_flight=5, robots=False)) as fetcher:
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            with open(os.devnull) as lowest:  # noqa: PTH123 - for its number
                resource.setrlimit(resource.RLIMIT_NOFILE, (lowest.fileno() + 1, before[1]))
                try:
                    with pytest.raises(FigleafError, match="no file descriptors are left"):
                        await fetcher.fetch(server.url("/a.jpg"))
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, before)

    asyncio.run(main())
