"""Tables with a column of URLs or paths: CSV and TSV, JSON Lines, Parquet.

A column is known by its name (`Columns`). A row gives its URL or, where it has none, its path,
relative to the table's folder or the one that the user says. It may not leave it: a table that
comes from elsewhere must not choose among the files of this machine. A row that does is an item all
the same, with a locator that goes up ("/folder/../x.jpg"), which is never read.
"""

import csv
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figleaf.dataset.records import Item, Kind
from figleaf.errors import MissingExtraError, SourceError
from figleaf.sources.readers.columns import Columns, resolve
from figleaf.sources.readers.reading import (
    MAX_LABEL,
    MAX_LOCATOR,
    ProblemKind,
    Problems,
    as_url,
    decode,
    has_scheme,
    is_plain,
    leaves_folder,
    lines,
    plain,
    split_name,
)

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

MAX_ROW = 2**20
"""The longest row of a text table, in bytes; a quoted field may have several lines."""

_DELIMITERS = (",", "\t", ";", "|")
_SAMPLED = 20
"""Rows of a JSON Lines table whose keys are looked at."""

_BATCH = 1024
_BUFFER = 2**16


class TableFormat(StrEnum):
    """How a table is written."""

    TEXT = "text"
    """CSV, TSV, or the same with another delimiter."""
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was looked into: its format, and the names that its columns really have."""

    path: Path
    format: TableFormat
    columns: Columns
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Place:
    """What every item of a table has in common.

    Attributes:
        source: the source's name.
        root: the folder that paths are relative to and must lie in, absolute.
        listing: the list's name within the source.
        prefix: what leads from the source's root to `root`: "train/" or nothing.
        part: the split of a row that names none.
    """

    source: str
    root: Path
    listing: str = ""
    prefix: str = ""
    part: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    url: object
    path: object
    label: object
    split: object


def open_table(path: Path, form: TableFormat, wanted: Columns) -> Table:
    """Look at a table's header, or its first rows, and find its columns.

    Raises:
        SourceError: a chosen column is not there, or none is of URLs or paths; names them.
        MissingExtraError: for Parquet without pyarrow.
    """
    if form is TableFormat.TEXT:
        return _open_text(path, wanted)
    names = _parquet_names(path) if form is TableFormat.PARQUET else _json_names(path)
    return Table(path, form, resolve(path, names, wanted))


def _open_text(path: Path, wanted: Columns) -> Table:
    header = next((decode(line) for _, line in lines(path, MAX_ROW, Problems(), path.name)), "")
    # The delimiter is the one that makes the most columns; of a single column the first.
    mark, names = max(
        ((mark, _split(header, mark)) for mark in _DELIMITERS), key=lambda pair: len(pair[1])
    )
    return Table(path, TableFormat.TEXT, resolve(path, names, wanted), mark)


def _split(header: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _json_names(path: Path) -> list[str]:
    sample = islice(_json_rows(path, Problems()), _SAMPLED)
    return list(dict.fromkeys(name for _, row in sample for name in row))


def has_columns(path: Path, wanted: Columns) -> bool:
    """Whether the first line of a text file is the header of a table that could be read."""
    try:
        _open_text(path, wanted)
    except SourceError:
        return False
    return True


def table_items(table: Table, place: Place, problems: Problems) -> Iterator[Item]:
    """The items of a table, in its order. Memory is one row, or one batch of 1,024 in Parquet."""
    for row in _READERS[table.format](table, problems):
        where = f"{place.prefix}{table.path.name} row {row.number}"
        try:
            locator = _locate(row, place)
            label = _text(row.label, ProblemKind.BAD_LABEL)
            part = _text(row.split, ProblemKind.BAD_ROW)
        except _BadRowError as error:
            problems.add(error.kind, where)
            continue
        if label is not None and len(label) > MAX_LABEL:
            problems.add(ProblemKind.BAD_LABEL, where)
            continue
        kind, target, name = locator
        if kind is Kind.FILE and leaves_folder(target):
            problems.add(ProblemKind.OUTSIDE, f"{where}: {row.path}")
        part = split_name(part) or part[:MAX_LABEL] if part else place.part
        also = (str(row.path),) if kind is Kind.URL and row.path is not None else ()
        yield Item(kind, target, name, place.source, place.listing, None, label, part, also)


def check_paths(table: Table, place: Place) -> None:
    """Raise SourceError where all that a table names lies outside of the folder. Reads to the first
    row that does not, most often the first of all."""
    problems = Problems()
    for item in table_items(table, place, problems):
        if item.kind is not Kind.FILE or not leaves_folder(item.locator):
            return
    for problem in problems:
        if problem.kind is ProblemKind.OUTSIDE:
            raise SourceError(
                f"{table.path}: all of its {problem.count:,} paths leave the folder {place.root} "
                f"({problem.examples[0]}); give this table, and with --root DIR where they lie"
            )


class _BadRowError(Exception):
    """A row that becomes no item."""

    def __init__(self, kind: ProblemKind) -> None:
        super().__init__(kind)
        self.kind = kind


def _locate(row: _Row, place: Place) -> tuple[Kind, str, str]:
    """How a row's image is reached: its kind, locator and name."""
    url = _locator(row.url)
    if url is not None:
        return Kind.URL, as_url(url), as_url(url)
    path = _locator(row.path)
    if path is None:
        raise _BadRowError(ProblemKind.NO_LOCATOR)
    if has_scheme(path):
        return Kind.URL, as_url(path), as_url(path)
    if not is_plain(path) or "\0" in path:
        raise _BadRowError(ProblemKind.BAD_NAME)
    return _locate_file(path.replace("\\", "/"), place)  # as Windows writes them


