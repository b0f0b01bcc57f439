"""What came of an export: what was written, what was left out and why."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from figleaf.export.rules import By, Form

_EXAMPLES = 5


class Omission(StrEnum):
    """Why an image was left out."""

    NO_CLASS = "no_class"
    """It has no class, or its lists disagree."""
    NO_PART = "no_part"
    """It is in no part of a data set that has parts, or its sources disagree."""
    MISSING = "missing"
    """Its file is gone."""
    ALTERED = "altered"
    """Its file holds other bytes than those that were collected."""
    UNREADABLE = "unreadable"
    """Its file is there and cannot be read."""
    CHANGED = "changed"
    """Its class or part came while the export ran."""


@dataclass(frozen=True, slots=True)
class ExportCount:
    """Images of one class in one part.

    Attributes:
        part: "train", "validation" or "test"; None where the export has no parts.
        label: the class; None for none.
        images: how many were exported.
        size: of the images, in bytes.
    """

    part: str | None
    label: str | None
    images: int
    size: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Images that were left out for one reason.

    Attributes:
        reason: why.
        count: how many.
        examples: the SHA-256, in hex, of the first five.
    """

    reason: Omission
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """An export that is complete.

    Attributes:
        out: its folder.
        form: what it is.
        by: whose parts it has; NONE where all images are together.
        classes: in the order that numbers in `.cls` count.
        counts: by part and class.
        left_out: the images that are not in it, by reason.
        files: how many files it has.
        size: of all its files, in bytes, those that are linked included.
        notes: what a user of it should know, a line each.
    """

    out: Path
    form: Form
    by: By
    classes: tuple[str, ...]
    counts: tuple[ExportCount, ...]
    left_out: tuple[LeftOut, ...]
    files: int
    size: int
    notes: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """How many images were exported."""
        return sum(count.images for count in self.counts)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "out": str(self.out),
            "form": self.form.value,
            "by": self.by.value,
            "classes": list(self.classes),
            "counts": [count_dict(count) for count in self.counts],
            "left_out": [left_out_dict(one) for one in self.left_out],
            "files": self.files,
            "bytes": self.size,
            "notes": list(self.notes),
        }


def count_dict(count: ExportCount) -> dict[str, Any]:
    """A count in plain JSON types."""
    size = count.size
    return {"part": count.part, "label": count.label, "images": count.images, "bytes": size}


def left_out_dict(one: LeftOut) -> dict[str, Any]:
    """An omission in plain JSON types."""
    return {"reason": one.reason.value, "count": one.count, "examples": list(one.examples)}


@dataclass(slots=True)
class Tally:
    """Counts what is exported and what is left out, in constant memory."""

    _images: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    _sizes: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    _omissions: Counter[Omission] = field(default_factory=Counter)
    _examples: dict[Omission, list[str]] = field(default_factory=dict)

    def export(self, part: str | None, label: str | None, size: int) -> None:
        """Count an image that is in the export."""
        self._images[part, label] += 1
        self._sizes[part, label] += size

    def omit(self, reason: Omission, sha256: str) -> None:
        """Count one that is not."""
        self._omissions[reason] += 1
        examples = self._examples.setdefault(reason, [])
        if len(examples) < _EXAMPLES:
            examples.append(sha256)

    def counts(self, parts: tuple[str, ...]) -> tuple[ExportCount, ...]:
        """By part in their order, then by class, no class last."""

        def order(key: tuple[str | None, str | None]) -> tuple[int, bool, str]:
            part, label = key
            return parts.index(part) if part else -1, label is None, label or ""

        return tuple(
            ExportCount(*key, self._images[key], self._sizes[key])
            for key in sorted(self._images, key=order)
        )

    def left_out(self) -> tuple[LeftOut, ...]:
        """In the order of the reasons."""
        return tuple(
            LeftOut(reason, self._omissions[reason], tuple(self._examples[reason]))
            for reason in Omission
            if reason in self._omissions
        )
