"""How many images may wait: a bounded queue that says no rather than grow."""

import time
from collections.abc import Callable

from figleaf.serve.problems import overloaded

_SMOOTHING = 0.05
_LONGEST = 60.0


class Slots:
    """Room for images that were accepted and not answered yet.

    Args:
        limit: how many.
        clock: seconds, rising.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._last: float | None = None
        self._interval = 0.0  # seconds from one image's end to the next one's, smoothed
        self.held = 0

    @property
    def full(self) -> bool:
        """Whether there is no room for another image."""
        return self.held >= self._limit

    def check(self, images: int = 1) -> None:
        """Refuse a request if there is no room for its images now; nothing is taken.

        Raises:
            ProblemError: OVERLOADED.
        """
        if self.full:
            raise overloaded("the queue is full", self._seconds())
        if self.held and self.held + images > self._limit:
            raise overloaded("the queue has no room for so many images", self._seconds())

    def take(self, images: int) -> None:
        """Accept images. Where there are none, one request may bring more than the limit: it is
        bounded by itself, and would else be refused for good.

        Raises:
            ProblemError: OVERLOADED; nothing was taken.
        """
        self.check(images)
        if not self.held:
            self._last = None  # idle until now: that was no interval
        self.held += images

    def give_back(self, images: int) -> None:
        """Images are answered."""
        now = self._clock()
        if self._last is not None:
            seconds = (now - self._last) / images
            self._interval += _SMOOTHING * (seconds - self._interval)
        self._last = now
        self.held -= images

    def _seconds(self) -> float:
        """When half of the queue will be done with, as things go."""
        return min(self._interval * self.held / 2, _LONGEST)
