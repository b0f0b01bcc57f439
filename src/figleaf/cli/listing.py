"""Lists of records, to a file that is replaced whole or to standard output."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING

from figleaf.cli.output import opened
from figleaf.cli.terminal import Encoded, standard_output
from figleaf.cli.writers import to_json
from figleaf.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

STDOUT = Path("-")
_LINES, _TABLE = (".jsonl", ".ndjson"), ".csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that spreadsheets would run."""


def check_list(path: Path | None, *, option: str, as_json: bool = False) -> None:
    """Refuse, before any work is done, a name that `write_list` would refuse after it.

    Args:
        path: the file; None where no list is asked for.
        option: what the command line calls it, for messages.
        as_json: whether standard output is taken, by `--json`.

    Raises:
        InputError: as `write_list`, as far as it can be told by now.
    """
    if path == STDOUT and as_json:
        raise InputError(f"{option} - and --json would both be on standard output; give a file")
    if path is None or path == STDOUT:
        return
    if path.suffix.lower() not in (_TABLE, *_LINES):
        raise InputError(f"{path}: give {option} a name that ends in .csv or .jsonl, or -")
    if path.is_dir():
        raise InputError(f"{path}: a folder; give {option} a file")
    if not path.parent.is_dir():
        raise InputError(f"{path}: no folder {path.parent}; give {option} a file in one that is")


def write_list(
    records: Iterable["DataclassInstance"],
    kind: type["DataclassInstance"],
    path: Path,
    *,
    option: str,
) -> None:
    """Write one record each: CSV or JSON lines, as the name ends; JSON lines to "-".

    In CSV a text that spreadsheets would run, such as "=1+1", is preceded by an apostrophe.

    Args:
        records: of `kind`, a dataclass; its attributes are the columns.
        kind: their class.
        path: the file, or `STDOUT`.
        option: what the command line calls it, for messages.

    Raises:
        InputError: a name with another ending, or that cannot be written to.
    """
    if path == STDOUT:
        with standard_output() as file:
            _write_lines(records, file)
        return
    check_list(path, option=option)
    try:
        with opened(path) as file:
            if path.suffix.lower() == _TABLE:
                _write_table(records, kind, file)
            else:
                _write_lines(records, file)
    except InputError as error:
        raise InputError(str(error).replace("give -o ", f"give {option} ")) from error


def _write_lines(records: Iterable["DataclassInstance"], file: IO[bytes]) -> None:
    for record in records:
        file.write(to_json(asdict(record)) + b"\n")


def _write_table(
    records: Iterable["DataclassInstance"], kind: type["DataclassInstance"], file: IO[bytes]
) -> None:
    columns = [column.name for column in fields(kind)]
    rows = csv.DictWriter(Encoded(file, "backslashreplace"), columns)
    rows.writeheader()
    for record in records:
        rows.writerow({name: _inert(value) for name, value in asdict(record).items()})


def _inert(value: object) -> object:
    """A cell that no spreadsheet runs: URLs and names in lists are what strangers wrote."""
    is_run = isinstance(value, str) and value.startswith(_FORMULA)
    return f"'{value}" if is_run else value
