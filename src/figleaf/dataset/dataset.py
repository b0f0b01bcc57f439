"""The data set in Python: open, iterate, filter, hand on to Arrow and pandas."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import EllipsisType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.locators import shown
from figleaf.dataset.records import Reason, State
from figleaf.dataset.rows import PAGE, Row, RowFilter, Values, count_rows, read_rows
from figleaf.dataset.status import DatasetStatus, read_status
from figleaf.dataset.store import Store
from figleaf.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Wanted = str | Iterable[str | None] | EllipsisType | None
"""A value, several, None for rows that have none, or `...` for any."""


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


_LOSSES = f"""
SELECT id, key, locator, label, state, reason, detail, http_status, attempts
FROM items NOT INDEXED CROSS JOIN locators ON item_id = id
WHERE state IN ('failed', 'refused') AND id > ? ORDER BY id LIMIT {PAGE}
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
        DatasetError: no data set there, or one that this figleaf cannot read; also later, where it
            is damaged or closed.
    """

    def __init__(self, folder: str | Path) -> None:
        self._ledger = Ledger(folder)
        self._store = Store(folder)
        self._filter = RowFilter()

    @property
    def folder(self) -> Path:
        """The data set's folder."""
        return self._ledger.folder

    def filter(
        self,
        *,
        label: Wanted = ...,
        part: Wanted = ...,
        split: Wanted = ...,
        fold: int | Iterable[int] | EllipsisType | None = ...,
        format: Wanted = ...,  # noqa: A002  # the row's own name for it
        min_side: int = 0,
        quarantined: bool | None = None,
        where: Callable[[Row], bool] | None = None,
    ) -> "Dataset":
        """The rows that meet all the conditions given here and before; nothing is read yet.

        Args:
            label: a class, None for images without one, or several of these; `...` for any.
            part: the split that the sources have them in, likewise.
            split: "train", "validation", "test": the part of figleaf's own split, likewise.
            fold: of train, from 0; one, several, None for images without one, or `...` for any.
            format: "jpeg", "png" and so on.
            min_side: of the shorter side, in pixels.
            quarantined: True for the images that are set aside instead of those in use.
            where: any other condition on a row.

        Raises:
            InputError: a value of the wrong type.
        """
        old = self._filter
        new = RowFilter(
            labels=_narrowed(old.labels, "label", label),
            parts=_narrowed(old.parts, "part", part),
            splits=_narrowed(old.splits, "split", split),
            folds=_narrowed_folds(old.folds, fold),
            formats=_narrowed(old.formats, "format", format),
            min_side=max(old.min_side, min_side),
            quarantined=old.quarantined if quarantined is None else quarantined,
            where=(*old.where, *([where] if where else [])),
        )
        view = object.__new__(type(self))
        view._ledger, view._store, view._filter = self._ledger, self._store, new
        return view

    def __iter__(self) -> Iterator[Row]:
        return read_rows(self._ledger, self._store, self._filter)

    def __len__(self) -> int:
        if self._filter.parts is not None or self._filter.where:
            return sum(1 for _ in self)
        return count_rows(self._ledger, self._filter)

    def status(self) -> DatasetStatus:
        """Images by class, and what became of everything that was named; filters do not count."""
        return read_status(self._ledger)

    def losses(self) -> Iterator[Loss]:
        """Every URL, file and member that gave no image, and why; filters do not count."""
        last = 0
        while found := self._ledger.read(_LOSSES, (last,)):
            last = found[-1][0]
            for _, key, locator, label, state, reason, *rest in found:
                yield Loss(shown(locator, key), label, State(state), Reason(reason), *rest)

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
            if len(rows) == PAGE:
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
        _require_pyarrow()
        try:
            import pandas  # noqa: F401  # else Arrow's own message would not say what to do
        except ImportError:
            raise InputError("to_pandas needs pandas: pip install pandas") from None
        return self.to_arrow().to_pandas()

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
        "fold": pa.int16(),
        "origins": pa.list_(pa.string()),
    }
    columns = [(one.name, kinds.get(one.name, pa.string())) for one in fields(Row)]
    return pa.schema(columns)


def _as_dict(row: Row) -> dict[str, Any]:
    values = {one.name: getattr(row, one.name) for one in fields(Row)}
    return values | {"path": str(row.path), "origins": list(row.origins)}


def _narrowed(old: Values | None, name: str, asked: Wanted) -> Values | None:
    """What both the old and the new condition admit."""
    if isinstance(asked, EllipsisType):
        return old
    if asked is not None and not isinstance(asked, Iterable):
        raise InputError(f"{name}={asked!r}: not a text, None, or several of these")
    wanted = frozenset([asked] if asked is None or isinstance(asked, str) else asked)
    for one in wanted:
        if one is not None and not isinstance(one, str):
            raise InputError(f"{name}: {one!r} is neither a text nor None")
    return wanted if old is None else wanted & old


def _narrowed_folds(
    old: frozenset[int | None] | None, asked: int | Iterable[int] | EllipsisType | None
) -> frozenset[int | None] | None:
    if isinstance(asked, EllipsisType):
        return old
    if asked is not None and not isinstance(asked, int | Iterable):
        raise InputError(f"fold={asked!r}: not a whole number, None, or several of these")
    wanted = frozenset([asked] if asked is None or isinstance(asked, int) else asked)
    if odd := [one for one in wanted if one is not None and not isinstance(one, int)]:
        raise InputError(f"fold: {odd[0]!r} is neither a whole number nor None")
    return wanted if old is None else wanted & old


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401  # its absence is what is looked for
    except ImportError:
        raise MissingExtraError("data", "handing a data set to Arrow") from None
