"""Fetch files from the web, thousands at a time, and ask no host for more than it bears.

::

    async with Fetcher(FetchRules()) as fetcher:
        async with aclosing(fetcher.run(tasks, handle)) as results:
            async for result in results:
                ...

What a host says with robots.txt, Retry-After and X-Robots-Tag is kept to; what may pass is tried
again; a host that does not answer is given up for some time, and its other files with it.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from figleaf.dataset.records import Kind, Task
from figleaf.errors import InputError, MissingExtraError
from figleaf.sources.fetching.fetched import Fetched, FetchError, FetchRules
from figleaf.sources.fetching.guard import Guard
from figleaf.sources.fetching.names import Names, Resolve, resolve_with_system

if TYPE_CHECKING:
    import aiohttp

    from figleaf.sources.fetching.batch import Batch

__all__ = ["FetchError", "FetchRules", "Fetched", "Fetcher"]

T = TypeVar("T")


class Fetcher:
    """Fetches, within an `async with`.

    It serves many runs, one after the other or at once: they share its limits and what it knows of
    the hosts.

    Args:
        rules: the limits.
        refuse: why a URL that a file redirects to must not be asked for; None where it may. The
            tasks' own URLs are the caller's affair.
        resolve: looks a name up; the system's resolver by default. Whatever it answers, no address
            that the rules do not permit is connected to.
        clock: seconds, rising. Deadlines go by the event loop's own.
        sleep: waits for so many seconds of `clock`.
        draw: random numbers in 0..1, for the backoff.

    Raises:
        MissingExtraError: aiohttp or protego is not installed (on entering).
        InputError: so many requests in flight need more open files than the system allows (on
            entering; the process's own limit is raised as far as needed).
    """

    def __init__(
        self,
        rules: FetchRules | None = None,
        *,
        refuse: Callable[[str], FetchError | None] = lambda _: None,
        resolve: Resolve = resolve_with_system,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._rules = rules or FetchRules()
        self._refuse = refuse
        self._resolve = resolve
        self._clock = clock
        self._sleep = sleep
        self._draw = draw
        self._batches: list[Batch[Any]] = []
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        try:
            self._open()
        except ModuleNotFoundError as error:
            raise MissingExtraError("data", "fetching") from error
        return self

    def _open(self) -> None:
        from figleaf.sources.fetching.budget import ByteBudget
        from figleaf.sources.fetching.dispatch import Dispatcher, Surroundings
        from figleaf.sources.fetching.exchange import Exchange
        from figleaf.sources.fetching.follow import Follower
        from figleaf.sources.fetching.robots import RobotsCache
        from figleaf.sources.fetching.session import open_session

        rules = self._rules
        guard = Guard(allow_loopback=rules.allow_loopback)
        robots = RobotsCache()
        self._names = Names(self._resolve, guard, timeout=rules.connect_timeout, clock=self._clock)
        self._session = open_session(rules, guard, self._names)
        exchange = Exchange(self._session, self._names, ByteBudget(rules.memory), rules)
        self._dispatcher = Dispatcher(
            rules,
            guard,
            Follower(exchange, guard, robots, rules, self._refuse),
            robots,
            Surroundings(self._clock, self._sleep, self._draw),
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        for batch in list(self._batches):
            await self._drop(batch)
        await self._names.close()
        if session is not None:
            await session.close()

    async def fetch(self, url: str) -> Fetched:
        """Fetch one file. The memory that its body takes is not counted any more afterwards.

        Raises:
            FetchError: it could not be had, or was not wanted.
        """

        async def keep(_: Task, result: Fetched | FetchError) -> Fetched | FetchError:
            return result

        async with aclosing(self.run([Task(0, Kind.URL, url)], keep)) as results:
            result = await anext(results)
        if isinstance(result, FetchError):
            raise result
        return result

    async def run(
        self,
        tasks: Iterable[Task],
        handle: Callable[[Task, Fetched | FetchError], Awaitable[T]],
    ) -> AsyncGenerator[T, None]:
        """Fetch the files of many tasks.

        Args:
            tasks: read as they are needed, 32 at most for each request that may be in flight. They
                go fastest with the hosts mixed.
            handle: is awaited with each task and what came of it, many at once. Until it returns,
                the body is counted to the memory. It must not wait for another task's file. What
                it raises ends the run.

        Yields:
            What `handle` returned, in the order of completion. Closing the generator cancels what
            is under way, and waits for that.

        Raises:
            InputError: the fetcher is not open.
            FigleafError: no file descriptors are left for connections.
            Exception: what `tasks` or `handle` raised.
        """
        from figleaf.sources.fetching.batch import Batch
        from figleaf.sources.fetching.dispatch import WINDOW

        if self._session is None:
            raise InputError("fetch within `async with Fetcher(...) as fetcher`")
        batch = Batch(iter(tasks), handle, WINDOW * self._rules.in_flight)
        self._batches.append(batch)
        self._dispatcher.add(batch)
        try:
            while await batch.has_more():
                was_full = batch.is_full
                yield batch.pop()
                if was_full:
                    self._dispatcher.pump()
        finally:
            await self._drop(batch)

    async def _drop(self, batch: "Batch[Any]") -> None:
        if batch in self._batches:
            self._batches.remove(batch)
            await self._dispatcher.drop(batch)
