"""Ctrl-C as a clean end: what was done is kept, and the command ends as it would have."""

import signal
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


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
