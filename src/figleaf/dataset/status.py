"""Where a data set stands: images by class, and what became of everything that was named."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from figleaf.dataset.labelling import COLLECT
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.records import Reason, State

_IMAGES = "SELECT label, count(*), sum(bytes) FROM images WHERE quarantine IS NULL GROUP BY label"
_ITEMS = "SELECT label, state, reason, count(*) FROM items GROUP BY state, reason, label"
_SET_ASIDE = """
SELECT quarantine, count(*) FROM images WHERE quarantine IS NOT NULL GROUP BY quarantine
"""
# Of the images in use without a class, those that no person has looked at.
_CONFLICTS = f"""
SELECT count(*) FROM images WHERE quarantine IS NULL AND label IS NULL
  AND (SELECT who FROM labels WHERE image_id = images.id ORDER BY id DESC LIMIT 1) = '{COLLECT}'
  AND EXISTS (
    SELECT 1 FROM origins JOIN mentions USING (item_id) JOIN listings ON listings.id = listing_id
    WHERE image_id = images.id AND listings.reason IS NULL GROUP BY image_id
    HAVING min(listings.label) < max(listings.label))
"""
_PROBLEMS = "SELECT source, kind, count FROM problems ORDER BY source, count DESC, kind"


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """Something in a source that became no item.

    Attributes:
        source: its name.
        kind: what it was, in words for people: "rows that cannot be read".
        count: how many, when a run named the source last.
    """

    source: str
    kind: str
    count: int


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
    """A data set at a moment.

    Attributes:
        classes: in alphabetical order, what has no class last.
        set_aside: images that are not in use, by the reason.
        conflicts: images in use that have no class because their lists disagree.
        problems: what in the sources became no item, the most frequent of each source first.
    """

    classes: tuple[ClassStatus, ...]
    set_aside: Mapping[str, int] = field(default_factory=dict)
    conflicts: int = 0
    problems: tuple[SourceProblem, ...] = ()

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
    """Count images and items by class, from indexes alone, and what needs a person's look."""
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
    ((conflicts,),) = ledger.read(_CONFLICTS)
    return DatasetStatus(
        tuple(found[label] for label in order),
        dict(ledger.read(_SET_ASIDE)),
        conflicts,
        tuple(SourceProblem(*row) for row in ledger.read(_PROBLEMS)),
    )
