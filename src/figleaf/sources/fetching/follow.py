"""Follow an attempt at a file to where its redirects end or lead to another host."""

from collections.abc import Callable

from figleaf.dataset.records import Reason
from figleaf.sources.fetching.batch import Job
from figleaf.sources.fetching.exchange import Attempt, Body, Exchange
from figleaf.sources.fetching.fetched import Fetched, FetchError, FetchRules
from figleaf.sources.fetching.guard import Guard
from figleaf.sources.fetching.robots import (
    ALLOW_ALL,
    MAX_BYTES,
    RobotRules,
    RobotsCache,
    parse_robots,
)
from figleaf.sources.fetching.target import Target, parse_target

Refuse = Callable[[str], FetchError | None]

_ROBOTS_UNAVAILABLE = frozenset(
    {Reason.GONE, Reason.FORBIDDEN, Reason.HTTP_STATUS, Reason.EMPTY, Reason.REDIRECTS}
)
"""Where all is allowed (RFC 9309, 2.3.1.2 and 2.3.1.3): any 4xx, too many redirects."""


class Follower:
    """Makes attempts.

    Args:
        exchange: makes the requests.
        guard: which addresses a redirect may lead to.
        robots: what the hosts allow, as far as that is known.
        rules: the limits.
        refuse: why a URL that a file redirects to is not asked for; None where it is.
    """

    def __init__(
        self,
        exchange: Exchange,
        guard: Guard,
        robots: RobotsCache,
        rules: FetchRules,
        refuse: Refuse,
    ) -> None:
        self._exchange = exchange
        self._guard = guard
        self._robots = robots
        self._rules = rules
        self._refuse = refuse

    async def file(self, job: Job, attempt: Attempt) -> Fetched | Target:
        """Ask for a job's target, and on at the same host. A target where it is another host's.

        Raises:
            FetchError: it could not be had, or was not wanted.
        """
        while True:
            answer = await self._exchange.get(job.target, attempt)
            if isinstance(answer, Body):
                return Fetched(
                    job.task.locator, job.target.url, answer.data, 200, answer.content_type,
                    job.attempts,
                )  # fmt: skip
            target = self._next(job.target, answer.location, job.visited, attempt)
            if (refused := self._refuse(target.url)) is not None:
                raise attempt.error(refused.reason, f"redirects to {refused.detail}")
            if target.origin != job.target.origin:
                return target
            job.target = target
            if (refused := self.refused(target)) is not None:
                raise attempt.error(refused.reason, refused.detail)

    async def robots(self, origin: str) -> RobotRules:
        """Read a host's robots.txt, wherever it redirects to.

        Raises:
            FetchError: it cannot be known what it says.
        """
        target = parse_target(f"{origin}/robots.txt", self._guard)
        attempt = Attempt(self._rules.deadline, MAX_BYTES, for_robots=True)
        visited: list[str] = []
        try:
            while True:
                answer = await self._exchange.get(target, attempt)
                if isinstance(answer, Body):
                    return parse_robots(answer.data)
                target = self._next(target, answer.location, visited, attempt)
        except FetchError as error:
            if error.reason in _ROBOTS_UNAVAILABLE:
                return ALLOW_ALL
            raise
        finally:
            if attempt.hold is not None:
                attempt.hold.release()

    def refused(self, target: Target) -> FetchError | None:
        """Why robots.txt keeps figleaf from a target; None where it does not, or is not known."""
        rules = self._robots.get(target.origin) if self._rules.robots else None
        if rules is None or rules.allows(target.url):
            return None
        return FetchError(Reason.ROBOTS, f"the robots.txt of {target.origin} disallows it")

    def _next(self, target: Target, location: str, visited: list[str], attempt: Attempt) -> Target:
        visited.append(target.url)
        if len(visited) > self._rules.max_redirects:
            limit = f"over {self._rules.max_redirects} redirects"
            raise attempt.error(Reason.REDIRECTS, limit)
        try:
            found = parse_target(location, self._guard, base=target.url)
        except FetchError as error:
            detail = f"redirects to {location[:200]!r}: {error.detail}"
            raise attempt.error(error.reason, detail) from None
        if found.url in visited:
            raise attempt.error(Reason.REDIRECTS, f"in a circle, back to {found.url[:200]}")
        return found
