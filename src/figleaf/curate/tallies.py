"""What the ledger says of lists, duplicates, labels, doubts and runs, counted by SQLite."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from figleaf.curate.measures import Codes, Label, pages
from figleaf.curate.screening.settled import SETTLED
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import OF_SAFETY
from figleaf.dataset.records import State

_LARGEST = 10  # clusters that are named
_PAGE = 2_000

_LISTS = """
SELECT source, listing, filed, state, max(listings.label), max(listings.reason), sum(n)
FROM (
  SELECT listing_id, state, count(*) AS n FROM mentions CROSS JOIN items ON items.id = item_id
  GROUP BY listing_id, state
) JOIN listings ON listings.id = listing_id
GROUP BY source, listing, filed, state ORDER BY source, listing, filed
"""
_SET_ASIDE = """
SELECT quarantine, label, count(*) FROM images WHERE quarantine IS NOT NULL
GROUP BY quarantine, label ORDER BY quarantine, label IS NULL, label
"""
# Frames of one moving picture that are the same image are one item: only where an image has
# several origins, which an index alone tells, is it looked at whose they are.
_EXACT = """
SELECT count(*), coalesce(sum(n - 1), 0) FROM (
  SELECT (SELECT count(DISTINCT item_id) FROM origins WHERE image_id = several.image_id) AS n
  FROM (SELECT image_id FROM origins GROUP BY image_id HAVING count(*) > 1) AS several
) WHERE n > 1
"""
_CLUSTERS = """
SELECT count(*), coalesce(sum(n), 0) FROM (
  SELECT count(*) AS n FROM clusters GROUP BY representative HAVING n > 1)
"""
# No hash of what must not be looked at.
_LARGEST_CLUSTERS = f"""
SELECT hex(sha256), label, width, height, n FROM (
  SELECT representative, count(*) AS n FROM clusters GROUP BY representative HAVING n > 1
) JOIN images ON images.id = representative
WHERE quarantine IS NULL OR quarantine NOT IN ({", ".join("?" * len(OF_SAFETY))})
ORDER BY n DESC, sha256 LIMIT {_LARGEST}
"""
_DISTANCES = """
SELECT distance, count(*) FROM clusters WHERE image_id != representative
GROUP BY distance ORDER BY distance
"""
_DOUBTS = f"""
SELECT who, kind, count(*) FROM doubts JOIN images ON images.id = image_id
WHERE quarantine IS NULL AND image_id NOT IN ({SETTLED})
GROUP BY who, kind ORDER BY who, count(*) DESC, kind
"""
_LABELS = f"SELECT id, image_id, who FROM labels WHERE id > ? ORDER BY id LIMIT {_PAGE}"
_RUNS = """
SELECT command, version, started, ended, outcome FROM runs
WHERE id IN (SELECT max(id) FROM runs GROUP BY command) ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class ListStats:
    """One list of a source, as one category or label of it.

    Attributes:
        source: the source's name.
        listing: the list within it; empty where the source is one list.
        filed: the category or label that the source gives; empty for none.
        label: the class that this comes to; None for none.
        reason: "denied" or "unmapped", where the rules refuse all of it; else None.
        named: URLs, files and members; one that several lists name counts in each.
        kept: of these, those whose image is in the data set.
        pending: those that are still to be read.
    """

    source: str
    listing: str
    filed: str
    label: Label
    reason: str | None
    named: int
    kept: int
    pending: int

    @property
    def lost(self) -> int:
        """Those that failed or were refused."""
        return self.named - self.kept - self.pending


