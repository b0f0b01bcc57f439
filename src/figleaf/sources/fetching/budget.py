"""How many bytes of bodies may be held at once."""

import asyncio
from collections import OrderedDict
from types import TracebackType
from typing import Self

from figleaf.errors import InputError


class ByteBudget:
    """A limit on the bytes that tasks hold together.

    ::

        with budget.hold() as hold:
            if not hold.try_grow(n):
                await hold.grow(n)
            ...

    Whoever would exceed the limit waits, the oldest hold excepted: it may always grow, so that one
    task can always finish. What the others hold together never exceeds the limit, so the total is
    at most the limit and the size of one file. Those who wait go on in the order of their age.

    Args:
        limit: in bytes.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise InputError("the limit must be above zero")
        self._limit = limit
        self.held = 0
        # Ordered ones, whose first key is found in constant time after many removals.
        self._holds: OrderedDict[Hold, None] = OrderedDict()
        self._waiting: dict[Hold, tuple[int, asyncio.Future[None]]] = {}

    def hold(self) -> "Hold":
        """A new, empty share: the youngest."""
        hold = Hold(self)
        self._holds[hold] = None
        return hold

    def _admits(self, hold: "Hold", size: int) -> bool:
        return self.held + size <= self._limit or next(iter(self._holds)) is hold

    def _add(self, hold: "Hold", size: int) -> None:
        hold.size += size
        self.held += size

    def _wake(self) -> None:
        if not self._waiting:
            return
        for hold in self._holds:
            if hold not in self._waiting:
                continue
            size, future = self._waiting[hold]
            if not self._admits(hold, size):
                return
            del self._waiting[hold]
            if not future.done():
                self._add(hold, size)
                future.set_result(None)


class Hold:
    """One task's share of a `ByteBudget`. `size` is in bytes."""

    __slots__ = ("_budget", "_open", "size")

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._open = True
        self.size = 0

    def try_grow(self, size: int) -> bool:
        """Take `size` bytes more, if nobody has to wait for that."""
        budget = self._budget
        first = next(iter(budget._holds)) is self
        if first or (not budget._waiting and budget._admits(self, size)):
            budget._add(self, size)
            return True
        return False

    async def grow(self, size: int) -> None:
        """Take `size` bytes more, and wait for them if need be."""
        if self.try_grow(size):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._budget._waiting[self] = (size, future)
        try:
            await future
        finally:
            self._budget._waiting.pop(self, None)

    def shrink(self, size: int) -> None:
        """Give `size` bytes back."""
        self.size -= size
        self._budget.held -= size
        self._budget._wake()

    def release(self) -> None:
        """Give everything back. Once is enough, more does no harm."""
        if self._open:
            self._open = False
            self._budget._holds.pop(self, None)
            self.shrink(self.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
