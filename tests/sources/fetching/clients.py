"""Fetch from synchronous tests, with a clock that nobody waits for."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from figleaf.dataset.records import Kind, Task
from figleaf.sources.fetching.fetch import Fetched, Fetcher, FetchError, FetchRules

Result = Fetched | FetchError


class FakeTime:
    """Seconds that pass when somebody sleeps, and are noted."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass
class FakeNames:
    """A name server: the answers for each name in turn, the last one for ever."""

    answers: dict[str, list[list[str] | OSError]]
    asked: list[str] = field(default_factory=list)

    async def resolve(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        await asyncio.sleep(0)
        answers = self.answers[name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer


def loopback(**changes: Any) -> FetchRules:
    """Rules for the server of the tests: loopback allowed, retries at once."""
    return FetchRules(**{"allow_loopback": True, "backoff": 0.0, "deadline": 10.0} | changes)


def tasks_of(urls: Iterable[str]) -> list[Task]:
    return [Task(number, Kind.URL, url) for number, url in enumerate(urls)]


async def collect(fetcher: Fetcher, urls: Iterable[str]) -> list[Result]:
    """What comes of each URL, in their order."""

    async def handle(task: Task, result: Result) -> tuple[int, Result]:
        return task.id, result

    async with aclosing(fetcher.run(tasks_of(urls), handle)) as results:
        found = [result async for result in results]
    return [result for _, result in sorted(found, key=lambda pair: pair[0])]


def fetch_all(urls: Iterable[str], rules: FetchRules | None = None, **around: Any) -> list[Result]:
    """What comes of each URL, in their order; nothing is left running."""

    async def main() -> list[Result]:
        async with Fetcher(rules or loopback(), **around) as fetcher:
            results = await collect(fetcher, urls)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return results

    return asyncio.run(main())


def fetch_one(url: str, rules: FetchRules | None = None, **around: Any) -> Fetched:
    """One file.

    Raises:
        FetchError: as the fetcher.
    """
    (result,) = fetch_all([url], rules, **around)
    if isinstance(result, FetchError):
        raise result
    return result


def failure(url: str, rules: FetchRules | None = None, **around: Any) -> FetchError:
    """Why a file cannot be had."""
    (result,) = fetch_all([url], rules, **around)
    assert isinstance(result, FetchError), result
    return result
