"""Predictions as records for programs, written one at a time."""

import csv
import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Protocol

from figleaf.actions.rules import Acted
from figleaf.classify.prediction import Schema
from figleaf.cli.deeds import places_of, told_of
from figleaf.cli.table import TableWriter
from figleaf.cli.terminal import Encoded
from figleaf.errors import InputError, MissingExtraError


class Format(StrEnum):
    """What `figleaf classify` can write."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    NSFWJS = "nsfwjs"


_SUFFIXES = {
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".csv": Format.CSV,
    ".parquet": Format.PARQUET,
    ".txt": Format.TABLE,
}


def choose_format(asked: Format | None, output: Path | None) -> Format:
    """The format that was asked for, else the one that the output's name tells, else a table.

    Raises:
        InputError: the name tells none, or Parquet was to go to a terminal.
    """
    if asked is None and output is not None:
        asked = _SUFFIXES.get(output.suffix.lower())
        if asked is None:
            known = ", ".join(_SUFFIXES)
            raise InputError(f"{output}: no format goes by that name ({known}); give --format")
    if asked is Format.PARQUET and output is None:
        raise InputError("Parquet is a file's format: give -o FILE.parquet")
    return asked or Format.TABLE


class Writer(Protocol):
    """Writes results one by one; `close` writes what has to come last."""

    def write(self, acted: Acted) -> None:
        """Write one result."""
        ...

    def close(self) -> None:
        """Write the end."""
        ...


def make_writer(
    kind: Format, file: IO[bytes], labels: Sequence[str], lines: int, *, acts: bool = False
) -> Writer:
    """A writer.

    Args:
        kind: what to write.
        file: where to, in binary.
        labels: the model's classes: the columns of CSV and Parquet, and how wide a table's is.
        lines: classes to show of each input in a table.
        acts: whether something is done with files: CSV and Parquet then have columns for that.

    Raises:
        MissingExtraError: Parquet without pyarrow.
    """
    match kind:
        case Format.TABLE:
            return TableWriter(file, lines, labels)
        case Format.JSON:
            return JSONWriter(file)
        case Format.JSONL:
            return LinesWriter(file, Schema.FIGLEAF)
        case Format.NSFWJS:
            return LinesWriter(file, Schema.NSFWJS)
        case Format.CSV:
            return CSVWriter(file, labels, acts=acts)
        case Format.PARQUET:
            return ParquetWriter(file, labels, acts=acts)


def to_json(record: dict[str, Any]) -> bytes:
    """One JSON object as UTF-8; a path that is not Unicode comes as escaped surrogates."""
    try:
        return json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(record).encode()


class LinesWriter:
    """One JSON object a line."""

    def __init__(self, file: IO[bytes], schema: Schema) -> None:
        self._file = file
        self._schema = schema

    def write(self, acted: Acted) -> None:
        """See Writer."""
        self._file.write(to_json(acted.to_dict(self._schema)) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """See Writer."""


class JSONWriter:
    """One JSON array."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._before = b"[\n"

    def write(self, acted: Acted) -> None:
        """See Writer."""
        self._file.write(self._before + to_json(acted.to_dict()))
        self._before = b",\n"

    def close(self) -> None:
        """See Writer."""
        self._file.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")


_ACTIONS = ("actions", "places")


def _flat(acted: Acted, labels: Sequence[str], *, acts: bool) -> dict[str, Any]:
    """The result without nesting: a column for each class, named as the class.

    Frames of a moving picture and views of a still one are left out; `reason` says which decided.
    What came of actions is text: "copied", "not moved (no longer there)"; and so are the paths.
    """
    record = acted.prediction.to_dict()
    record.pop("frames", None)
    record.pop("views", None)
    scores = record.pop("scores")
    if acts:
        told = "; ".join(map(told_of, acted.outcomes)), "; ".join(places_of(acted.outcomes))
        record |= dict(zip(_ACTIONS, told, strict=True))
    return record | {name: scores.get(name) for name in labels}


class CSVWriter:
    """A header and one row an input, a column for each class."""

    def __init__(self, file: IO[bytes], labels: Sequence[str], *, acts: bool) -> None:
        self._file = file
        self._labels = labels
        self._acts = acts
        self._writer: csv.DictWriter[str] | None = None

    def write(self, acted: Acted) -> None:
        """See Writer."""
        record = _flat(acted, self._labels, acts=self._acts)
        if self._writer is None:
            # The bytes of a path that is not Unicode come out as they were.
            text = Encoded(self._file, "surrogateescape")
            self._writer = csv.DictWriter(text, record.keys())
            self._writer.writeheader()
        self._writer.writerow(record)

    def close(self) -> None:
        """See Writer."""


class ParquetWriter:
    """A Parquet file, a column for each class, written in groups of rows."""

    _GROUP = 10_000

    def __init__(self, file: IO[bytes], labels: Sequence[str], *, acts: bool) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise MissingExtraError("data", "Parquet") from error
        texts = ("input", "status", "label")
        more = ("decision", "reason", "policy", "model", "precision", *(_ACTIONS if acts else ()))
        schema = pyarrow.schema(
            [(name, pyarrow.string()) for name in texts]
            + [("unsafe", pyarrow.float64())]
            + [(name, pyarrow.string()) for name in more]
            + [(name, pyarrow.float64()) for name in labels]
        )
        self._batch = pyarrow.RecordBatch
        self._writer = pyarrow.parquet.ParquetWriter(file, schema)
        self._schema = schema
        self._labels = labels
        self._acts = acts
        self._rows: list[dict[str, Any]] = []

    def write(self, acted: Acted) -> None:
        """See Writer."""
        record = _flat(acted, self._labels, acts=self._acts)
        for name in ("input", *(_ACTIONS[1:] if self._acts else ())):
            record[name] = record[name].encode(errors="backslashreplace").decode()
        self._rows.append(record)
        if len(self._rows) >= self._GROUP:
            self._flush()

    def close(self) -> None:
        """See Writer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_batch(self._batch.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()
