"""WebDataset shards, laid out as img2dataset does it.

For each shard `00000.tar` there are `00000.parquet`, the same rows as a table, and
`00000_stats.json`. A sample is `000000000.jpg`, `.json` and `.cls`: the number of its class, which
is what webdataset's own decoder makes of it, counted from 0 in `classes.txt` beside the shards.
Keys are img2dataset's: the shard's number, then the sample's within it.
"""

import io
import json
import math
import tarfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figleaf.dataset.rows import Row
from figleaf.export.columns import COLUMNS, kinds, values
from figleaf.export.files import read_checked, write
from figleaf.export.plan import Place, Plan
from figleaf.export.report import Omission

if TYPE_CHECKING:
    import pyarrow as pa

CLASSES = "classes.txt"

_SHARD_DIGITS = 5
_ROWS = 1_000
_WEB = ("http://", "https://")
_OURS = ("width", "height", "sha256", "label")
"""Columns that stand among img2dataset's."""


class WebDataset:
    """`[part/]00000.tar` and what belongs to it.

    Args:
        folder: where to.
        plan: what will come.
        clock: gives the time in seconds since 1970, for the statistics.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(self, folder: Path, plan: Plan, clock: Callable[[], float]) -> None:
        self._most = plan.rules.images_per_shard
        self._clock = clock
        self._numbers = {label: number for number, label in enumerate(plan.classes)}
        self._schema = _schema()
        self._shards: dict[str | None, _Shard] = {}
        self._folders = {part: folder / (part or "") for part in plan.parts}
        listed = "".join(f"{label}\n" for label in plan.classes).encode()
        for one in self._folders.values():
            one.mkdir(exist_ok=True)
            write(one / CLASSES, listed)

    def add(self, row: Row, place: Place) -> Omission | None:
        """Write a sample into the open shard of its part."""
        data = read_checked(row)
        if isinstance(data, Omission):
            return data
        number = None if place.label is None else self._numbers[place.label]
        self._shard(place.part).add(row, place, number, data)
        return None

    def _shard(self, part: str | None) -> "_Shard":
        shard = self._shards.get(part)
        if shard is None or shard.count == self._most:
            number = 0
            if shard is not None:
                shard.close()
                number = shard.number + 1
            shard = _Shard(self._folders[part], number, self._most, self._schema, self._clock)
            self._shards[part] = shard
        return shard

    def close(self) -> None:
        """Close the last shard of each part."""
        with ExitStack() as stack:
            for shard in self._shards.values():
                stack.callback(shard.close)

    def drop(self) -> None:
        """Close their files."""
        with ExitStack() as stack:
            for shard in self._shards.values():
                stack.callback(shard.drop)


class _Shard:
    """One tar file, its table and its statistics."""

    def __init__(
        self,
        folder: Path,
        number: int,
        most: int,
        schema: "pa.Schema",
        clock: Callable[[], float],
    ) -> None:
        import pyarrow.parquet as parquet

        self.number = number
        self.count = 0
        self._path = folder / f"{number:0{_SHARD_DIGITS}}"
        self._digits = math.ceil(math.log10(most))
        self._clock = clock
        self._start = clock()
        self._schema = schema
        self._rows: list[dict[str, Any]] = []
        self._tar = tarfile.open(f"{self._path}.tar", "x", format=tarfile.USTAR_FORMAT)  # noqa: SIM115  # closed by close or drop
        self._file = Path(f"{self._path}.parquet").open("xb")  # noqa: SIM115  # likewise
        self._table = parquet.ParquetWriter(self._file, schema)

    def add(self, row: Row, place: Place, number: int | None, data: bytes) -> None:
        """Write a sample: image, class and description."""
        index = self.number * 10**self._digits + self.count
        key = f"{index:0{_SHARD_DIGITS + self._digits}}"
        described = _described(row, place, key)
        self._member(f"{key}.{row.path.suffix[1:]}", data)
        if number is not None:
            self._member(f"{key}.cls", str(number).encode())
        self._member(f"{key}.json", json.dumps(described, indent=4).encode())
        self._rows.append(described)
        self.count += 1
        if len(self._rows) == _ROWS:
            self._flush()

    def _member(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)  # of time 0 and owner 0: the same bytes each time
        info.size, info.mode = len(data), 0o644
        self._tar.addfile(info, io.BytesIO(data))
        self._tar.members.clear()  # type: ignore[attr-defined]  # they would pile up

    def _flush(self) -> None:
        import pyarrow as pa

        self._table.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []

    def close(self) -> None:
        """Write what is left, and the statistics."""
        self._flush()
        self._table.close()
        self._file.close()
        self._tar.close()
        write(Path(f"{self._path}_stats.json"), json.dumps(self._stats(), indent=4).encode())

    def drop(self) -> None:
        """Close the files; they are not wanted any more."""
        if self._tar.fileobj is not None:
            self._tar.fileobj.close()  # not the archive, which would write its end
        with self._file:
            self._table.close()

    def _stats(self) -> dict[str, Any]:
        end = self._clock()
        return {
            "count": self.count,
            "successes": self.count,
            "failed_to_download": 0,
            "failed_to_resize": 0,
            "duration": end - self._start,
            "start_time": self._start,
            "end_time": end,
            "status_dict": {"success": self.count},
        }


def _described(row: Row, place: Place, key: str) -> dict[str, Any]:
    """What img2dataset says of an image, and then the other columns."""
    columns = values(row, place.part)
    found = {
        "url": next((origin for origin in row.origins if origin.startswith(_WEB)), None),
        "label": row.label,
        "key": key,
        "status": "success",
        "error_message": None,
        "width": row.width,
        "height": row.height,
        "original_width": row.width,
        "original_height": row.height,
        "sha256": row.sha256,
    }
    return found | {name: columns[name] for name in COLUMNS if name not in found}


def _schema() -> "pa.Schema":
    ours = kinds()
    import pyarrow as pa  # not above, where its absence would not say which extra is missing

    text, number = pa.string(), pa.int32()
    theirs: dict[str, pa.DataType] = {
        "url": text,
        "label": text,
        "key": text,
        "status": text,
        "error_message": text,
        "width": number,
        "height": number,
        "original_width": number,
        "original_height": number,
        "sha256": text,
    }
    return pa.schema(list((theirs | {name: ours[name] for name in COLUMNS}).items()))
