"""Where a data set stands: images by class, and what became of everything that was named."""

from collections import Counter
from dataclasses import dataclass, field

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.records import Reason, State

_IMAGES = "SELECT label, count(*), sum(bytes) FROM images WHERE quarantine IS NULL GROUP BY label"
_ITEMS = "SELECT label, state, reason, count(*) FROM items GROUP BY state, reason, label"


@dataclass(slots=True)
class ClassStatus:
    """One class of a data set.

    Attributes:
        label: the class; None for what has none.
        images: how many images, without those set aside.
        size: of their files, in bytes.
        items: how many URLs, files and members were named, by state.
        losses: of those that gave nothing, how many for which reason.
    """

    label: str | None
    images: int = 0
    size: int = 0
    items: Counter[State] = field(default_factory=Counter)
    losses: Counter[Reason] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class DatasetStatus:
    """A data set at a moment, by class in alphabetical order, those without a class last."""

    classes: tuple[ClassStatus, ...]

    @property
    def total(self) -> ClassStatus:
        """All classes together."""
        total = ClassStatus(None)
        for one in self.classes:
            total.images += one.images
            total.size += one.size
            total.items += one.items
            total.losses += one.losses
        return total

    @property
    def retryable(self) -> int:
        """How many failed for a reason that may pass."""
        losses = self.total.losses
        return sum(count for reason, count in losses.items() if reason.may_pass)


def read_status(ledger: Ledger) -> DatasetStatus:
    """Count images and items by class; both counts are answered from indexes alone."""
    found: dict[str | None, ClassStatus] = {}

    def of(label: str | None) -> ClassStatus:
        return found.setdefault(label, ClassStatus(label))

    for label, images, size in ledger.read(_IMAGES):
        of(label).images += images
        of(label).size += size
    for label, state, reason, count in ledger.read(_ITEMS):
        of(label).items[State(state)] += count
        if reason is not None:
            of(label).losses[Reason(reason)] += count
    order = sorted(found, key=lambda label: (label is None, label or ""))
    return DatasetStatus(tuple(found[label] for label in order))
