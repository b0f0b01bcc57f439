"""What a data set is made of: classes, sizes, sources, resolutions, losses, duplicates."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.curate import tallies
from figleaf.curate.measures import Bin, Measures, read_measures
from figleaf.curate.tallies import Doubts, Duplicates, Labeller, ListStats, Run, SetAside
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.status import DatasetStatus, read_status

_COUNTED = ("items", "images", "listings", "mentions", "labels", "quarantines", "runs")
"""Tables of the ledger whose rows are told."""

# SQLite sorts as much at a time as its cache holds: in pieces that fit the processor's own it takes
# half as long.
_SMALL_CACHE = "PRAGMA cache_size = -4096"


@dataclass(frozen=True, slots=True)
class DatasetStats:
    """A data set at a moment, in figures.

    Attributes:
        folder: the data set's.
        version: of the figleaf that counted.
        at: when, in seconds since 1970.
        status: images and items by class, losses by cause, lists that disagree, as
            `Dataset.status` has them.
        measures: classes, formats, resolutions and file sizes of the images in use.
        lists: what each list of each source named, and what came of it.
        set_aside: images that are not in use, by reason and class.
        duplicates: the same picture several times.
        doubts: what waits for a person.
        labellers: who labelled how much.
        runs: the last run of each command.
        ledger: tables of the ledger, and how many rows they have.
    """

    folder: Path
    version: str
    at: float
    status: DatasetStatus
    measures: Measures
    lists: tuple[ListStats, ...]
    set_aside: tuple[SetAside, ...]
    duplicates: Duplicates
    doubts: tuple[Doubts, ...]
    labellers: tuple[Labeller, ...]
    runs: tuple[Run, ...]
    ledger: Mapping[str, int]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.absolute().name or str(self.folder.absolute())

    @property
    def images(self) -> int:
        """How many are in use."""
        return sum(one.images for one in self.measures.classes)

    @property
    def size(self) -> int:
        """Of the files in use, in bytes."""
        return sum(one.size for one in self.measures.classes)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the split that have images in use, train first; empty before a split."""
        found = {part for one in self.measures.classes for part in one.parts}
        known = [part for part in ("train", "validation", "test") if part in found]
        return (*known, *sorted(found - set(known)))

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON types."""
        found = {one.name: _plain(getattr(self, one.name)) for one in fields(self)}
        del found["status"], found["measures"]
        return {
            **found,
            **_plain(self.measures),
            "items": [
                {"label": one.label, "states": dict(one.items), "losses": dict(one.losses)}
                for one in self.status.classes
            ],
            "conflicts": self.status.conflicts,
            "problems": _plain(self.status.problems),
        }


def stats(folder: str | Path, *, clock: Callable[[], float] = time.time) -> DatasetStats:
    """Count what a data set is made of: classes, sizes, sources, resolutions, losses, duplicates.

    All of it is of one moment, also where a command writes meanwhile. A data set of a million
    images takes some seconds and 150 MB of memory.

    Args:
        folder: the data set's.
        clock: gives the time in seconds since 1970.

    Raises:
        DatasetError: no data set there, or one that this figleaf cannot read.
    """
    with Ledger(folder) as ledger:
        ledger.read(_SMALL_CACHE)
        ledger.read("BEGIN")  # what is written from here on is not seen
        return DatasetStats(
            folder=Path(folder),
            version=__version__,
            at=clock(),
            status=read_status(ledger),
            measures=read_measures(ledger),
            lists=tallies.read_lists(ledger),
            set_aside=tallies.read_set_aside(ledger),
            duplicates=tallies.read_duplicates(ledger),
            doubts=tallies.read_doubts(ledger),
            labellers=tallies.read_labellers(ledger),
            runs=tallies.read_runs(ledger),
            ledger=tallies.count_rows(ledger, _COUNTED),
        )


def _plain(value: Any) -> Any:
    """Values as JSON has them."""
    if isinstance(value, Bin):  # None, which stands for no class, is no key in JSON
        classes = [{"label": label, "images": count} for label, count in value.counts.items()]
        return {"low": value.low, "high": value.high, "classes": classes}
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
