"""How long to wait before a request is made again, and when to give up."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from figleaf.client.answers import Failure
from figleaf.client.rules import ClientRules

_LONGEST_BACKOFF = 8.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is passed in: seconds that rise, waits for so many of them, random numbers in 0..1."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[], float] = random.random


class Tries:
    """The attempts at one request. It begins when it is made."""

    def __init__(self, rules: ClientRules, around: Surroundings) -> None:
        self._rules = rules
        self._around = around
        self._failed = 0
        self._end = around.clock() + rules.patience

    def wait_after(self, failure: Failure) -> float:
        """Seconds to wait before the next attempt.

        Raises:
            ServerError: the failure's, where there is to be no other attempt.
        """
        self._failed += 1
        if self._failed > min(failure.again, self._rules.retries):
            raise failure.error
        wait = (failure.error.retry_after or 0.0) + self._backoff()
        if self._around.clock() + wait > self._end:
            raise failure.error
        return wait

    def _backoff(self) -> float:
        longest = min(self._rules.backoff * 2.0 ** min(self._failed - 1, 30), _LONGEST_BACKOFF)
        return longest * self._around.draw()
