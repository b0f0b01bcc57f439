"""The data set in Python: open, iterate, filter, hand on to Arrow and pandas."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.records import Reason, State
from figleaf.dataset.status import DatasetStatus, read_status
from figleaf.dataset.store import Store
from figleaf.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Wanted = str | Iterable[str | None] | EllipsisType | None
"""A value, several, None for rows that have none, or `...` for any."""

_PAGE = 1_000
_SEPARATOR = "\x1f"  # ASCII's unit separator: control characters are escaped in locators


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
        quarantine: why it is set aside; None for an image that is in use.
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
    quarantine: str | None
    parent: str | None
    seconds: float | None
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """A URL, file or member that gave no image, and why."""

    locator: str
    label: str | None
    state: State
    reason: Reason
    detail: str
    http_status: int | None
    attempts: int


@dataclass(frozen=True, slots=True)
class _Filter:
    labels: frozenset[str | None] | None = None
    parts: frozenset[str | None] | None = None
    formats: frozenset[str | None] | None = None
    min_side: int = 0
    quarantined: bool = False
    where: tuple[Callable[[Row], bool], ...] = ()

    def condition(self) -> tuple[str, list[Any]]:
        """What SQLite can tell by itself, and the values in it."""
        parts = [
            "images.quarantine IS NOT NULL" if self.quarantined else "images.quarantine IS NULL"
        ]
        values: list[Any] = []
        for column, wanted in (("images.label", self.labels), ("images.format", self.formats)):
            if wanted is not None:
                options = [f"{column} IS ?"] * len(wanted) or ["FALSE"]
                parts.append(f"({' OR '.join(options)})")
                values += wanted
        if self.min_side:
            parts.append("min(images.width, images.height) >= ?")
            values.append(self.min_side)
        return " AND ".join(parts), values

    def admits(self, row: Row) -> bool:
        """The rest."""
        if self.parts is not None and row.part not in self.parts:
            return False
        return all(test(row) for test in self.where)


_QUERY = """
SELECT images.id, images.sha256, images.label, images.format, images.width, images.height,
       images.bytes, images.pdq, images.pdq_quality, images.quarantine,
       (SELECT group_concat(DISTINCT listings.part)
        FROM origins JOIN mentions USING (item_id) JOIN listings ON listings.id = listing_id
        WHERE origins.image_id = images.id AND listings.part != '') AS part,
       (SELECT group_concat(locator, '{separator}')
        FROM (SELECT DISTINCT locator FROM origins JOIN items ON items.id = item_id
              WHERE image_id = images.id ORDER BY locator)) AS origins,
       (SELECT min(seconds) FROM origins WHERE image_id = images.id) AS seconds,
       (SELECT locator FROM origins JOIN items ON items.id = item_id
        WHERE image_id = images.id AND seconds IS NOT NULL ORDER BY seconds, locator LIMIT 1)
