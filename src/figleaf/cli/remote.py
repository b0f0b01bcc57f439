"""URLs as inputs: fetched into memory through the guard that collecting has, when they are due.

Only public addresses are connected to, whatever a name, a redirect or a name server says. Somebody
named that very file, so robots.txt, which is for crawlers, has no say. Nothing is written.
"""

import asyncio
import io
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from figleaf._version import __version__
from figleaf.dataset.records import Reason
from figleaf.errors import ImageError, Status
from figleaf.sources.fetching.fetch import Fetcher, FetchError, FetchRules

_AHEAD = 8
"""Files that are fetched, or were and wait to be looked at, at once: they are held in memory."""

_STATUSES = {
    Reason.GONE: Status.NOT_FOUND,
    Reason.NO_SUCH_HOST: Status.NOT_FOUND,
    Reason.TOO_MANY_BYTES: Status.TOO_MANY_BYTES,
    Reason.EMPTY: Status.EMPTY,
}
"""What a failure to fetch is as a status; the others are UNREADABLE."""


def fetch_rules(max_bytes: int, *, allow_loopback: bool = False) -> FetchRules:
    """How the URLs on a command line are fetched."""
    return FetchRules(
        in_flight=_AHEAD,
        deadline=60.0,
        connect_timeout=10.0,
        max_bytes=max_bytes,
        retries=1,
        max_redirects=5,
        robots=False,
        no_ai=False,
        allow_loopback=allow_loopback,
        user_agent=f"figleaf/{__version__}",
    )


class RemoteFile(io.BytesIO):
    """A file behind a URL: its fetching has begun, and `read` waits for it. Named as its URL."""

    def __init__(self, url: str, future: "Future[bytes]", done: Callable[[], None]) -> None:
        super().__init__()
        self.name = url
        self._future: Future[bytes] | None = future
        self._done = done

    def read(self, size: int | None = -1, /) -> bytes:
        """The whole file, once, as it is within the limit already; then nothing.

        Raises:
            ImageError: it could not be had.
        """
        future, self._future = self._future, None
        if future is None:
            return b""
        try:
            return future.result()
        except CancelledError:
            raise ImageError(Status.UNREADABLE, "not fetched: interrupted") from None
        finally:
            self._done()


class Remotes:
    """Fetches the files of URLs in a thread of its own, a few at once, within a `with`.

    Args:
        rules: how they are fetched.

    Raises:
        MissingExtraError: aiohttp or protego is not installed (on entering).
    """

    def __init__(self, rules: FetchRules) -> None:
        self._rules = rules
        self._ready: Future[_Loop] = Future()
        # A daemon: a second Ctrl-C waits for nobody.
        self._thread = threading.Thread(target=self._run, name="figleaf fetch", daemon=True)

    def open(self, url: str) -> RemoteFile:
        """Have a file fetched as soon as it is among the next few that were not read yet."""
        return self._ready.result().open(url)

    def close(self) -> None:
        """Break off what is being fetched; whoever waits for it is told. Idempotent."""
        if self._thread.is_alive():
            self._ready.result().stop()
            self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())  # which cancels what is left at the end
        except Exception as error:  # noqa: BLE001  # it is theirs who wait in `__enter__`
            if not self._ready.done():
                self._ready.set_exception(error)

    async def _serve(self) -> None:
        async with Fetcher(self._rules) as fetcher:
            loop = _Loop(fetcher)
            self._ready.set_result(loop)
            await loop.stopped.wait()
            await loop.cancel()


class _Loop:
    """The event loop that fetches; made in its thread, used from others."""

    def __init__(self, fetcher: Fetcher) -> None:
        self.stopped = asyncio.Event()
        self._fetcher = fetcher
        self._places = asyncio.Semaphore(_AHEAD)  # first come, first served: nobody waits for ever
        self._loop = asyncio.get_running_loop()
        self._fetching: set[asyncio.Task[Any] | None] = set()

    def open(self, url: str) -> RemoteFile:
        future = asyncio.run_coroutine_threadsafe(self._fetch(url), self._loop)
        return RemoteFile(url, future, self._leave)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self.stopped.set)

    async def cancel(self) -> None:
        """Break off what is being fetched, before the fetcher is closed under it."""
        tasks = [task for task in self._fetching if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _leave(self) -> None:
        with suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._places.release)

    async def _fetch(self, url: str) -> bytes:
        task = asyncio.current_task()
        self._fetching.add(task)
        try:
            await self._places.acquire()  # given back once the file was read
            return (await self._fetcher.fetch(url)).body
        except FetchError as error:
            status = _STATUSES.get(error.reason, Status.UNREADABLE)
            raise ImageError(status, f"{error.reason}: {error.detail}") from error
        finally:
            self._fetching.discard(task)
