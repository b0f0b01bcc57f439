"""Whose turn it is: the queues of the hosts, what each host bears, and which have been given up.

No sockets and no sleeping here, only the clock that is passed in.
"""

import heapq
import itertools
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from figleaf.sources.fetching.fetched import FetchError

J = TypeVar("J")

_KNOWN = 20_000
"""Hosts that are remembered although nothing waits for them."""


@dataclass(frozen=True, slots=True)
class HostLimits:
    """What every host is granted.

    Attributes:
        in_flight: requests at once, from its first answer on; before that one, so that a dead host
            takes no more than one place.
        interval: seconds between the starts of two requests.
        failures: how many requests in a row may go without any answer before it is given up.
        given_up: seconds for which a host that was given up is left alone. After them it gets one
            request, and the next if that is answered.
    """

    in_flight: int = 8
    interval: float = 0.0
    failures: int = 10
    given_up: float = 600.0


@dataclass(slots=True, eq=False)
class _Host(Generic[J]):
    origin: str
    allowed: int
    interval: float
    queue: deque[J] = field(default_factory=deque)
    running: int = 0
    failures: int = 0
    answered: bool = False
    paused: bool = False
    listed: bool = False
    not_before: float = 0.0
    verdict: FetchError | None = None
    verdict_until: float = 0.0

    @property
    def idle(self) -> bool:
        return not self.queue and not self.running and not self.paused

    @property
    def has_room(self) -> bool:
        limit = self.allowed if self.answered else 1
        return bool(self.queue) and not self.paused and self.running < limit


class Hosts(Generic[J]):
    """The jobs that wait, host by host, served in turn.

    A host is named by its origin. Its jobs start in their order, as far as its limits allow; those
    of the other hosts do not wait for them.

    Args:
        limits: of each host.
        clock: seconds, rising.
    """

    def __init__(self, limits: HostLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._hosts: OrderedDict[str, _Host[J]] = OrderedDict()
        self._ready: deque[_Host[J]] = deque()
        self._resting: list[tuple[float, int, _Host[J]]] = []
        self._later: list[tuple[float, int, str, J]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        """How many hosts are remembered."""
        return len(self._hosts)

    def put(self, origin: str, job: J, *, first: bool = False) -> None:
        """Queue a job: at the end, or `first`, where it was under way already."""
        host = self._host(origin)
        if first:
            host.queue.appendleft(job)
        else:
            host.queue.append(job)
        self._list(host)

    def put_later(self, origin: str, job: J, seconds: float) -> None:
        """Queue a job in front of the others once `seconds` have gone by."""
        when = self._clock() + seconds
        heapq.heappush(self._later, (when, next(self._order), origin, job))

    def take(self) -> tuple[str, J] | None:
        """The next job that may start now, and its origin; `finished` has to follow."""
        now = self._clock()
        self._wake(now)
        while self._ready:
            host = self._ready.popleft()
            host.listed = False
            if host.has_room and host.not_before <= now:
                job = host.queue.popleft()
                host.running += 1
                host.not_before = max(host.not_before, now + host.interval)
                self._list(host)
                return host.origin, job
            self._list(host)
        return None

    def finished(self, origin: str) -> None:
        """A job that was taken is done with, one way or another."""
        host = self._host(origin)
        host.running -= 1
        self._list(host)

    def next_time(self) -> float | None:
        """When a job may start at the earliest, once `take` has given None.

        None where that depends on a job that runs, or nothing waits.
        """
        times = [heap[0][0] for heap in (self._resting, self._later) if heap]
        return min(times, default=None)

    def answered(self, origin: str) -> None:
        """It answered something: it lives, and gets all the requests that it may have."""
        host = self._host(origin)
        host.failures = 0
        if not host.answered:
            host.answered = True
            self._list(host)

    def unanswered(self, origin: str, error: FetchError) -> list[J]:
        """A request went without any answer. What `give_up` returns, where it was one too many."""
        host = self._host(origin)
        host.failures += 1
        if host.failures < self._limits.failures:
            return []
        return self.give_up(origin, error, self._limits.given_up)

    def give_up(self, origin: str, error: FetchError, seconds: float) -> list[J]:
        """Leave a host alone for some time. The jobs that waited for it, to be failed."""
        host = self._host(origin)
        host.answered = False
        host.failures = self._limits.failures - 1  # the next failure is enough
        host.verdict = error
        host.verdict_until = self._clock() + seconds
        return self.drain(origin)

    def verdict(self, origin: str) -> FetchError | None:
        """Why the host is left alone at present; None where it is not."""
        host = self._hosts.get(origin)
        if host is None or host.verdict is None:
            return None
        if host.verdict_until <= self._clock():
            host.verdict = None
        return host.verdict

    def drain(self, origin: str) -> list[J]:
        """Take all jobs of one host out of its queue."""
        host = self._host(origin)
        jobs = list(host.queue)
        host.queue.clear()
        return jobs

    def discard(self, unwanted: Callable[[J], bool]) -> None:
        """Drop jobs wherever they wait."""
        for host in self._hosts.values():
            if host.queue:
                host.queue = deque(job for job in host.queue if not unwanted(job))
        self._later = [entry for entry in self._later if not unwanted(entry[3])]
        heapq.heapify(self._later)

    def rest(self, origin: str, seconds: float) -> None:
        """Start nothing on a host for some time, and less at once from then on: it said so."""
        host = self._host(origin)
        host.not_before = max(host.not_before, self._clock() + seconds)
        host.allowed = max(1, host.allowed // 2)

    def pace(self, origin: str, interval: float) -> None:
        """Keep at least `interval` seconds between the starts of two requests to a host."""
        host = self._host(origin)
        host.interval = max(self._limits.interval, interval)
        host.not_before = max(host.not_before, self._clock() + host.interval)

    def pause(self, origin: str) -> None:
        """Start nothing on a host until `resume`."""
        self._host(origin).paused = True

    def resume(self, origin: str) -> None:
        """End a pause."""
        host = self._host(origin)
        host.paused = False
        self._list(host)

    def _host(self, origin: str) -> _Host[J]:
        host = self._hosts.get(origin)
        if host is None:
            self._forget()
            host = _Host(origin, self._limits.in_flight, self._limits.interval)
            self._hosts[origin] = host
        return host

    def _forget(self) -> None:
        """Make room for one more host: the first met of those that nothing waits for."""
        for _ in range(2 if len(self._hosts) >= _KNOWN else 0):
            origin, host = next(iter(self._hosts.items()))
            if host.idle and not host.listed:
                del self._hosts[origin]
            else:
                self._hosts.move_to_end(origin)

    def _list(self, host: _Host[J]) -> None:
        """Put a host that could start a job where `take` or the time finds it."""
        if host.listed or not host.has_room:
            return
        host.listed = True
        if host.not_before > self._clock():
            heapq.heappush(self._resting, (host.not_before, next(self._order), host))
        else:
            self._ready.append(host)

    def _wake(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            _, _, origin, job = heapq.heappop(self._later)
            self.put(origin, job, first=True)
        while self._resting and self._resting[0][0] <= now:
            host = heapq.heappop(self._resting)[2]
            host.listed = False
            self._list(host)
