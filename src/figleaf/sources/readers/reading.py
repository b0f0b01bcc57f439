"""What every source needs: text in bounded memory, and an account of what could not be read."""

import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from itertools import islice
from pathlib import Path
from typing import BinaryIO

MAX_LOCATOR = 8192
"""The longest URL or path that is taken, in characters; servers refuse longer ones."""

MAX_LABEL = 200
"""The longest name of a class, in characters."""

READ_ERRORS = (OSError, EOFError, zlib.error)
"""What reading a file, or what gzip packed, raises."""

_EXAMPLES = 5
_EXAMPLE_LENGTH = 200


class ProblemKind(StrEnum):
    """Why something in a source became no item, in words for people."""

    LONG_LINE = "lines that are too long"
    BAD_ROW = "rows that cannot be read"
    NO_LOCATOR = "rows without a URL or a path"
    BAD_LABEL = "rows or labels of samples that are none: too long, several, or not text"
    OUTSIDE = "paths that leave the folder, not read; --root DIR says where the paths lie"
    """These become items, so that each has its answer; what they name is never touched."""
    BAD_NAME = "names that are not UTF-8, or too long"
    UNNAMED = "pictures that the metadata does not name"
    NO_IMAGE = "samples without a picture"
    TWICE = "members that their sample already has"
    CROWDED = "members beyond the 1,000 that a sample may have"
    DAMAGED = "files whose rest is damaged"
    UNREADABLE = "files or folders that cannot be read"
    LINK = "links or devices, not followed"
    NOT_AN_IMAGE = "files that are no pictures, by name and by content"
    OTHER_FILE = "files of another purpose"

    @property
    def is_loss(self) -> bool:
        """Whether a picture may be lost; False for what nobody would take for one."""
        return self not in (ProblemKind.NOT_AN_IMAGE, ProblemKind.OTHER_FILE)


@dataclass(frozen=True, slots=True)
class Problem:
    """How often one thing went wrong, and where: the first five places."""

    kind: ProblemKind
    count: int
    examples: tuple[str, ...]


@dataclass(slots=True)
class Problems:
    """What a source has that became no item: counts by kind, in constant memory."""

    _counts: dict[ProblemKind, int] = field(default_factory=dict)
    _examples: dict[ProblemKind, list[str]] = field(default_factory=dict)

    def add(self, kind: ProblemKind, where: str, count: int = 1) -> None:
        """Count one more, or `count` more. `where` names the file, the line, the member."""
        self._counts[kind] = self._counts.get(kind, 0) + count
        examples = self._examples.setdefault(kind, [])
        if len(examples) < _EXAMPLES:
            examples.append(plain(where)[:_EXAMPLE_LENGTH])

    def clear(self) -> None:
        """Forget everything: another pass begins."""
        self._counts.clear()
        self._examples.clear()

    def count(self, kind: ProblemKind) -> int:
        """How many of one kind."""
        return self._counts.get(kind, 0)

    @property
    def losses(self) -> int:
        """How many pictures may be lost; what is no picture anyway does not count."""
        return sum(count for kind, count in self._counts.items() if kind.is_loss)

    def items(self) -> Iterator[tuple[ProblemKind, int]]:
        """The kinds that there are, each with its count."""
        return ((problem.kind, problem.count) for problem in self)

    def __iter__(self) -> Iterator[Problem]:
        for kind in ProblemKind:
            if kind in self._counts:
                yield Problem(kind, self._counts[kind], tuple(self._examples[kind]))

    def __len__(self) -> int:
        return len(self._counts)


_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


def plain(text: str) -> str:
    """The text with U+FFFD for lone surrogates, which no database and no file takes."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def is_plain(text: str) -> bool:
    """Whether the text can be written as UTF-8."""
    return text.isascii() or not _SURROGATE.search(text)


def decode(data: bytes) -> str:
    """Text in UTF-8. Other bytes become lone surrogates, as in Python's file names."""
    return data.decode("utf-8", "surrogateescape")


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST = re.compile(r"(?:www\.[^\s/]+|[\w-]+(?:\.[\w-]+)*\.[^\W\d]{2,}(?::\d+)?/)", re.IGNORECASE)


def has_scheme(text: str) -> bool:
    """Whether the text begins as "http://" does, or as "//host" does."""
    return text.startswith("//") or _SCHEME.match(text) is not None


def is_address(text: str) -> bool:
    """Whether the text begins as a URL does, its scheme perhaps left out."""
    return has_scheme(text) or _HOST.match(text) is not None


def as_url(text: str) -> str:
    """The URL that a line means.

    The scheme is put in lower case. Where it is missing, "//host/x" gets https, and "www.host/x" or
    "host.tld/x" http, as in a browser's address bar. Bytes that are not UTF-8 are percent-encoded,
    so that the host gets the bytes of the list. Everything else stays as it is, what is no URL
    included: refusing it is the fetcher's affair.
    """
    if not text.isascii():
        text = _ESCAPED_BYTE.sub(lambda found: f"%{ord(found[0]) - 0xDC00:02X}", text)
        text = plain(text)
    if text.startswith(("http://", "https://")):
        return text
    if scheme := _SCHEME.match(text):
        return scheme[1].lower() + text[scheme.end(1) :]
    if text.startswith("//"):
        return "https:" + text
    return "http://" + text if _HOST.match(text) else text


