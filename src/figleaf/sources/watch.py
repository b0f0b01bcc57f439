"""How a collection tells of its progress."""

from typing import TYPE_CHECKING

from figleaf.dataset.records import Outcome, Task

if TYPE_CHECKING:
    from figleaf.sources.readers.opening import Source


class Watch:
    """Who wants to know how a collection goes, and as it is: nobody. Called on one thread."""

    def named(self, source: "Source") -> None:
        """All that a source names is in the ledger."""

    def start(self, pending: int) -> None:
        """So many items are to be read."""

    def done(self, task: Task, outcome: Outcome) -> None:
        """One of them was."""
