"""Ctrl-C as a clean end: the step is finished, a checkpoint written, and only then it is raised."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Stopping:
    """While entered, the first Ctrl-C is noted in `asked`; a second one raises KeyboardInterrupt.

    Where Ctrl-C was being ignored, it still is. Only the main thread can note it.

    Args:
        patient: a second one is only noted, too: torchrun passes on what the terminal already sent.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self.asked = False
        self._patient = patient
        self._before: Any = None

    def __enter__(self) -> Self:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, True
        if again and not self._patient:
            raise KeyboardInterrupt
