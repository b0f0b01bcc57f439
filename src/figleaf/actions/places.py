"""Where a file goes: a folder by verdict, its place below the folder it was found in, a number."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path, PurePath

from figleaf.classify.prediction import Prediction

FAILED = "failed"
FOLDERS = ("allow", "review", "block", FAILED)
"""What lies below a folder that files are put into."""

_LONGEST = 255
"""Bytes of a name, as most file systems have it."""


def folder_of(prediction: Prediction) -> str | None:
    """Which of `FOLDERS` an input belongs to; None where no policy decided on it."""
    if not prediction.ok:
        return FAILED
    return None if prediction.decision is None else str(prediction.decision)


def below(root: str, path: str) -> PurePath:
    """A path's place below a folder that it was found in.

    Args:
        root: the folder, as it was given.
        path: as walking it gave it.
    """
    return PurePath(os.path.relpath(path, root))


def as_written(path: str) -> PurePath:
    """The place of a path that no folder led to: as it is written, without a root or any `..`.

    As archives do: `in/a.jpg` is `in/a.jpg`, `/home/in/a.jpg` is `home/in/a.jpg`, and what lies
    above the current folder counts from the root.
    """
    found = PurePath(os.path.normpath(path))
    if found.is_absolute() or ".." in found.parts:
        found = PurePath(os.path.abspath(path))  # noqa: PTH100  # links are left as they are
    return found.relative_to(found.anchor)


def candidates(folder: Path, relative: PurePath) -> Iterator[Path]:
    """The names that a file may take, in order: its own, then with -1, -2 and so on."""
    place = folder / relative
    yield place
    for number in count(1):
        yield place.with_name(numbered(place.name, number))


def numbered(name: str, number: int) -> str:
    """A name with a number before its ending; the name gives way where both are too long."""
    stem, ending = os.path.splitext(name)  # noqa: PTH122  # a name of dots has no stem for Path
    return ended(stem, f"-{number}{ending}")


def ended(stem: str, ending: str) -> str:
    """A name with an ending, to which it gives way where both are too long."""
    tail = os.fsencode(ending)[-_LONGEST:]
    start = os.fsencode(stem)[: _LONGEST - len(tail)]
    # A character that was cut in two must not be left half.
    return start.decode("utf-8", "ignore" if _is_text(stem) else "surrogateescape") + os.fsdecode(
        tail
    )


def _is_text(name: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in name)
