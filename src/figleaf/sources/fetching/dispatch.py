"""Start jobs when their hosts and the limit on requests allow, and see them to their end."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from figleaf.dataset.records import Reason, Task
from figleaf.sources.fetching.batch import Batch, Job
from figleaf.sources.fetching.exchange import Attempt
from figleaf.sources.fetching.fetched import Fetched, FetchError, FetchRules
from figleaf.sources.fetching.follow import Follower
from figleaf.sources.fetching.guard import Guard
from figleaf.sources.fetching.hosts import HostLimits, Hosts
from figleaf.sources.fetching.robots import RobotRules, RobotsCache
from figleaf.sources.fetching.target import Target, parse_target

WINDOW = 32
"""Tasks taken from the caller, for each request that may be in flight. Many, since a list names a
host's files in a row: those that wait for their host must not keep the other hosts from coming
up. One that waits takes about a kilobyte."""

_READ_AHEAD = 256
"""Tasks taken at once, before the loop gets its turn."""
_HANDLED = 64
"""Results that are handled at once, at most: where handling is slower than the network, fetching
waits for it. What was fetched and not yet handled when a run is stopped has to be fetched again."""
_LONGEST_BACKOFF = 60.0

_TRUE_OF_ALL = frozenset({Reason.NO_SUCH_HOST, Reason.NOT_PUBLIC})
"""What befalls every file of a host."""
_UNANSWERED = frozenset(
    {Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.TIMEOUT, Reason.DISCONNECTED, Reason.BAD_ANSWER}
)
"""What counts against a host where no HTTP status came."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is passed in: seconds that rise, a wait for so many of them, random numbers in 0..1."""

    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[Any]]
    draw: Callable[[], float]


