"""What becomes of files after a verdict: moved, copied, blurred, by decision.

A run may be killed at any moment, and is then done again: nothing is lost, nothing is there twice.
Each action is written down in a journal before it is done and after (`figleaf.actions.journal`); a
file has its final name only when it is whole (`figleaf.actions.files`); what a kill left half done
is finished or undone when the next run begins (`figleaf.actions.recovery`).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from types import TracebackType
from typing import Self

from figleaf.actions.blurring import blurred
from figleaf.actions.doing import Blur, Doer, Row
from figleaf.actions.rules import Acted, Action, Judged, Kind
from figleaf.classify.prediction import Prediction
from figleaf.errors import InputError
from figleaf.images import Limits

_EVERY = 1.0
_MOST = 100
"""Seconds, and files, after which what was done is made to outlast a power cut."""


def act(
    judged: Iterable[Judged],
    actions: Sequence[Action],
    *,
    wanted: Callable[[Prediction], bool] = lambda _: True,
) -> Iterator[Acted]:
    """Do something with each file after its verdict.

    ::

        for one in act(judged, [Action(Kind.MOVE, Path("sorted"))]):
            print(one.prediction.input, one.outcomes)

    Args:
        judged: inputs with their verdicts (`figleaf.actions.judging`).
        actions: what to do; blurring comes before copying, copying before moving.
        wanted: with which inputs; with all by default.

    Yields:
        each input with what came of it, in order. What goes wrong with a file is one of its
        outcomes.

    Raises:
        InputError: a folder cannot be written, or another process is putting files there.
    """
    with Actor(actions) as actor:
        for one in judged:
            yield actor.act(one) if wanted(one.prediction) else Acted(one.prediction)
            actor.settle()


class Actor:
    """Does what is asked for with files, one after another. Not thread-safe; a context manager.

    Args:
        actions: what to do, each into a folder of its own.
        blur: makes blurred pictures.
        limits: how many bytes are too many to be blurred.
        safe: called before it is written down that actions are done: makes what was told of them
            outlast a power cut.

    Raises:
        InputError: as `act`.
    """

    def __init__(
        self,
        actions: Sequence[Action],
        *,
        blur: Blur = blurred,
        limits: Limits = Limits(),  # noqa: B008  # frozen, and shown as it is in the documentation
        safe: Callable[[], None] = lambda: None,
    ) -> None:
        if len({one.folder.resolve() for one in actions}) < len(actions):
            raise InputError("two actions into the same folder: give each its own")
        order = list(Kind)
        self._safe = safe
        self._since = time.monotonic()
        self._unsettled = 0
        with ExitStack() as stack:
            self._doers = [
                stack.enter_context(closing(Doer(one, blur, limits)))
                for one in sorted(actions, key=lambda one: order.index(one.kind))
            ]
            self._stack = stack.pop_all()

    @property
    def recovered(self) -> list[Row]:
        """Rows of files that a killed run had moved, and that its results may lack."""
        return [row for doer in self._doers for row in doer.recovered]

    def act(self, judged: Judged, row: Callable[[Acted], Row] | None = None) -> Acted:
        """Do all of it with one file.

        Args:
            judged: the file and its verdict.
            row: makes of an input what will be written of it, for the journal; None where nothing
                is to be recovered after a kill.
        """
        acted = Acted(judged.prediction)
        for doer in self._doers:
            written = row(acted) if row and doer.kind is Kind.MOVE else None
            outcome = doer.do(judged, written)
            acted = Acted(judged.prediction, (*acted.outcomes, outcome))
        self._unsettled += 1
        return acted

    def settle(self, *, now: bool = False) -> None:
        """Take the results of what was done so far for safe: written, and not lost by a kill.

        Args:
            now: make it all outlast a power cut at once, and not after a while.
        """
        due = self._unsettled >= _MOST or time.monotonic() - self._since >= _EVERY
        if not (now or due):
            return
        self._safe()
        for doer in self._doers:
            doer.settle()
            doer.sync()
        self._unsettled, self._since = 0, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.settle(now=True)
        finally:
            self._stack.close()
