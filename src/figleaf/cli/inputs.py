"""What stands on the command line, as inputs: files, folders, patterns, lists, standard input."""

import glob
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from figleaf.classify.source import Source, walk
from figleaf.errors import InputError

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs that a command was given, expanded only as they are taken.

    paths: files, folders, glob patterns, or "-" for a picture on standard input.
    lists: files with one path a line, or "-" for such lines on standard input.
    """

    paths: tuple[str, ...]
    lists: tuple[str, ...] = ()
    recursive: bool = False

    def __post_init__(self) -> None:
        if not self.paths and not self.lists:
            raise InputError("nothing to classify: give files or folders, or --list FILE")
        if [*self.paths, *self.lists].count(STDIN) > 1:
            raise InputError("standard input can be read only once: give '-' once")

    def __iter__(self) -> Iterator[Source]:
        """Every input, in the order of the command line, lists last."""
        for path in self.paths:
            if path == STDIN:
                yield sys.stdin.buffer
            else:
                yield from self._expand(path)
        for name in self.lists:
            yield from _listed(name)

    @property
    def is_one_picture(self) -> bool:
        """Whether this is a single file, or standard input."""
        if self.lists or len(self.paths) != 1:
            return False
        return self.paths[0] == STDIN or os.path.isfile(self.paths[0])  # noqa: PTH113  # as below

    def count(self) -> int | None:
        """How many inputs there will be; None if standard input or a pipe has to tell."""
        if STDIN in self.lists or not all(Path(name).is_file() for name in self.lists):
            return None
        return sum(1 for _ in self)

    def _expand(self, path: str) -> Iterator[str]:
        if os.path.isdir(path):  # noqa: PTH112  # a path may be any str, a NUL byte included
            yield from walk(path, recursive=self.recursive)
        elif glob.has_magic(path) and not os.path.lexists(path):
            yield from _matches(path)
        else:
            yield path


def _matches(pattern: str) -> Iterator[str]:
    found = sorted(path for path in glob.iglob(pattern, recursive=True) if not os.path.isdir(path))  # noqa: PTH207, PTH112  # patterns may be absolute, which Path.glob refuses
    if not found:
        raise InputError(f"no file matches {pattern!r}")
    yield from found


def _listed(name: str) -> Iterator[str]:
    if name == STDIN:
        yield from _lines(sys.stdin.buffer)
        return
    try:
        with open(name, "rb") as file:  # noqa: PTH123
            yield from _lines(file)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}; --list takes a file of paths") from error


def _lines(file: BinaryIO) -> Iterator[str]:
    for line in file:
        if path := line.rstrip(b"\r\n"):
            yield os.fsdecode(path)
