"""Fits, counted for whoever watches."""

from figleaf.curate.watch import Watch


class Steps:
    """Counts fits.

    Args:
        watch: is told of each.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch, self._done = watch, 0

    def start(self, steps: int) -> None:
        """So many fits are to be done."""
        self._watch.start("fitting", steps)

    def step(self) -> None:
        """One of them is."""
        self._done += 1
        self._watch.done(self._done)
