"""Progress on stderr: how many, how fast, how long still."""

import sys
import time
from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console
from rich.text import Text

from figleaf.cli.inputs import Inputs


class Progress:
    """A bar on stderr with images/s and the time left, where stderr is a terminal.

    Making one counts the inputs, which may take a while.

    Args:
        inputs: what will be worked on; counted only where a bar is shown.
        shown: False for no bar.
    """

    def __init__(self, inputs: Inputs, *, shown: bool) -> None:
        self.seconds = 0.0
        self._bar: progress.Progress | None = None
        if shown and sys.stderr is not None and sys.stderr.isatty():
            self._bar = progress.Progress(
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                _Rate(),
                progress.TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )
            self._task = self._bar.add_task("", total=inputs.count())

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        self._start: float | None = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar away, and the time; the first call counts."""
        if self._start is None:
            return
        self.seconds, self._start = time.perf_counter() - self._start, None
        if self._bar:
            self._bar.stop()

    def advance(self) -> None:
        """Count one input."""
        if self._bar:
            self._bar.advance(self._task)


class _Rate(progress.ProgressColumn):
    def render(self, task: progress.Task) -> Text:
        return Text(f"{task.speed or 0:.1f} images/s", "cyan")
