"""Tables of images: Parquet, with or without the images' bytes, and CSV."""

import csv
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from figleaf.dataset.rows import Row
from figleaf.errors import InputError
from figleaf.export.columns import COLUMNS, kinds, values
from figleaf.export.files import Placer, read_checked
from figleaf.export.plan import Place, Plan
from figleaf.export.report import Omission
from figleaf.export.rules import Form, Link

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = "data"
"""The name of the table of an export without parts."""

_ROWS = 1_000
_BYTES = 2**24  # of images, in a row group: a few times that much is in memory
_IMAGE_FEATURE = {"info": {"features": {"image": {"_type": "Image"}}}}
"""What `datasets` looks for in a Parquet file's metadata."""


class Tables:
    """`train.csv`, `test.csv` and so on; beside them `images/ab/image.jpg`, where it is linked.

    Without parts it is `data.csv`. The path of an image is relative to the table, or absolute where
    the images stay in the data set.

    Raises:
        InputError: the data set's path cannot stand in a table.
        MissingExtraError: Parquet without pyarrow.
    """

    def __init__(self, folder: Path, plan: Plan, data_set: Path) -> None:
        self._folder = folder
        self._rules = plan.rules
        self._placer = Placer(plan.rules.how)
        self._tables: dict[str | None, _Table] = {}
        if plan.rules.form is Form.PARQUET:
            kinds()  # raises here where pyarrow is missing
        if plan.rules.how is Link.NONE and not plan.rules.embed:
            _check_path(os.path.realpath(data_set))

    def add(self, row: Row, place: Place) -> Omission | None:
        """Write an image's row, and put the image beside it or into it."""
        path = f"images/{row.sha256[:2]}/{row.path.name}"
        columns = values(row, place.part)
        if self._rules.embed:
            data = read_checked(row)
            if isinstance(data, Omission):
                return data
            self._table(place.part).write(columns | {"path": row.path.name}, data)
            return None
        if self._rules.how is Link.NONE:
            path = os.path.realpath(row.path)
        reason = self._placer.place(row, self._folder / path)
        if reason is None:
            self._table(place.part).write(columns | {"path": path}, None)
        return reason

    def _table(self, part: str | None) -> "_Table":
        if part not in self._tables:
            path = self._folder / f"{part or WHOLE}.{self._rules.form}"
            is_text = self._rules.form is Form.CSV
            self._tables[part] = _Csv(path) if is_text else _Parquet(path, self._rules.embed)
        return self._tables[part]

    def close(self) -> None:
        """Write what the tables still hold, and close them."""
        with ExitStack() as stack:
            for table in self._tables.values():
                stack.callback(table.close)

    def drop(self) -> None:
        """Close the tables."""
        with ExitStack() as stack:
            for table in self._tables.values():
                stack.callback(table.drop)


def _check_path(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{path!r}: the data set's path is not UTF-8, and no table can name its images; take"
            " link=copy, or rename the folder"
        ) from None


class _Table(Protocol):
    def write(self, columns: Mapping[str, Any], image: bytes | None) -> None: ...

    def close(self) -> None: ...

    def drop(self) -> None: ...


class _Csv:
    """Origins, of which there may be several, stand as a JSON list."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("x", encoding="utf-8", errors="backslashreplace", newline="")
        self._rows = csv.DictWriter(self._file, ("path", *COLUMNS), lineterminator="\n")
        self._rows.writeheader()

    def write(self, columns: Mapping[str, Any], image: bytes | None) -> None:
        origins = json.dumps(columns["origins"], ensure_ascii=False)
        self._rows.writerow({**columns, "origins": origins})

    def close(self) -> None:
        self._file.close()

    drop = close


class _Parquet:
    """Written a row group at a time: of a thousand rows, or of 16 MiB of images."""

    def __init__(self, path: Path, embed: bool) -> None:
        import pyarrow.parquet as parquet

        self._schema = _schema(embed)
        # Images are neither alike nor compressible.
        self._file = path.open("xb")
        self._writer = parquet.ParquetWriter(
            self._file,
            self._schema,
            use_dictionary=not embed,
            compression="none" if embed else "snappy",
        )
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def write(self, columns: Mapping[str, Any], image: bytes | None) -> None:
        row = dict(columns)
        if image is not None:
            row["image"] = {"bytes": image, "path": columns["path"]}
            self._bytes += len(image)
        self._rows.append(row)
        if len(self._rows) == _ROWS or self._bytes >= _BYTES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._bytes = [], 0

    def close(self) -> None:
        self._flush()
        self._writer.close()
        self._file.close()

    def drop(self) -> None:
        with self._file:
            self._writer.close()


def _schema(embed: bool) -> "pa.Schema":
    import pyarrow as pa

    found = kinds()
    if not embed:
        return pa.schema(list(found.items()))
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    metadata: dict[bytes | str, bytes | str] = {"huggingface": json.dumps(_IMAGE_FEATURE)}
    return pa.schema([("image", image), *found.items()], metadata=metadata)