FROM images WHERE {condition} AND images.id > ? ORDER BY images.id LIMIT {page}
"""


class Dataset:
    """A data set that `figleaf collect` or `figleaf.collect` made.

    ::

        with figleaf.Dataset("my-data") as data:
            for row in data.filter(label=["drawings", "neutral"], min_side=224):
                print(row.path, row.label)
            table = data.to_arrow()

    Iterating gives `Row`s in the order in which the images came, a thousand read at a time: it
    takes the same memory for ten images as for a million. It may be read while a command writes;
    images that were added meanwhile may or may not be among the rows.

    Args:
        folder: the data set's.

    Raises:
        DatasetError: no data set there, or one that this figleaf cannot read.
    """

    def __init__(self, folder: str | Path) -> None:
        self._ledger = Ledger(folder)
        self._store = Store(folder)
        self._filter = _Filter()

    @property
    def folder(self) -> Path:
        """The data set's folder."""
        return self._ledger.folder

    def filter(
        self,
        *,
        label: Wanted = ...,
        part: Wanted = ...,
        format: Wanted = ...,  # noqa: A002  # the row's own name for it
        min_side: int = 0,
        quarantined: bool | None = None,
        where: Callable[[Row], bool] | None = None,
    ) -> "Dataset":
        """The rows that meet all the conditions given here and before; nothing is read yet.

        Args:
            label: a class, None for images without one, or several of these; `...` for any.
            part: the split that the sources have them in, likewise.
            format: "jpeg", "png" and so on.
            min_side: of the shorter side, in pixels.
            quarantined: True for the images that are set aside instead of those in use.
            where: any other condition on a row.
        """
        old = self._filter
        new = _Filter(
            labels=_narrowed(old.labels, label),
            parts=_narrowed(old.parts, part),
            formats=_narrowed(old.formats, format),
            min_side=max(old.min_side, min_side),
            quarantined=old.quarantined if quarantined is None else quarantined,
            where=(*old.where, *([where] if where else [])),
        )
        view = object.__new__(type(self))
        view._ledger, view._store, view._filter = self._ledger, self._store, new
        return view

    def __iter__(self) -> Iterator[Row]:
        condition, values = self._filter.condition()
        query = _QUERY.format(condition=condition, page=_PAGE, separator=_SEPARATOR)
        last = 0
        while found := self._ledger.connection.execute(query, (*values, last)).fetchall():
            last = found[-1][0]
            yield from filter(self._filter.admits, map(self._row, found))

    def _row(self, found: tuple[Any, ...]) -> Row:
        _, sha256, label, kind, width, height, size, pdq, quality, quarantine, *rest = found
        part, origins, seconds, parent = rest
        return Row(
            path=self._store.path(sha256, kind),
            sha256=sha256.hex(),
            label=label,
            format=kind,
            width=width,
            height=height,
            size=size,
            pdq=pdq.hex() if pdq else None,
            pdq_quality=quality,
            # Two parts are a leak, not a part.
            part=part if part and "," not in part else None,
            quarantine=quarantine,
            parent=parent,
            seconds=seconds,
            origins=tuple((origins or "").split(_SEPARATOR)) if origins else (),
        )

    def __len__(self) -> int:
        if self._filter.parts is not None or self._filter.where:
            return sum(1 for _ in self)
        condition, values = self._filter.condition()
        query = f"SELECT count(*) FROM images WHERE {condition}"
        (count,) = self._ledger.connection.execute(query, values).fetchone()
        return int(count)

    def status(self) -> DatasetStatus:
        """Images by class, and what became of everything that was named; filters do not count."""
        return read_status(self._ledger)

    def losses(self) -> Iterator[Loss]:
        """Every URL, file and member that gave no image, and why; filters do not count."""
        query = (
            "SELECT id, locator, label, state, reason, detail, http_status, attempts FROM items"
            f" WHERE state IN ('failed', 'refused') AND id > ? ORDER BY id LIMIT {_PAGE}"
        )
        last = 0
        while found := self._ledger.connection.execute(query, (last,)).fetchall():
            last = found[-1][0]
            for _, locator, label, state, reason, *rest in found:
                yield Loss(locator, label, State(state), Reason(reason), *rest)

    def to_arrow(self) -> "pa.Table":
        """The rows as an Arrow table: one column for each attribute of `Row`, paths as text.

        Raises:
            MissingExtraError: pyarrow is not installed.
        """
        schema = arrow_schema()
        import pyarrow as pa

        batches = []
        rows: list[dict[str, Any]] = []
        for row in self:
            rows.append(_as_dict(row))
            if len(rows) == _PAGE:
                batches.append(pa.RecordBatch.from_pylist(rows, schema=schema))
                rows = []
        batches.append(pa.RecordBatch.from_pylist(rows, schema=schema))
        return pa.Table.from_batches(batches, schema=schema)

    def to_pandas(self) -> "pd.DataFrame":
        """The same as a pandas data frame.

        Raises:
            MissingExtraError: pyarrow is not installed.
            InputError: pandas is not installed.
        """
        table = self.to_arrow()
        try:
            import pandas  # noqa: F401  # else Arrow's own message would not say what to do
        except ImportError:
            raise InputError("to_pandas needs pandas: pip install pandas") from None
        return table.to_pandas()

    def close(self) -> None:
        """Close the ledger, for every view of this data set; idempotent."""
        self._ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def arrow_schema() -> "pa.Schema":
    """The columns of `Dataset.to_arrow`."""
    _require_pyarrow()
    import pyarrow as pa

    kinds: dict[str, pa.DataType] = {
        "label": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "size": pa.int64(),
        "pdq_quality": pa.int8(),
        "seconds": pa.float64(),
        "origins": pa.list_(pa.string()),
    }
    columns = [(one.name, kinds.get(one.name, pa.string())) for one in fields(Row)]
    return pa.schema(columns)


def _as_dict(row: Row) -> dict[str, Any]:
    values = {one.name: getattr(row, one.name) for one in fields(Row)}
    return values | {"path": str(row.path), "origins": list(row.origins)}


def _narrowed(old: frozenset[str | None] | None, asked: Wanted) -> frozenset[str | None] | None:
    """What both the old and the new condition admit."""
    if isinstance(asked, EllipsisType):
        return old
    wanted = frozenset([asked] if asked is None or isinstance(asked, str) else asked)
    return wanted if old is None else wanted & old


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401  # its absence is what is looked for
    except ImportError:
        raise MissingExtraError("data", "handing a data set to Arrow") from None
