"""Names: looked up once, checked always, remembered for a while."""

import asyncio
import socket
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from figleaf.dataset.records import Reason
from figleaf.sources.fetching.fetch import Fetcher, FetchRules
from figleaf.sources.fetching.guard import Guard, NotPublicError
from figleaf.sources.fetching.names import Names
from figleaf.sources.fetching.session import open_session

from ..conftest import BODY
from ..server import MisbehavingServer
from .clients import FakeNames, FakeTime, collect, failure, fetch_all, fetch_one, loopback

NO_SUCH = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
NOT_NOW = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
PUBLIC = "93.184.215.14"


def names_of(names: FakeNames, time: FakeTime | None = None, **allowed: bool) -> Names:
    clock = (time or FakeTime()).clock
    return Names(names.resolve, Guard(**allowed), timeout=5, clock=clock)


def test_a_name_is_looked_up_once_for_all(server: MisbehavingServer) -> None:
    names = FakeNames({"a.example": [["127.0.0.1"]]})
    urls = [server.url("/a.jpg", "a.example")] * 20
    for result in fetch_all(urls, resolve=names.resolve):
        assert getattr(result, "body", None) == BODY
    assert names.asked == ["a.example"]
    assert server.requests[-1].headers["host"] == f"a.example:{server.port}"


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "169.254.169.254", "::ffff:192.168.0.1", "fd00::1"]
)
def test_a_name_of_a_private_address_is_refused(address: str) -> None:
    names = FakeNames({"a.example": [[address]]})
    error = failure("http://a.example/", loopback(), resolve=names.resolve)
    assert error.reason is Reason.NOT_PUBLIC
    assert address in error.detail


def test_a_name_of_loopback_is_refused_by_default(server: MisbehavingServer) -> None:
    names = FakeNames({"a.example": [["127.0.0.1"]]})
    url = server.url("/a.jpg", "a.example")
    assert failure(url, FetchRules(), resolve=names.resolve).reason is Reason.NOT_PUBLIC
    assert server.connections == 0


def test_a_redirect_to_a_name_of_a_private_address_is_refused(server: MisbehavingServer) -> None:
    names = FakeNames({"inside.example": [["10.0.0.1"]]})
    error = failure(server.url("/to?http://inside.example/"), resolve=names.resolve)
    assert error.reason is Reason.NOT_PUBLIC


def test_of_several_addresses_only_permitted_ones_are_tried(server: MisbehavingServer) -> None:
    names = FakeNames({"a.example": [["10.255.255.1", "127.0.0.1"]]})
    assert fetch_one(server.url("/a.jpg", "a.example"), resolve=names.resolve).body == BODY


def test_a_name_that_changes_to_a_private_address_is_not_followed(
    server: MisbehavingServer,
) -> None:
    """DNS rebinding: every answer is checked, and what was checked is what is connected to."""
    time = FakeTime()
    names = FakeNames({"a.example": [["127.0.0.1"], ["127.0.0.1"], ["10.0.0.1"]]})

    async def main() -> None:
        async with Fetcher(
            loopback(robots=False), resolve=names.resolve, clock=time.clock, sleep=time.sleep
        ) as fetcher:
            reasons = []
            for _ in range(4):
                (result,) = await collect(fetcher, [server.url("/a.jpg", "a.example")])
                reasons.append(getattr(result, "reason", None))
                time.now += 301
        assert reasons == [None, None, Reason.NOT_PUBLIC, Reason.NOT_PUBLIC]

    asyncio.run(main())


def test_a_socket_is_opened_for_a_permitted_address_alone(server: MisbehavingServer) -> None:
    """What stands between a look-up that was passed over and the connection."""
    strict = Guard()
    permissive = names_of(FakeNames({"a.example": [["127.0.0.1"]]}), allow_loopback=True)

    async def main() -> None:
        async with open_session(FetchRules(), strict, permissive) as session:
            for url in (server.url("/a.jpg"), server.url("/a.jpg", "a.example")):
                with pytest.raises(aiohttp.ClientConnectorError) as caught:
                    await session.get(url)
                assert isinstance(caught.value.__cause__, NotPublicError)
        assert server.connections == 0

    asyncio.run(main())


