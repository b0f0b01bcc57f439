"""Where an export comes from: `figleaf-export.json` beside the images."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.rows import Row
from figleaf.export.files import write
from figleaf.export.names import TAKEN
from figleaf.export.plan import Place
from figleaf.export.report import ExportReport, count_dict, left_out_dict
from figleaf.export.rules import By, ExportRules

FILE_NAME = TAKEN
_FORMAT = 1

_RUN = "SELECT id, command, version, arguments, started, ended, outcome FROM runs"
_LAST = f"{_RUN} ORDER BY id DESC LIMIT 1"
_SPLITS = f"{_RUN} WHERE id IN (SELECT DISTINCT run_id FROM splits) ORDER BY id"


Run = dict[str, Any]
"""A run that the ledger knows, in plain JSON types."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a data set had been through.

    Attributes:
        name: its folder's name, without the folders that it lies in.
        last: the last command that wrote to it.
        splits: those that gave images the parts that they have, by the numbers of their runs.
    """

    name: str
    last: Run | None
    splits: Mapping[int, Run]


def read_origin(folder: Path) -> Origin:
    """Ask a data set's ledger.

    Raises:
        DatasetError: it cannot be read.
    """
    with Ledger(folder) as ledger:
        last = next(iter(_runs(ledger, _LAST).values()), None)
        return Origin(folder.resolve().name, last, _runs(ledger, _SPLITS))


def _runs(ledger: Ledger, query: str) -> dict[int, Run]:
    return {
        number: {
            "command": command,
            "version": version,
            "arguments": json.loads(arguments),
            "started": _time(started),
            "ended": _time(ended) if ended is not None else None,
            "outcome": outcome,
        }
        for number, command, version, arguments, started, ended, outcome in ledger.read(query)
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


class RowsHash:
    """A hash of which images were exported as what, in their order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, row: Row, place: Place) -> None:
        """Take one more image."""
        line = json.dumps([row.sha256, place.part, place.label])
        self._hash.update(f"{line}\n".encode())

    def hexdigest(self) -> str:
        """Of all until now."""
        return self._hash.hexdigest()


def write_provenance(
    folder: Path,
    report: ExportReport,
    rules: ExportRules,
    origin: Origin,
    rows: RowsHash,
    now: float,
) -> None:
    """Write what was exported, from what, by what.

    Args:
        folder: the export's.
        report: what came of it.
        rules: what was asked for.
        origin: where it comes from.
        rows: the hash of its images.
        now: in seconds since 1970.
    """
    splits = origin.splits.values() if report.by is By.FIGLEAF else ()
    value = {
        "format": _FORMAT,
        "figleaf": __version__,
        "exported": _time(now),
        "data_set": origin.name,
        "last_run": origin.last,
        "form": report.form.value,
        "link": rules.how,
        "parts_by": report.by.value,
        "parts": list(dict.fromkeys(count.part for count in report.counts if count.part)),
        "split_runs": list(splits),
        "classes": list(report.classes),
        "images": report.images,
        "rows_sha256": rows.hexdigest(),
        "counts": [count_dict(count) for count in report.counts],
        "left_out": [left_out_dict(one) for one in report.left_out],
        "notes": list(report.notes),
    }
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write(folder / FILE_NAME, text.encode("utf-8", "backslashreplace"))
