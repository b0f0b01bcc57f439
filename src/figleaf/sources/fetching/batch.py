"""The tasks of one run, from when they are taken on to when their results are yielded."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from figleaf.dataset.records import Task
from figleaf.sources.fetching.fetched import Fetched, FetchError
from figleaf.sources.fetching.target import Target

T = TypeVar("T")

Handle = Callable[[Task, Fetched | FetchError], Awaitable[T]]


@dataclass(slots=True, eq=False)
class Job:
    """One task under way.

    Attributes:
        task: as the caller gave it.
        batch: the run that it belongs to.
        first: what its URL comes to.
        target: what is asked for next: `first`, or where it redirected to.
        attempts: that were made or are being made.
        left: seconds left of an attempt that goes on at another host; None between attempts.
        visited: the URLs that redirected, in this attempt.
    """

    task: Task
    batch: "Batch[Any]"
    first: Target
    target: Target
    attempts: int = 0
    left: float | None = None
    visited: list[str] = field(default_factory=list)

    def restart(self) -> None:
        """Begin again, with a new attempt."""
        self.target = self.first
        self.left = None
        self.visited.clear()


class Batch(Generic[T]):
    """The caller's tasks and the results that wait for the caller.

    Args:
        tasks: taken one by one.
        handle: what is to be done with each result.
        window: how many tasks may be taken and not yet yielded.
    """

    def __init__(self, tasks: Iterator[Task], handle: Handle[T], window: int) -> None:
        self._tasks = tasks
        self.handle = handle
        self._window = window
        self._open = 0
        self._exhausted = False
        self._results: deque[T] = deque()
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.closed = False

    @property
    def is_full(self) -> bool:
        """Whether no task can be taken before a result is."""
        return self._open >= self._window

    def next_task(self) -> Task | None:
        """Take a task; None where there is none, or no room."""
        if self._exhausted or self.is_full or self._error is not None:
            return None
        try:
            task = next(self._tasks)
        except StopIteration:
            self._exhausted = True
        except Exception as error:  # noqa: BLE001 - the caller's own, raised where it iterates
            self._error = error
        else:
            self._open += 1
            return task
        self._notify()
        return None

    def start(self, work: Coroutine[Any, Any, None], done: Callable[[], None]) -> None:
        """Run a job's coroutine as a task, and call `done` after it, even if it never began."""
        task = asyncio.create_task(work)
        self._running.add(task)

        def finish(task: asyncio.Task[None]) -> None:
            self._running.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self._error = self._error or error
                self._notify()
            done()

        task.add_done_callback(finish)

    def push(self, result: T) -> None:
        """A job is done."""
        self._results.append(result)
        self._notify()

    async def has_more(self) -> bool:
        """Wait until there is a result; False after the last one.

        Raises:
            Exception: what the tasks or `handle` raised.
        """
        while True:
            if self._error is not None:
                raise self._error
            if self._results or self.closed or (self._exhausted and not self._open):
                return bool(self._results)
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def pop(self) -> T:
        """The result that has waited longest."""
        self._open -= 1
        return self._results.popleft()

    async def close(self) -> None:
        """Cancel what runs, and wait until it has ended."""
        self.closed = True
        self._notify()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _notify(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