def test_nothing_is_written_to_a_peer_that_is_not_permitted(server: MisbehavingServer) -> None:
    """The last check: the guard changes its mind once the connection stands."""

    class Fickle(Guard):
        checks = 0

        def check(self, address: Any) -> None:
            self.checks += 1
            if self.checks == 2:
                raise NotPublicError(f"{address} is not on the public internet")

    async def main() -> None:
        names = names_of(FakeNames({}), allow_loopback=True)
        async with open_session(FetchRules(), Fickle(), names) as session:
            with pytest.raises(aiohttp.ClientOSError, match="not on the public internet"):
                await session.get(server.url("/a.jpg"))

    asyncio.run(main())
    assert server.requests == []


def test_a_name_that_does_not_exist_fails_all_its_files_at_once() -> None:
    names = FakeNames({"a.example": [NO_SUCH]})
    urls = [f"http://a.example/{number}.jpg" for number in range(500)]
    results = fetch_all(urls, loopback(robots=False), resolve=names.resolve)
    assert {getattr(result, "reason", None) for result in results} == {Reason.NO_SUCH_HOST}
    assert names.asked == ["a.example"]
    attempts = [getattr(result, "attempts", None) for result in results]
    assert (attempts.count(1), attempts.count(0)) == (1, 499)


def test_a_look_up_that_fails_for_now_is_tried_again(server: MisbehavingServer) -> None:
    names = FakeNames({"a.example": [NOT_NOW, NOT_NOW, ["127.0.0.1"]]})
    url = server.url("/a.jpg", "a.example")
    fetched = fetch_one(url, loopback(robots=False), resolve=names.resolve)
    assert (fetched.body, fetched.attempts) == (BODY, 3)
    names = FakeNames({"a.example": [NOT_NOW]})
    assert failure(url, loopback(retries=1), resolve=names.resolve).reason is Reason.DNS


def test_an_answer_is_good_for_a_while() -> None:
    time = FakeTime()
    fake = FakeNames({"a.example": [[PUBLIC]], "b.example": [NO_SUCH], "c.example": [NOT_NOW]})

    async def main() -> None:
        names = names_of(fake, time)
        assert names.known("a.example") is None
        assert await names.look_up("a.example") == [PUBLIC]
        assert names.known("a.example") == [PUBLIC]
        for name in ("b.example", "c.example") * 2:
            with pytest.raises(socket.gaierror):
                await names.look_up(name)
        assert fake.asked == ["a.example", "b.example", "c.example", "c.example"]
        time.now += 301
        assert names.known("a.example") is None

    asyncio.run(main())


def test_a_look_up_without_an_end_is_given_up() -> None:
    async def never(_: str) -> list[str]:
        await asyncio.sleep(3600)
        return []

    rules = loopback(connect_timeout=0.05, retries=0, robots=False)
    error = failure("http://a.example/", rules, resolve=never)
    assert (error.reason, error.detail) == (Reason.DNS, "no answer within 0.05 s")


def test_a_name_without_addresses_does_not_exist() -> None:
    names = FakeNames({"a.example": [[]]})
    error = failure("http://a.example/", loopback(robots=False), resolve=names.resolve)
    assert error.reason is Reason.NO_SUCH_HOST


def test_who_stops_waiting_does_not_stop_the_others() -> None:
    gate = SimpleNamespace(open=None)

    async def main() -> None:
        gate.open = asyncio.Event()

        async def slow(_: str) -> list[str]:
            await gate.open.wait()
            return [PUBLIC]

        names = Names(slow, Guard(), timeout=5, clock=FakeTime().clock)
        first, second = (asyncio.create_task(names.look_up("a.example")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        gate.open.set()
        assert await second == [PUBLIC]
        await names.close()

    asyncio.run(main())


def test_the_systems_resolver_knows_this_machine(server: MisbehavingServer) -> None:
    assert fetch_one(server.url("/a.jpg", "localhost")).body == BODY
