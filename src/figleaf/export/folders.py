"""ImageFolder, and the same with Hugging Face's metadata files."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from figleaf.dataset.rows import Row
from figleaf.export.columns import values
from figleaf.export.files import Placer
from figleaf.export.names import NONE
from figleaf.export.plan import NUMBERS, Place, Plan
from figleaf.export.report import Omission

_TEXTS = ("label", "split", "pdq", "part", "representative", "parent")


class ImageFolder:
    """`[part/]class/image.jpg`."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder = folder
        self._placer = Placer(plan.rules.how)

    def add(self, row: Row, place: Place) -> Omission | None:
        """Put an image into its class's folder."""
        folder = self._folder / (place.part or "") / (place.label or NONE)
        return self._placer.place(row, folder / row.path.name)

    def close(self) -> None:
        """Nothing is open."""

    def drop(self) -> None:
        """Nothing is open."""


class HuggingFace:
    """`[part/]metadata.jsonl` and `[part/]images/ab/image.jpg`.

    The images' folders say nothing: `datasets` looks for splits in names of folders, and takes a
    class "dev" for one.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder = folder
        self._placer = Placer(plan.rules.how)
        self._lacking = plan.lacking
        self._files: dict[str | None, IO[str]] = {}
        self._stack = ExitStack()

    def add(self, row: Row, place: Place) -> Omission | None:
        """Put an image into its part, and a line into the part's metadata."""
        name = f"images/{row.sha256[:2]}/{row.path.name}"
        folder = self._folder / (place.part or "")
        if (reason := self._placer.place(row, folder / name)) is not None:
            return reason
        line = {"file_name": name} | _typed(values(row, place.part), self._lacking)
        self._file(place.part).write(json.dumps(line) + "\n")
        return None

    def _file(self, part: str | None) -> IO[str]:
        if part not in self._files:
            path = self._folder / (part or "") / "metadata.jsonl"
            self._files[part] = self._stack.enter_context(path.open("x", encoding="ascii"))
        return self._files[part]

    def close(self) -> None:
        """Close the metadata."""
        self._stack.close()

    drop = close


def _typed(columns: Mapping[str, Any], lacking: frozenset[str]) -> dict[str, Any]:
    """The columns without a null: `datasets` guesses types from the first rows of each part, and
    refuses parts that differ. Where there is no text it is empty, and numbers that some image of
    the export lacks are left out of all."""
    return {
        name: "" if value is None and name in _TEXTS else value
        for name, value in columns.items()
        if name not in NUMBERS or name not in lacking
    }
