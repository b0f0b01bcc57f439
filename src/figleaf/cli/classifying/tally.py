"""How many inputs came to what, and what the command ends with."""

from collections import Counter
from dataclasses import dataclass, field

from figleaf.actions.rules import Acted
from figleaf.classify.prediction import Decision, Prediction

CLEAN, BLOCKED, FAILED = 0, 1, 3


@dataclass(slots=True)
class Tally:
    """How many inputs came to what: each either to a decision or to a failure."""

    decisions: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    undone: Counter[str] = field(default_factory=Counter)
    blocked: bool = False

    def add(self, prediction: Prediction) -> None:
        """Count one input."""
        if prediction.ok:
            self.decisions[str(prediction.decision)] += 1
        else:
            self.failures[str(prediction.status)] += 1
        # A policy may block what cannot be read.
        self.blocked |= prediction.decision is Decision.BLOCK

    def act(self, acted: Acted) -> None:
        """Count what came of actions on one input."""
        for one in acted.outcomes:
            (self.done if one.ok else self.undone)[one.kind.past] += 1

    @property
    def total(self) -> int:
        """How many inputs there were."""
        return self.decisions.total() + self.failures.total()

    @property
    def exit_code(self) -> int:
        """What the command ends with: a blocked input counts for more than a failed one."""
        if self.blocked:
            return BLOCKED
        return FAILED if self.failures or self.undone else CLEAN

    def __str__(self) -> str:
        counts = [f"{self.decisions[name]:,} {name}" for name in Decision if self.decisions[name]]
        failed = [f"{count:,} {status}" for status, count in self.failures.most_common()]
        if failed:
            counts.append(f"{self.failures.total():,} failed ({', '.join(failed)})")
        counts += [f"{count:,} {past}" for past, count in sorted(self.done.items())]
        counts += [f"{count:,} not {past}" for past, count in sorted(self.undone.items())]
        noun = "input" if self.total == 1 else "inputs"
        return f"{self.total:,} {noun}" + "".join(f", {count}" for count in counts)
