"""An ordered, parallel map over a stream of any length, in constant memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], executor: Executor, ahead: int
) -> Iterator[R]:
    """Yield `function(item)` for each item, in order, computing up to `ahead` of them at once.

    At most `ahead` items are held that were read and whose results were not yet taken. When the
    consumer stops early, what has not begun is cancelled.
    """
    source = iter(items)
    pending: deque[Future[R]] = deque()
    try:
        pending.extend(executor.submit(function, item) for item in islice(source, ahead))
        while pending:
            result = pending.popleft().result()
            pending.extend(executor.submit(function, item) for item in islice(source, 1))
            yield result
    finally:
        for future in pending:
            future.cancel()


def chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one perhaps shorter."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