@dataclass(frozen=True, slots=True)
class SetAside:
    """How many images of a class are set aside for a reason."""

    reason: str
    label: Label
    images: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """Near duplicates: their best file, and how many there are with it."""

    representative: str
    label: Label
    width: int
    height: int
    images: int


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The same picture several times.

    Attributes:
        exact: images that more than one item gave, byte for byte.
        extra: how many items could be left out for that.
        clusters: of near duplicates; 0 before they were looked for.
        clustered: images in them.
        largest: the largest clusters; those whose best file is set aside for safety left out.
        distances: to the best file of the cluster, in bits of PDQ, and how many images have it.
    """

    exact: int
    extra: int
    clusters: int
    clustered: int
    largest: tuple[Cluster, ...]
    distances: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Doubts:
    """Images in use that a tool wants a person to look at, and that nobody has looked at."""

    who: str
    kind: str
    images: int


@dataclass(frozen=True, slots=True)
class Labeller:
    """A tool or a person: label events, and images whose last one is theirs."""

    who: str
    events: int
    images: int


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of a command; times in seconds since 1970, `ended` None while it runs."""

    command: str
    version: str
    started: float
    ended: float | None
    outcome: str | None


def read_lists(ledger: Ledger) -> tuple[ListStats, ...]:
    """Every list, in the order of their names."""
    found: dict[tuple[str, str, str], Counter[str]] = {}
    rules: dict[tuple[str, str, str], tuple[Label, str | None]] = {}
    for source, listing, filed, state, label, reason, count in ledger.read(_LISTS):
        found.setdefault((source, listing, filed), Counter())[state] += count
        rules[source, listing, filed] = label, reason
    return tuple(
        ListStats(*key, *rules[key], one.total(), one[State.FETCHED], one[State.PENDING])
        for key, one in found.items()
    )


def read_set_aside(ledger: Ledger) -> tuple[SetAside, ...]:
    """Images that are set aside, by reason and class."""
    return tuple(SetAside(*row) for row in ledger.read(_SET_ASIDE))


def read_duplicates(ledger: Ledger) -> Duplicates:
    """What was found of duplicates."""
    ((exact, extra),) = ledger.read(_EXACT)
    ((clusters, clustered),) = ledger.read(_CLUSTERS)
    largest = ledger.read(_LARGEST_CLUSTERS, sorted(OF_SAFETY))
    return Duplicates(
        exact,
        extra,
        clusters,
        clustered,
        tuple(Cluster(sha256.lower(), *row) for sha256, *row in largest),
        dict(ledger.read(_DISTANCES)),
    )


def read_doubts(ledger: Ledger) -> tuple[Doubts, ...]:
    """What waits for a person."""
    return tuple(Doubts(*row) for row in ledger.read(_DOUBTS))


def read_labellers(ledger: Ledger) -> tuple[Labeller, ...]:
    """Who labelled how much, the most first."""
    ((images,),) = ledger.read("SELECT coalesce(max(id), 0) FROM images")
    codes, events = Codes(), np.zeros(0, np.int64)
    last = np.full(images + 1, -1, np.int32)
    for _, image, who in pages(ledger, _LABELS):
        code = codes.of(who)
        # Where an image comes more than once NumPy keeps the last one, as is meant.
        last[np.array(image, np.int64)] = code
        events = _added(events, np.bincount(code, minlength=len(codes)))
    held = np.bincount(last[last >= 0], minlength=len(codes))
    found = [Labeller(*row) for row in zip(codes, events.tolist(), held.tolist(), strict=True)]
    return tuple(sorted(found, key=lambda one: (-one.images, -one.events, one.who)))


def read_runs(ledger: Ledger) -> tuple[Run, ...]:
    """The last run of each command, in the order in which they were run."""
    return tuple(Run(*row) for row in ledger.read(_RUNS))


def count_rows(ledger: Ledger, tables: Sequence[str]) -> dict[str, int]:
    """How many rows some of the ledger's tables have."""
    queries = {name: f"SELECT count(*) FROM {name}" for name in tables}
    return {name: ledger.read(query)[0][0] for name, query in queries.items()}


def _added(
    sums: "np.typing.NDArray[np.int64]", more: "np.typing.NDArray[np.int64]"
) -> "np.typing.NDArray[np.int64]":
    sums = np.pad(sums, (0, len(more) - len(sums)))
    return sums + more
