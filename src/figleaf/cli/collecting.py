"""Progress of a collection on stderr: by class, images/s, MB/s, failures by kind, time left."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich import progress
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from figleaf.cli.terminal import printable, say
from figleaf.dataset.records import Outcome, State, Task
from figleaf.sources.watch import Watch

if TYPE_CHECKING:
    from figleaf.sources.readers.opening import Source

_SECONDS_BETWEEN_LINES = 30.0
_CAUSES = 6  # kinds of failures that are shown


class Collecting(Watch):
    """A bar with counts beneath it where stderr is a terminal; elsewhere a line now and then.

    Args:
        shown: False for nothing at all.
        clock: gives seconds.
    """

    def __init__(self, *, shown: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._shown = shown and sys.stderr is not None
        self._clock = clock
        self._live: Live | None = None
        self._total = 0
        self._started = self._line_at = clock()
        self._done = 0
        self._images = 0
        self._bytes = 0
        self._classes: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def named(self, source: "Source") -> None:
        """Tell of a source, and of what in it could not be understood."""
        if not self._shown:
            return
        say(printable(f"{source.name}: {source.kind}, in the ledger"))
        for problem in source.problems:
            examples = ", ".join(problem.examples)
            say(printable(f"  {problem.kind}: {problem.count:,} ({examples})"))

    def start(self, pending: int) -> None:
        """Show the bar."""
        self._total = pending
        self._started = self._line_at = self._clock()
        if not (self._shown and pending):
            return
        say(f"{pending:,} to read")
        if sys.stderr.isatty():
            self._bar = progress.Progress(
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeRemainingColumn(),
            )
            self._task = self._bar.add_task("", total=pending)
            self._live = Live(
                get_renderable=self._view,
                console=Console(stderr=True),
                transient=True,
                refresh_per_second=4,
                redirect_stdout=False,
            )
            self._live.start()

    def done(self, task: Task, outcome: Outcome) -> None:
        """Count one item."""
        self._done += 1
        self._images += len(outcome.stored)
        self._bytes += outcome.size
        if outcome.state is State.FETCHED:
            self._classes[task.label or "no class"] += len(outcome.stored)
        else:
            self._causes[str(outcome.reason)] += 1
        if self._shown and not self._live and self._is_time():
            say(f"{self._done:,} of {self._total:,}, {self._rates()}, {self._lost()}")

    def _is_time(self) -> bool:
        now = self._clock()
        if now - self._line_at < _SECONDS_BETWEEN_LINES:
            return False
        self._line_at = now
        return True

    def _rates(self) -> str:
        seconds = max(self._clock() - self._started, 1e-9)
        return f"{self._images / seconds:.1f} images/s, {self._bytes / 1e6 / seconds:.1f} MB/s"

    def _lost(self) -> str:
        causes = self._causes.most_common(_CAUSES)
        named = ", ".join(f"{count:,} {cause}" for cause, count in causes)
        return f"{self._causes.total():,} lost" + (f" ({named})" if named else "")

    def _view(self) -> RenderableType:
        self._bar.update(self._task, completed=self._done)
        counts = Table.grid(padding=(0, 2))
        for name, count in sorted(self._classes.items()):
            counts.add_row(printable(name), f"{count:,} image" + ("s" if count != 1 else ""))
        # The rates have a line of their own: beside the bar a narrow terminal would cut them off.
        return Group(self._bar, Text(self._rates(), "cyan"), counts, Text(self._lost(), "magenta"))
