"""What stands on the command line, as inputs: files, folders, patterns, lists, URLs, stdin."""

import glob
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from figleaf.actions.judging import Found
from figleaf.actions.places import as_written, below
from figleaf.classify.source import Source, walk
from figleaf.cli.own import Own
from figleaf.cli.patterns import fixed_part, matches
from figleaf.errors import InputError

STDIN = "-"


def is_url(text: str) -> bool:
    """Whether an input is a URL that is fetched, and no path."""
    return text.lower().startswith(("http://", "https://"))


class Piped(io.BytesIO):
    """What standard input held, named as results call it."""

    name = "<stdin>"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs that a command was given, expanded only as they are taken.

    paths: files, folders, glob patterns, "-" for a picture on standard input, or URLs.
    lists: files with one path a line, or "-" for such lines on standard input.
    max_bytes: what a picture on standard input may have; no more than one byte above is read.
    fetch: makes an input of a URL; None where URLs are taken for paths.
    own: what the command itself writes, which is no input.
    may_be_none: whether there may be no inputs at all.
    """

    paths: tuple[str, ...]
    lists: tuple[str, ...]
    recursive: bool
    max_bytes: int
    fetch: Callable[[str], Source] | None = None
    own: Own = Own()  # noqa: RUF009  # frozen
    may_be_none: bool = False

    def __post_init__(self) -> None:
        if not self.paths and not self.lists and not self.may_be_none:
            raise InputError("nothing to classify: give files or folders, or --list FILE")
        if [*self.paths, *self.lists].count(STDIN) > 1:
            raise InputError("standard input can be read only once: give '-' once")

    def __iter__(self) -> Iterator[Source]:
        """Every input, in the order of the command line, lists last."""
        return (one.source for one in self.found())

    def found(self) -> Iterator[Found]:
        """The same, each file with its place below the folder that led to it."""
        for path in self.paths:
            if path == STDIN:
                # Here and not in a thread of the classifier's, which Ctrl-C could not wake.
                yield Found(Piped(_read(_standard_input(), self.max_bytes + 1)))
            elif self.fetch is not None and is_url(path):
                yield Found(self.fetch(path))
            else:
                place = _placing(path)
                yield from (Found(one, place(one)) for one in self._expand(path))
        for name in self.lists:
            yield from (Found(one, as_written(one)) for one in self._listed(name))

    def check(self) -> None:
        """Find what is wrong with any of the inputs as a whole before the first is taken.

        Raises:
            InputError: a pattern without a match, a folder or list that cannot be read, a folder
                that the command itself writes into, standard input that is closed.
        """
        if STDIN in (*self.paths, *self.lists):
            _read(_standard_input(), 0)
        for path in self.paths:
            if self._is_one(path):
                continue
            if _is_folder(path):
                self.own.refuse(path)
                next(walk(path, recursive=False), None)
            elif _is_pattern(path):
                self.own.refuse(fixed_part(path) or os.curdir)
                next(matches(path))
        for name in self.lists:
            if name != STDIN:
                _check_list(name)

    @property
    def is_one_picture(self) -> bool:
        """Whether this is a single file, standard input or a URL."""
        if self.lists or len(self.paths) != 1:
            return False
        return self._is_one(self.paths[0]) or os.path.isfile(self.paths[0])  # noqa: PTH113  # as below

    def count(self) -> int | None:
        """How many inputs there will be; None if standard input or a pipe has to tell."""
        if not all(name != STDIN and os.path.isfile(name) for name in self.lists):  # noqa: PTH113  # as below
            return None
        paths = (sum(1 for _ in self._expand(path)) for path in self.paths)
        return sum(paths) + sum(1 for name in self.lists for _ in self._listed(name))

    def _is_one(self, path: str) -> bool:
        return path == STDIN or (self.fetch is not None and is_url(path))

    def _expand(self, path: str) -> Iterator[str]:
        if self._is_one(path):
            yield path
        elif _is_folder(path):
            yield from self.own.left_out(walk(path, recursive=self.recursive))
        elif _is_pattern(path):
            yield from self.own.left_out(matches(path))
        else:
            yield from self.own.for_named.left_out([path])

    def _listed(self, name: str) -> Iterator[str]:
        return self.own.for_listed.left_out(_listed(name))


def _placing(path: str) -> Callable[[str], PurePath]:
    """How the files that an argument stands for are placed: below the folder that it names.

    Of a pattern that is the one before its first wildcard, of a file the one that it is in.
    """
    if _is_folder(path):
        return lambda found: below(path, found)
    if _is_pattern(path):
        start = fixed_part(path) or os.curdir
        return lambda found: below(start, found)
    return lambda found: PurePath(PurePath(found).name)


def _is_folder(path: str) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  # a path may be any str, a NUL byte included


def _is_pattern(path: str) -> bool:
    """Whether it has wildcards; not, where there is a file that is called so."""
    return glob.has_magic(path) and not os.path.lexists(path)


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise InputError("standard input is closed: '-' needs something to read there")
    return sys.stdin.buffer


def _read(file: BinaryIO, count: int) -> bytes:
    """Up to `count` bytes; of 0, whether it can be read at all."""
    try:
        # A buffered file would not even try to read 0 bytes.
        return file.read(count) if count else getattr(file, "raw", file).read(0)
    except OSError as error:
        raise InputError(
            f"standard input: {error.strerror or error}; '-' needs something to read there"
        ) from error


def _check_list(name: str) -> None:
    try:
        kind = stat.S_IFMT(os.stat(name).st_mode)  # noqa: PTH116  # as above
        # Of a pipe or a terminal, what is taken now would be missing later.
        if kind in (stat.S_IFREG, stat.S_IFDIR):
            with open(name, "rb") as file:  # noqa: PTH123  # as above
                file.read(1)
    except (OSError, ValueError) as error:
        raise _bad_list(name, error) from error


def _listed(name: str) -> Iterator[str]:
    if name == STDIN:
        yield from _lines(_standard_input())
        return
    try:
        with open(name, "rb") as file:  # noqa: PTH123  # as above
            yield from _lines(file)
    except OSError as error:
        raise _bad_list(name, error) from error


def _bad_list(name: str, error: OSError | ValueError) -> InputError:
    reason = getattr(error, "strerror", None) or error
    return InputError(f"{name}: {reason}; --list takes a file of paths")


def _lines(file: BinaryIO) -> Iterator[str]:
    for line in file:
        if path := line.rstrip(b"\r\n"):
            yield os.fsdecode(path)
