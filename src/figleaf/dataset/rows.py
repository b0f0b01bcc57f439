"""The images of a data set as rows, a page read at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.locators import shown
from figleaf.dataset.store import Store

PAGE = 1_000

Values = frozenset[str | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One image of a data set.

    Attributes:
        path: of its file.
        sha256: of the file's bytes, in hex.
        label: its class; None for none, or where its lists disagree.
        format: "jpeg", "png" and so on, by content.
        width: in pixels, upright.
        height: in pixels, upright.
        size: of the file, in bytes.
        pdq: the PDQ hash in hex; None where it was not computed.
        pdq_quality: of that hash, 0..100.
        part: the split that its sources have it in, where they agree; None for none.
        split: "train", "validation" or "test", as `figleaf split` has it; None for none.
        fold: of train, from 0; None for none.
        quarantine: why it is set aside; None for an image that is in use.
        why: the same in a line for people.
        representative: the SHA-256, in hex, of the best file of the near duplicates that it belongs
            to, itself included; None before they were looked for.
        parent: for a frame, the URL or path of the moving picture; None for a still one.
        seconds: for a frame, its time from the start.
        origins: the URLs, paths and shard members that it came from, sorted.
    """

    path: Path
    sha256: str
    label: str | None
    format: str
    width: int
    height: int
    size: int
    pdq: str | None
    pdq_quality: int | None
    part: str | None
    split: str | None
    fold: int | None
    quarantine: str | None
    why: str | None
    representative: str | None
    parent: str | None
    seconds: float | None
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows are wanted; None for any value.

    Attributes:
        labels: classes; None among them for rows without one.
        parts: splits of the sources, likewise.
        splits: parts of figleaf's own split, likewise.
        folds: likewise.
        formats: "jpeg" and so on.
        min_side: of the shorter side, in pixels.
        quarantined: those that are set aside instead of those in use.
        where: other conditions.
    """

    labels: Values | None = None
    parts: Values | None = None
    splits: Values | None = None
    folds: frozenset[int | None] | None = None
    formats: Values | None = None
    min_side: int = 0
    quarantined: bool = False
    where: tuple[Callable[[Row], bool], ...] = ()

    def condition(self) -> tuple[str, list[Any]]:
        """What SQLite can tell by itself, and the values in it."""
        terms = [f"quarantine IS {'NOT ' if self.quarantined else ''}NULL"]
        values: list[Any] = []
        columns: dict[str, frozenset[Any] | None] = {
            "label": self.labels,
            "format": self.formats,
            "splits.part": self.splits,
            "splits.fold": self.folds,
        }
        for column, wanted in columns.items():
            if wanted is not None:
                named = [one for one in wanted if one is not None]
                absent = f" OR {column} IS NULL" if None in wanted else ""
                terms.append(f"({column} IN ({_marks(named)}){absent})")
                values += named
        if self.min_side:
            terms.append("min(width, height) >= ?")
            values.append(self.min_side)
        return " AND ".join(terms), values

    def admits(self, row: Row) -> bool:
        """The rest."""
        if self.parts is not None and row.part not in self.parts:
            return False
        return all(test(row) for test in self.where)


_COLUMNS = (
    "images.id, sha256, label, format, width, height, bytes, pdq, pdq_quality, splits.part, fold,"
    " quarantine"
)


def read_rows(ledger: Ledger, store: Store, wanted: RowFilter) -> Iterator[Row]:
    """The rows that meet a filter, in the order in which the images came."""
    condition, values = wanted.condition()
    # Without an index: in the order of ids, where an index would have to be sorted for every page.
    query = (
        f"SELECT {_COLUMNS} FROM images NOT INDEXED LEFT JOIN splits ON image_id = images.id"
        f" WHERE {condition} AND images.id > ? ORDER BY images.id LIMIT {PAGE}"
    )
    last = 0
    while found := ledger.read(query, (*values, last)):
        last = found[-1][0]
        page = _Page(ledger, [number for number, *_ in found])
        yield from filter(wanted.admits, (page.row(store, *columns) for columns in found))


def count_rows(ledger: Ledger, wanted: RowFilter) -> int:
    """How many rows meet a filter that SQLite can tell by itself."""
    condition, values = wanted.condition()
    # Not joined where that is not asked for: then an index alone gives the answer.
    join = "LEFT JOIN splits ON image_id = images.id" if "splits." in condition else ""
    query = f"SELECT count(*) FROM images {join} WHERE {condition}"
    return int(ledger.read(query, values)[0][0])


class _Page:
    """Where some images came from, and what was found of them."""

    def __init__(self, ledger: Ledger, images: list[int]) -> None:
        marks = _marks(images)
        self._parts: dict[int, str] = dict(
            ledger.read(
                "SELECT image_id, min(part) FROM origins JOIN mentions USING (item_id)"
                f" JOIN listings ON listings.id = listing_id WHERE image_id IN ({marks})"
                # Two parts are a leak, not a part.
                " AND part != '' GROUP BY image_id HAVING min(part) = max(part)",
                images,
            )
        )
        self._whys: dict[int, str] = dict(
            ledger.read(
                "SELECT image_id, why FROM quarantines WHERE id IN (SELECT max(id)"
                f" FROM quarantines WHERE image_id IN ({marks}) GROUP BY image_id)",
                images,
            )
        )
        self._representatives: dict[int, bytes] = dict(
            ledger.read(
                "SELECT image_id, sha256 FROM clusters JOIN images ON images.id = representative"
                f" WHERE image_id IN ({marks})",
                images,
            )
        )
        self._origins: dict[int, list[tuple[str, float | None]]] = {}
        for image, seconds, key, locator in ledger.read(
            "SELECT image_id, seconds, key, locator FROM origins JOIN items ON items.id = item_id"
            f" JOIN locators USING (item_id) WHERE image_id IN ({marks})",
            images,
        ):
            self._origins.setdefault(image, []).append((shown(locator, key), seconds))

    def row(self, store: Store, *columns: Any) -> Row:
        """One of the images, from the values of its columns."""
        number, sha256, label, kind, width, height, size, pdq, quality, *curated = columns
        split, fold, quarantine = curated
        representative = self._representatives.get(number)
        origins = self._origins.get(number, [])
        frames = [(time, locator) for locator, time in origins if time is not None]
        seconds, parent = min(frames, default=(None, None))
        return Row(
            path=store.path(sha256, kind),
            sha256=sha256.hex(),
            label=label,
            format=kind,
            width=width,
            height=height,
            size=size,
            pdq=pdq.hex() if pdq else None,
            pdq_quality=quality,
            part=self._parts.get(number),
            split=split,
            fold=fold,
            quarantine=quarantine,
            why=self._whys.get(number) if quarantine else None,
            representative=representative.hex() if representative else None,
            parent=parent,
            seconds=seconds,
            origins=tuple(sorted({locator for locator, _ in origins})),
        )


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