def leaves_folder(path: str) -> bool:
    """Whether an absolute path goes up, as the locators do of rows that leave their table's folder,
    and no others."""
    return "/../" in f"{path}/"


_PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


def split_name(text: str) -> str | None:
    """ "train", "validation" or "test" for any usual name of it, in any case; None for another."""
    return _PARTS.get(text.strip().casefold())


def open_bytes(path: str | Path) -> BinaryIO:
    """A regular file, unpacked where gzip packed it.

    Raises:
        OSError: it cannot be opened, or is a pipe, a device or a folder.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  # opening a pipe would wait
        raise OSError("not a regular file")
    file = Path(path).open("rb")  # noqa: SIM115  # the caller closes it
    packed = file.peek(2)[:2] == b"\x1f\x8b"
    return _Unpacked(file) if packed else file  # type: ignore[return-value]  # readable, seekable


class _Unpacked(gzip.GzipFile):
    """What gzip packed; closes the file that it reads as well."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._packed = file

    def close(self) -> None:
        """Close both."""
        super().close()
        self._packed.close()


_BOM = b"\xef\xbb\xbf"


def lines(
    path: str | Path, limit: int, problems: Problems, name: str
) -> Iterator[tuple[int, bytes]]:
    """The lines of a text file, each with its number from 1 and its line end.

    Memory is one line. A byte order mark is left out. What cannot be read is counted under `name`:
    a line over `limit` bytes, and the rest of a file that is damaged.
    """
    number = 0
    try:
        with open_bytes(path) as file:
            while line := file.readline(limit + 1):
                number += 1
                if len(line) > limit and not line.endswith(b"\n"):
                    problems.add(ProblemKind.LONG_LINE, f"{name} line {number}")
                    _skip_line(file)
                    continue
                yield number, line.removeprefix(_BOM) if number == 1 else line
    except READ_ERRORS as error:
        count_failure(problems, f"{name} line {number + 1}" if number else name, error)


def count_failure(problems: Problems, where: str, error: Exception) -> None:
    """Count what reading raised: UNREADABLE where the system says so, DAMAGED else."""
    system = isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile)
    kind = ProblemKind.UNREADABLE if system else ProblemKind.DAMAGED
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    problems.add(kind, f"{where}: {text}")


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(2**16)) and not rest.endswith(b"\n"):
        pass


def files(
    root: str | Path, problems: Problems, skipped: frozenset[str] = frozenset()
) -> Iterator[str]:
    """The regular files of a folder, relative to it, sorted by name within each folder.

    Hidden files and folders are left out. Links to files are followed, links to folders are counted
    as problems, as is what cannot be listed or is no file. Folders of the root that are `skipped`
    are not entered. Memory is the names of one folder a level.
    """
    pending = [_named(root, "", problems)]
    while pending:  # not by recursion: folders may be nested deeper than Python's stack
        name, kind = next(pending[-1], ("", _Entry.END))
        if kind is _Entry.END:
            pending.pop()
        elif kind is _Entry.FILE:
            yield name
        elif kind is _Entry.LINK:
            problems.add(ProblemKind.LINK, name)
        elif kind is _Entry.OTHER:
            problems.add(ProblemKind.UNREADABLE, f"{name}: not a regular file")
        elif name not in skipped:
            pending.append(_named(root, name, problems))


def subfolders(root: str | Path) -> list[str]:
    """The names of the folders in a folder, sorted, without hidden ones and links."""
    return sorted(name for name, kind in _listed(root) if kind is _Entry.FOLDER)


def some_files(folder: str | Path, limit: int) -> list[str]:
    """The names of at most so many files in a folder, in no order, without hidden ones."""
    return list(islice((name for name, kind in _listed(folder) if kind is _Entry.FILE), limit))


def is_file(path: str | Path) -> bool:
    """Whether there is a file; False too where its folder may not be entered: Path's raises."""
    return os.path.isfile(path)  # noqa: PTH113


class _Entry(Enum):
    """What is found in a folder."""

    FILE = 0
    FOLDER = 1
    LINK = 2
    """To a folder."""
    OTHER = 3
    END = 4


def _named(root: str | Path, folder: str, problems: Problems) -> Iterator[tuple[str, _Entry]]:
    """The entries of a folder below the root by name. Files are held as nothing but names."""
    names: list[str] = []
    kinds: dict[str, _Entry] = {}
    try:
        for name, kind in _scanned(os.path.join(root, folder)):  # noqa: PTH118  # hot
            names.append(name)
            if kind is not _Entry.FILE:
                kinds[name] = kind
    except OSError as error:
        count_failure(problems, folder or os.fspath(root), error)
    names.sort()
    prefix = f"{folder}/" if folder else ""
    return ((prefix + name, kinds.get(name, _Entry.FILE)) for name in names)


def _listed(folder: str | Path) -> Iterator[tuple[str, _Entry]]:
    """As `_scanned`, but nothing of a folder that cannot be listed."""
    with suppress(OSError):
        yield from _scanned(folder)


def _scanned(folder: str | Path) -> Iterator[tuple[str, _Entry]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry.name, _kind_of(entry)


def _kind_of(entry: os.DirEntry[str]) -> _Entry:
    try:
        if entry.is_dir():
            return _Entry.LINK if entry.is_symlink() else _Entry.FOLDER
        return _Entry.FILE if entry.is_file() else _Entry.OTHER
    except OSError:  # a link to itself, or through a folder that may not be entered
        return _Entry.OTHER
