"""Which images of a data set a page shows, destroyed: the same ones each time."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import OF_SAFETY, Quarantine
from figleaf.dataset.store import Store
from figleaf.report.thumbnails import Thumbnail, thumbnails

_GROUPS = 40  # classes at most; data sets may have thousands of folders
_ASIDE = 4  # samples of a reason at most
_HASH = 12  # hexadecimal digits that name a file
_SHOWABLE = sorted(frozenset(Quarantine) - OF_SAFETY)
"""Reasons whose images may be shown, destroyed: also a reason that is not known is not one."""

_CLASSES = f"""
SELECT label, count(*) FROM images WHERE quarantine IS NULL
GROUP BY label ORDER BY count(*) DESC, label LIMIT {_GROUPS}
"""
_REASONS = f"""
SELECT quarantine, count(*) FROM images WHERE quarantine IN ({", ".join("?" * len(_SHOWABLE))})
GROUP BY quarantine ORDER BY quarantine
"""
# By hash: as good as by lot, and the same each time. Of few, all are looked up and sorted; of many,
# the index of hashes is followed until enough are found: the plus signs keep other indexes away.
_COLUMNS = "SELECT sha256, format, label, width, height FROM images WHERE"
_FEW_IN_USE = f"{_COLUMNS} quarantine IS NULL AND label IS ? ORDER BY +sha256 LIMIT ?"
_MANY_IN_USE = f"{_COLUMNS} +quarantine IS NULL AND +label IS ? ORDER BY sha256 LIMIT ?"
_FEW_ASIDE = f"{_COLUMNS} quarantine = ? ORDER BY +sha256 LIMIT ?"
_MANY_ASIDE = f"{_COLUMNS} +quarantine = ? ORDER BY sha256 LIMIT ?"
_FEW = 5_000

Row = tuple[bytes, str, str | None, int, int]


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a data set, and what may be shown of it.

    Attributes:
        name: the beginning of its SHA-256, in hex.
        label: its class, None for none.
        format: "jpeg" and so on.
        width: in pixels, upright.
        height: likewise.
        thumbnail: destroyed.
    """

    name: str
    label: str | None
    format: str
    width: int
    height: int
    thumbnail: Thumbnail


@dataclass(frozen=True, slots=True)
class SampleGroup:
    """Samples of a class in use, or of a reason for setting aside.

    Attributes:
        label: the class; None for images without one, and where `reason` says.
        reason: why they are set aside; None for images in use.
        images: how many there are.
        samples: some of them.
    """

    label: str | None
    reason: str | None
    images: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class _Chosen:
    label: str | None
    reason: str | None
    images: int
    rows: tuple[Row, ...]


def read_samples(folder: Path, most: int) -> tuple[SampleGroup, ...]:
    """A few images of each class and of each reason, those of safety never.

    Args:
        folder: the data set's.
        most: images of a class; of a reason 4 at most.

    Raises:
        DatasetError: no data set there, or one that cannot be read.
    """
    with Ledger(folder) as ledger:
        chosen = list(_choose(ledger, most)) if most else []
    store = Store(folder)
    paths = [store.path(sha256, kind) for one in chosen for sha256, kind, *_ in one.rows]
    if not paths:
        return ()
    made = iter(thumbnails(paths))
    return tuple(
        SampleGroup(
            one.label,
            one.reason,
            one.images,
            tuple(_sample(row, next(made)) for row in one.rows),
        )
        for one in chosen
    )


def _choose(ledger: Ledger, most: int) -> Iterator[_Chosen]:
    classes = ledger.read(_CLASSES)
    for label, images in sorted(classes, key=lambda one: (one[0] is None, one[0] or "")):
        query = _MANY_IN_USE if images > _FEW else _FEW_IN_USE
        yield _Chosen(label, None, images, _rows(ledger, query, label, most))
    for reason, images in ledger.read(_REASONS, _SHOWABLE):
        query = _MANY_ASIDE if images > _FEW else _FEW_ASIDE
        yield _Chosen(None, reason, images, _rows(ledger, query, reason, min(most, _ASIDE)))


def _rows(ledger: Ledger, query: str, value: str | None, most: int) -> tuple[Row, ...]:
    return tuple(ledger.read(query, (value, most)))


def _sample(row: Row, thumbnail: Thumbnail) -> Sample:
    sha256, kind, label, width, height = row
    return Sample(sha256.hex()[:_HASH], label, kind, width, height, thumbnail)
