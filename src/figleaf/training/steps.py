"""How many fits there will be, and how many there were."""

from figleaf.curate.watch import Watch
from figleaf.training.probe import PENALTIES
from figleaf.training.rules import TrainRules

MOST_IN_FOLDS = 10_000
"""Images up to which the penalty is chosen by folds, all in memory: beyond, a part of them says
as much."""


def tries(rules: TrainRules, blocks: int) -> int:
    """How many fits a choice takes at most: the penalties, and each backbone counting less.

    Args:
        rules: with a penalty, or without.
        blocks: how many backbones there are.
    """
    return (len(PENALTIES) if rules.l2 is None else 1) + (blocks if blocks > 1 else 0)


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