class Dispatcher:
    """The jobs of all batches.

    Everything happens on the event loop. `pump` starts what may start; it is called whenever that
    may have changed, and needs no task of its own.
    """

    def __init__(
        self,
        rules: FetchRules,
        guard: Guard,
        follower: Follower,
        robots: RobotsCache,
        around: Surroundings,
    ) -> None:
        self._rules = rules
        self._guard = guard
        self._follower = follower
        self._robots = robots
        self._around = around
        rate = rules.per_host_rate
        self._limits = HostLimits(rules.per_host, 1 / rate if rate else 0.0)
        self._hosts: Hosts[Job] = Hosts(self._limits, around.clock)
        self._batches: deque[Batch[Any]] = deque()
        self._failed: deque[tuple[Job, FetchError]] = deque()
        self._requesting: set[object] = set()
        self._handling: set[object] = set()
        self._robots_tasks: dict[str, asyncio.Task[None]] = {}
        self._waker: asyncio.Task[None] | None = None
        self._wakes_at = 0.0

    def add(self, batch: Batch[Any]) -> None:
        """Take on a run."""
        self._batches.append(batch)
        self.pump()

    async def drop(self, batch: Batch[Any]) -> None:
        """End a run: cancel what it has under way, and forget the rest."""
        batch.closed = True  # from here on its jobs are not queued again
        self._batches.remove(batch)
        self._hosts.discard(lambda job: job.batch is batch)
        self._failed = deque(entry for entry in self._failed if entry[0].batch is not batch)
        await batch.close()
        if not self._batches:
            await self._stop()
        self.pump()

    async def _stop(self) -> None:
        """Nothing is left to do: neither are robots.txt to be read nor hosts to be waited for."""
        tasks = [*self._robots_tasks.values(), *([self._waker] if self._waker else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._waker = None

    # Taking tasks on and starting them

    def pump(self) -> None:
        """Start whatever may start."""
        limit = self._rules.in_flight
        read = 0
        while len(self._requesting) < limit and len(self._handling) < min(limit, _HANDLED):
            if self._failed:
                self._start_handling(*self._failed.popleft())
            elif (taken := self._hosts.take()) is not None:
                self._start(*taken)
            elif not self._read_task():
                break
            elif (read := read + 1) >= _READ_AHEAD:
                asyncio.get_running_loop().call_soon(self.pump)
                return
        self._set_waker()

    def _read_task(self) -> bool:
        for _ in range(len(self._batches)):
            batch = self._batches[0]
            self._batches.rotate(-1)  # each in its turn
            if (task := batch.next_task()) is not None:
                self._take_on(task, batch)
                return True
        return False

    def _take_on(self, task: Task, batch: Batch[Any]) -> None:
        try:
            target = parse_target(task.locator, self._guard)
        except FetchError as error:
            nowhere = Target(task.locator, "")
            self._failed.append((Job(task, batch, nowhere, nowhere), error))
        else:
            self._queue(Job(task, batch, target, target))

    def _queue(self, job: Job, *, first: bool = False) -> None:
        """Have a job wait for its host, unless it is known by now that this leads nowhere."""
        if job.batch.closed:
            return
        origin = job.target.origin
        if (verdict := self._hosts.verdict(origin)) is not None:
            self._fail([job], verdict)
        elif (refused := self._follower.refused(job.target)) is not None:
            refused.attempts = job.attempts
            self._failed.append((job, refused))
        else:
            self._hosts.put(origin, job, first=first)

    def _fail(self, jobs: Iterable[Job], error: FetchError) -> None:
        """End jobs for what befell another one of their host."""
        for job in jobs:
            self._failed.append((job, error.again(attempts=job.attempts, prefix="not tried: ")))

    def _start(self, origin: str, job: Job) -> None:
        verdict = self._hosts.verdict(origin)
        if verdict is not None:  # a retry that came due
            self._hosts.finished(origin)
            self._fail([job], verdict)
        elif self._rules.robots and self._robots.get(origin) is None:
            self._hosts.pause(origin)
            self._hosts.put(origin, job, first=True)
            self._hosts.finished(origin)
            task = asyncio.create_task(self._read_robots(origin))
            self._robots_tasks[origin] = task
            task.add_done_callback(lambda _: self._robots_are_read(origin))
        else:
            # Not the job itself: it may start again, at another host, before this task is done.
            ticket = object()
            self._requesting.add(ticket)
            done = partial(self._done, origin, ticket)
            job.batch.start(self._work(origin, job, ticket), done)

    def _start_handling(self, job: Job, error: FetchError) -> None:
        ticket = object()
        self._handling.add(ticket)
        job.batch.start(self._hand_over(job, error), partial(self._done, "", ticket))

    def _done(self, origin: str, ticket: object) -> None:
        """A job's task has ended, well or not, or was cancelled before it began."""
        self._release(origin, ticket)
        self._handling.discard(ticket)
        self.pump()

    def _release(self, origin: str, ticket: object) -> None:
        if ticket in self._requesting:
            self._requesting.remove(ticket)
            self._hosts.finished(origin)

    # One job

    async def _work(self, origin: str, job: Job, ticket: object) -> None:
        left = self._rules.deadline if job.left is None else job.left
        attempt = Attempt(left, self._rules.max_bytes)
        try:
            result = await self._attempt(origin, job, attempt)
            self._release(origin, ticket)
            if result is not None:
                self._handling.add(ticket)
                self.pump()
                await self._hand_over(job, result)
        finally:
            if attempt.hold is not None:
                attempt.hold.release()

    async def _hand_over(self, job: Job, result: Fetched | FetchError) -> None:
        job.batch.push(await job.batch.handle(job.task, result))

    async def _attempt(
        self, origin: str, job: Job, attempt: Attempt
    ) -> Fetched | FetchError | None:
        """Make an attempt, or the rest of one at another host. None: the job was queued again."""
        if job.left is None:
            job.attempts += 1
        try:
            result = await self._follower.file(job, attempt)
        except FetchError as error:
            error.attempts = job.attempts
            self._judge(origin, error)
            return None if self._try_again(origin, job, error) else error
        self._hosts.answered(origin)
        if isinstance(result, Fetched):
            return result
        job.target, job.left = result, attempt.left
        self._queue(job, first=True)
        return None

    def _judge(self, origin: str, error: FetchError) -> None:
        """What a failure says about its host."""
        if error.http_status is not None:
            self._hosts.answered(origin)
        elif error.reason in _TRUE_OF_ALL:
            self._fail(self._hosts.give_up(origin, error, self._limits.given_up), error)
        elif error.reason in _UNANSWERED:
            self._fail(self._hosts.unanswered(origin, error), error)

    def _try_again(self, origin: str, job: Job, error: FetchError) -> bool:
        delay = self._delay(job.attempts, error)
        if error.retry_after is not None and error.retry_after > self._rules.longest_retry_after:
            self._fail(self._hosts.give_up(origin, error, error.retry_after), error)
        elif error.reason is Reason.RATE_LIMITED or error.retry_after is not None:
            self._hosts.rest(origin, delay)
        if not self._worth_another(job.attempts, error):
            return False
        job.restart()
        self._hosts.put_later(job.target.origin, job, delay)
        return True

    def _worth_another(self, attempts: int, error: FetchError) -> bool:
        too_long = (error.retry_after or 0.0) > self._rules.longest_retry_after
        return error.reason.may_pass and attempts <= self._rules.retries and not too_long

    def _delay(self, attempts: int, error: FetchError) -> float:
        """Seconds until the next attempt: what the host asks for, and exponential backoff."""
        longest = min(self._rules.backoff * 2 ** min(attempts - 1, 16), _LONGEST_BACKOFF)
        return float((error.retry_after or 0.0) + longest * self._around.draw())

    # One host's robots.txt

    async def _read_robots(self, origin: str) -> None:
        try:
            rules = await self._ask_robots(origin)
        except FetchError as error:
            found = error.again(attempts=0, prefix="robots.txt: ")
            seconds = max(self._limits.given_up, error.retry_after or 0.0)
            self._fail(self._hosts.give_up(origin, found, seconds), found)
        else:
            self._robots.put(origin, rules)
            self._hosts.answered(origin)
            if rules.delay:
                self._hosts.pace(origin, rules.delay)
            for job in self._hosts.drain(origin):
                self._queue(job)

    def _robots_are_read(self, origin: str) -> None:
        del self._robots_tasks[origin]
        self._hosts.resume(origin)
        self.pump()

    async def _ask_robots(self, origin: str) -> RobotRules:
        attempts = 0
        while True:
            attempts += 1
            token = object()
            self._requesting.add(token)
            try:
                return await self._follower.robots(origin)
            except FetchError as error:
                if not self._worth_another(attempts, error):
                    raise
                delay = self._delay(attempts, error)
            finally:
                self._requesting.discard(token)
            self.pump()
            await self._around.sleep(delay)

    # The time

    def _set_waker(self) -> None:
        """Come back when the next host has rested, or the next retry is due."""
        when = self._hosts.next_time() if self._batches else None
        if when is None or (self._waker is not None and self._wakes_at <= when):
            return
        if self._waker is not None:
            self._waker.cancel()
        self._wakes_at = when
        self._waker = asyncio.create_task(self._wake(when))

    async def _wake(self, when: float) -> None:
        await self._around.sleep(max(0.0, when - self._around.clock()))
        self._waker = None
        self.pump()