def _locate_file(path: str, place: Place) -> tuple[Kind, str, str]:
    root = os.fspath(place.root)
    target = os.path.normpath(os.path.join(root, path))  # noqa: PTH118  # Path would not take ".." out
    name = os.path.relpath(target, root)
    if not is_plain(root):
        raise _BadRowError(ProblemKind.BAD_NAME)
    if name.partition("/")[0] == os.pardir:
        target = f"{root}/{name}"
    return Kind.FILE, target, place.prefix + name


def _locator(value: object) -> str | None:
    text = _text(value, ProblemKind.BAD_ROW)
    if text is not None and len(text) > MAX_LOCATOR:
        raise _BadRowError(ProblemKind.BAD_NAME)
    return text


def _text(value: object, otherwise: ProblemKind) -> str | None:
    """A cell as text; None where it is empty."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str | int | float):
        raise _BadRowError(otherwise)
    return str(value).strip() or None


class _Records:
    """The lines of one record of a text table after another.

    A quote that is never closed would take the whole file for one field: past `MAX_ROW` bytes the
    record is given up.
    """

    def __init__(self, source: Iterator[tuple[int, bytes]]) -> None:
        self._source = source
        self.number = 0
        self.taken = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.taken > MAX_ROW:
            raise csv.Error("a row without an end")
        self.number, line = next(self._source)
        self.taken += len(line)
        return decode(line)


def _text_rows(table: Table, problems: Problems) -> Iterator[_Row]:
    records = _Records(lines(table.path, MAX_ROW, problems, table.path.name))
    reader = csv.reader(records, delimiter=table.delimiter)
    pick: Callable[[Sequence[str]], _Row] | None = None
    while True:
        first, records.taken = records.number + 1, 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            lost = max(1, records.number + 1 - first)
            problems.add(ProblemKind.BAD_ROW, f"{table.path.name} row {first}", lost)
            continue
        if pick is None:
            pick = _picker(table.columns, cells, records)
        elif cells:
            yield pick(cells)


def _picker(
    columns: Columns, header: Sequence[str], records: _Records
) -> Callable[[Sequence[str]], _Row]:
    names = [name.strip() for name in header]
    wanted = (columns.url, columns.path, columns.label, columns.split)
    places = [None if name is None else names.index(name) for name in wanted]

    def pick(cells: Sequence[str]) -> _Row:
        values = [
            None if place is None or place >= len(cells) else cells[place] for place in places
        ]
        url, path, label, split = values
        return _Row(records.number, url, path, label and plain(label), split and plain(split))

    return pick


def _json_rows(path: Path, problems: Problems) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in lines(path, MAX_ROW, problems, path.name):
        if not line.strip():
            continue
        row = _object(line)
        if row is None:
            problems.add(ProblemKind.BAD_ROW, f"{path.name} row {number}")
        else:
            yield number, row


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        row = json.loads(decode(line))
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _jsonl_rows(table: Table, problems: Problems) -> Iterator[_Row]:
    for number, row in _json_rows(table.path, problems):
        yield _row(number, row, table.columns, {})


def _row(number: int, row: Mapping[str, Any], columns: Columns, classes: Mapping[int, str]) -> _Row:
    def cell(name: str | None) -> Any:
        return None if name is None else row.get(name)

    label = cell(columns.label)
    if isinstance(label, int):
        label = classes.get(label, label)
    if isinstance(label, str):
        label = plain(label)
    split = cell(columns.split)
    return _Row(
        number,
        cell(columns.url),
        cell(columns.path),
        label,
        plain(split) if isinstance(split, str) else split,
    )


def _parquet(path: Path) -> "ParquetFile":
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingExtraError("data", "reading Parquet") from None
    try:
        # A column is read page by page, not a row group at once.
        return ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path}: not a Parquet file ({error})") from error


def _parquet_names(path: Path) -> list[str]:
    """The names of the columns of text and numbers: others hold no URL, path or class."""
    with _parquet(path) as file:
        import pyarrow.types as types  # not above, where nothing says which extra it needs

        return [
            field.name
            for field in file.schema_arrow
            if not (types.is_nested(field.type) or types.is_binary(field.type))
            or types.is_list(field.type)
        ]


def _parquet_rows(table: Table, problems: Problems) -> Iterator[_Row]:
    import pyarrow as pa

    columns = table.columns
    wanted = (columns.url, columns.path, columns.label, columns.split)
    names = list(dict.fromkeys(name for name in wanted if name is not None))
    number = 0
    try:
        with _parquet(table.path) as file:
            classes = _class_names(file, columns.label)
            for batch in file.iter_batches(_BATCH, columns=names, use_threads=False):
                for row in batch.to_pylist():
                    number += 1
                    yield _row(number, row, columns, classes)
    except (pa.ArrowException, OSError, ValueError, SourceError) as error:
        problems.add(ProblemKind.DAMAGED, f"{table.path.name} row {number + 1}: {error}")


def _class_names(file: "ParquetFile", column: str | None) -> dict[int, str]:
    """The names that Hugging Face `datasets` keeps for a column of class numbers."""
    metadata = file.schema_arrow.metadata or {}
    raw = _object(metadata.get(b"huggingface", b"")) or {}
    try:
        feature = raw["info"]["features"][column]
        names = feature["names"] if feature["_type"] == "ClassLabel" else []
        return {number: plain(str(name)) for number, name in enumerate(names)}
    except (KeyError, TypeError):
        return {}


_READERS: dict[TableFormat, Callable[[Table, Problems], Iterator[_Row]]] = {
    TableFormat.TEXT: _text_rows,
    TableFormat.JSONL: _jsonl_rows,
    TableFormat.PARQUET: _parquet_rows,
}
