"""Progress of work in phases on stderr: a bar on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import typer
from rich import progress
from rich.console import Console

from figleaf.cli.interruption import INTERRUPTED
from figleaf.cli.terminal import say

_SECONDS_BETWEEN_LINES = 30.0


class Phases:
    """Shows one phase after another.

    Args:
        shown: False for nothing at all.
        clock: gives seconds.
    """

    def __init__(self, *, shown: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._shown = shown and sys.stderr is not None
        self._clock = clock
        self._bar: progress.Progress | None = None
        self._phase, self._total, self._line_at = "", 0, clock()

    def start(self, phase: str, total: int) -> None:
        """Begin a phase that has so many things to do."""
        self._stop()
        self._phase, self._total, self._line_at = phase, total, self._clock()
        if self._shown and total and sys.stderr.isatty():
            self._bar = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )
            self._task = self._bar.add_task(phase, total=total)
            self._bar.start()

    def done(self, count: int) -> None:
        """So many of them are done, in all."""
        if self._bar:
            self._bar.update(self._task, completed=count)
            return
        now = self._clock()
        if self._shown and now - self._line_at >= _SECONDS_BETWEEN_LINES:
            self._line_at = now
            say(f"{self._phase}: {count:,} of {self._total:,}")

    def _stop(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()


@contextmanager
def told_of_interruption(
    words: str = "what was done is kept, the same command goes on",
) -> Iterator[None]:
    """End with a word and the right exit code on Ctrl-C.

    Args:
        words: what became of the work.
    """
    try:
        yield
    except KeyboardInterrupt:
        say(f"figleaf: interrupted; {words}")
        raise typer.Exit(INTERRUPTED) from None
