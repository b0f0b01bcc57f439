"""What becomes of files after a verdict, as data: what was asked for, and what came of it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Any

from figleaf.classify.prediction import Prediction, Schema


class Kind(StrEnum):
    """What is done with a file, in the order in which it is done where several are asked for."""

    BLUR = "blur"
    COPY = "copy"
    MOVE = "move"

    @property
    def past(self) -> str:
        """The same, once it is done: "moved"."""
        return {"blur": "blurred", "copy": "copied", "move": "moved"}[self]


class Fate(StrEnum):
    """What came of an action on one file."""

    DONE = "done"
    THERE = "there"
    """The same bytes had that name already: nothing was written, and a moved file is gone from
    where it was, unless it is a second name of the very file that has it."""
    GONE = "gone"
    """The file was no longer there."""
    CHANGED = "changed"
    """The file had other bytes than those that were judged; it was left alone."""
    SKIPPED = "skipped"
    """It is nothing that this can be done with; `reason` says why."""
    FAILED = "failed"
    """The system refused; `reason` is its word. The file is where it was."""


@dataclass(frozen=True, slots=True)
class Action:
    """What to do with files.

    Attributes:
        kind: move, copy or blur.
        folder: where to; each file goes below its folder `allow`, `review`, `block` or `failed`.
    """

    kind: Kind
    folder: Path


@dataclass(frozen=True, slots=True)
class Judged:
    """An input after its verdict, as actions need to know it.

    Attributes:
        prediction: the verdict; `input` is the file's path.
        relative: the file's place below the folder that it was found in, which is kept; None for
            what is no file: a URL, standard input, bytes.
        digest: the SHA-256 of the bytes that were judged; None where they were not read whole.
    """

    prediction: Prediction
    relative: PurePath | None
    digest: bytes | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one action on one input.

    Attributes:
        kind: the action.
        fate: what came of it.
        to: the path that the file, its copy or its blurred picture has now; None without one.
        reason: why not, where it was not done; empty otherwise.
    """

    kind: Kind
    fate: Fate
    to: str | None = None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether what was asked for is so now."""
        return self.fate in (Fate.DONE, Fate.THERE)

    def to_dict(self) -> dict[str, Any]:
        """A dictionary of plain JSON types: `to` where it was done, `reason` where it was not."""
        more = {"to": self.to} if self.ok else {"reason": self.reason}
        return {"kind": str(self.kind), "status": str(self.fate), **more}


@dataclass(frozen=True, slots=True)
class Acted:
    """An input, and what came of each action on it; nothing where none was wanted."""

    prediction: Prediction
    outcomes: tuple[Outcome, ...] = ()

    def to_dict(self, schema: Schema | str = Schema.FIGLEAF) -> dict[str, Any]:
        """The prediction's dictionary, with `actions` where there are any.

        Raises:
            InputError: as `Prediction.to_dict`.
        """
        record = self.prediction.to_dict(schema)
        if not self.outcomes:
            return record
        return record | {"actions": [one.to_dict() for one in self.outcomes]}

    @property
    def place(self) -> str:
        """Where the file is now: the path that it was moved to, else that of the input."""
        moved = (one.to for one in self.outcomes if one.kind is Kind.MOVE and one.ok and one.to)
        return next(moved, self.prediction.input)
