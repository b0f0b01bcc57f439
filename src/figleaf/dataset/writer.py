"""The one writer: outcomes to the ledger, many in a transaction, on a thread of its own."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.records import Outcome
from figleaf.dataset.store import Store

_BATCH = 1_000  # outcomes that are written together
# Or with the first that comes so much later: while they come, a kill loses no more work than that.
_SECONDS = 2.0
_MOST_WAITING = 8 * _BATCH  # where the disk is that much slower than the network, the network waits


class Writer:
    """Takes outcomes as they come; on leaving, all of them are in the ledger.

    Args:
        ledger: open for writing, and left alone by everybody else meanwhile.
        store: where the outcomes' images lie; their names are made to last before the rows are.
        clock: gives seconds.
    """

    def __init__(
        self, ledger: Ledger, store: Store, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._waiting: list[Outcome] = []
        self._since = clock()
        self._thread = ThreadPoolExecutor(1)
        self._running: Future[None] | None = None

    def add(self, outcome: Outcome) -> None:
        """Take one outcome.

        Raises:
            sqlite3.Error, OSError: an earlier batch could not be written.
        """
        self._waiting.append(outcome)
        due = len(self._waiting) >= _BATCH or self._clock() - self._since >= _SECONDS
        busy = self._running is not None and not self._running.done()
        if due and (not busy or len(self._waiting) >= _MOST_WAITING):
            self._flush()

    def _flush(self) -> None:
        self._wait()
        batch, self._waiting = self._waiting, []
        self._since = self._clock()
        if batch:
            self._running = self._thread.submit(self._write, batch)

    def _wait(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def _write(self, batch: list[Outcome]) -> None:
        self._store.flush()
        apply(self._ledger, batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._flush()
            self._wait()
        finally:
            self._thread.shutdown()
