"""Ctrl-C as a clean end: what was done is kept, and the command ends as it would have."""

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self, TypeVar

T = TypeVar("T")


INTERRUPTED = 130


def end_interrupted() -> NoReturn:
    """End the process with the code for an interruption, once all is written.

    Not by sys.exit: where Ctrl-C met code that is made of text, as of a dataclass while modules are
    imported, CPython remembers it, and ends as if nobody had caught it.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or none
            stream.flush()
    os._exit(INTERRUPTED)


@contextmanager
def ending_at_once() -> Iterator[None]:
    """While entered, Ctrl-C ends the process, without a word: for the start, when nothing is done.

    An exception would not do: C extensions that are being imported turn it into another, or lose
    it.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Interruption:
    """While entered, the first Ctrl-C ends `until_asked`; a second one raises KeyboardInterrupt.

    Where Ctrl-C was being ignored, as under nohup or after `&` in a script, it still is.
    """

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False

    def __enter__(self) -> Self:
        self._before: Any = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def until_asked(self, items: Iterable[T]) -> Iterator[T]:
        """The items, until the user asks to stop."""
        iterator = iter(items)
        while not self.asked:
            self._waiting = True
            try:
                item = next(iterator)
            except (StopIteration, KeyboardInterrupt):
                return
            finally:
                self._waiting = False
            yield item

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, True
        # Only a wait is broken off: whatever is being written is written whole.
        if self._waiting or again:
            raise KeyboardInterrupt
