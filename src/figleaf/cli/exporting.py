"""Progress of an export on stderr."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich import progress
from rich.console import Console

from figleaf.cli.terminal import say
from figleaf.dataset.rows import Row
from figleaf.export.dataset import Watch

_SECONDS_BETWEEN_LINES = 30.0


class Exporting(Watch):
    """A bar where stderr is a terminal; elsewhere a line now and then.

    Args:
        shown: False for nothing at all.
        clock: gives seconds.
    """

    def __init__(self, *, shown: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._shown = shown and sys.stderr is not None
        self._clock = clock
        self._bar: progress.Progress | None = None
        self._total = self._done = self._bytes = 0
        self._started = self._line_at = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def start(self, rows: int) -> None:
        """Show the bar."""
        self._total = rows
        self._started = self._line_at = self._clock()
        if not self._shown or not sys.stderr.isatty():
            return
        self._bar = progress.Progress(
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
        )
        self._bar.start()
        self._counted = self._bar.add_task("", total=rows)

    def done(self, row: Row) -> None:
        """Count one image."""
        self._done += 1
        self._bytes += row.size
        if self._bar:
            self._bar.advance(self._counted)
        elif self._shown and self._clock() - self._line_at >= _SECONDS_BETWEEN_LINES:
            self._line_at = self._clock()
            rate = self._bytes / 1e6 / max(self._line_at - self._started, 1e-9)
            say(f"{self._done:,} of {self._total:,}, {rate:.1f} MB/s")
