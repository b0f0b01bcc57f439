"""An ordered, parallel map over a stream of any length, in constant memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ordered_map(submit: Callable[[T], Future[R]], items: Iterable[T], ahead: int) -> Iterator[R]:
    """Yield the result of each item that is submitted, in order, up to `ahead` at once.

    At most `ahead` items are held that were read and whose results were not yet taken. When the
    consumer stops early, what has not begun is cancelled.
    """
    source = iter(items)
    pending: deque[Future[R]] = deque()
    try:
        pending.extend(submit(item) for item in islice(source, ahead))
        while pending:
            result = pending.popleft().result()
            pending.extend(submit(item) for item in islice(source, 1))
            yield result
    finally:
        for future in pending:
            future.cancel()


def chunked(items: Iterable[T], size: int, workers: int) -> Iterator[list[T]]:
    """Lists of up to `size` items: at first of one for each worker, then of two, of four and so on.

    So the first results come soon, and a few items still keep all workers busy.
    """
    source = iter(items)
    length = 1
    while True:
        for _ in range(workers):
            chunk = list(islice(source, length))
            if not chunk:
                return
            yield chunk
        length = min(2 * length, size)


def weighed(items: Iterable[T], weight: Callable[[T], int], enough: int) -> Iterator[list[T]]:
    """Lists of items, each of which ends where their weights together are enough."""
    group: list[T] = []
    held = 0
    for item in items:
        group.append(item)
        held += weight(item)
        if held >= enough:
            yield group
            group, held = [], 0
    if group:
        yield group
