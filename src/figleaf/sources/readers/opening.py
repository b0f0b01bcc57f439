"""Opening whatever a user names as a source of images, and telling what it is."""

import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from itertools import chain, islice
from pathlib import Path

from figleaf.dataset.records import MEMBER_SEPARATOR, Item
from figleaf.errors import SourceError
from figleaf.sources.readers import folders, shards, tables, urllists
from figleaf.sources.readers.archives import is_tar
from figleaf.sources.readers.columns import Columns
from figleaf.sources.readers.reading import (
    READ_ERRORS,
    ProblemKind,
    Problems,
    decode,
    is_address,
    is_file,
    is_plain,
    open_bytes,
    plain,
    some_files,
    subfolders,
)
from figleaf.sources.readers.shards import Labelling
from figleaf.sources.readers.tables import Place, TableFormat

__all__ = ["Columns", "Source", "SourceKind", "open_source"]

LEDGER = "figleaf.db"
"""The file that makes a folder a figleaf data set."""

UNDERSTOOD = (
    "a checkout of URL lists (raw_data/<class>/urls_<class>.txt or "
    "raw_data/<category>/<source>/urls.txt); a list with one URL a line; a CSV, TSV, JSON Lines or "
    "Parquet table with a column of URLs or paths; a folder of pictures (label/x.jpg, "
    "split/label/x.jpg, metadata.csv); tar shards (a folder of them, or data-{000..009}.tar); a "
    "figleaf data set"
)

ANY_COLUMNS = Columns()
"""Columns by their usual names."""

_HEAD_BYTES = 2**16
_PIECE = 2**10
_SCANNED = 10_000
_SHOWN = 3  # tables that a message names
_TABLE = re.compile(r".+\.(?:parquet|(?:csv|tsv|jsonl|ndjson)(?:\.gz)?)", re.IGNORECASE)
_LABELLED = re.compile(r"([^\W_][\w-]{0,63})=(.+)", re.DOTALL)


class SourceKind(StrEnum):
    """What a source is, in words for people."""

    URL_LISTS = "url lists"
    URL_LIST = "url list"
    TABLE = "table"
    FOLDER = "folder"
    SHARDS = "shards"
    DATA_SET = "data set"


Read = Callable[[Problems], Iterator[Item]]
"""A pass over a source that counts what becomes no item."""


@dataclass(frozen=True, slots=True)
class Source:
    """Something that names images.

    ::

        source = open_source("porn=lists/mine.txt")
        for item in source.items():
            ...
        for problem in source.problems:
            print(problem.kind, problem.count, problem.examples)

    Attributes:
        name: what it is called, without the folders that it lies in.
        kind: what it was taken for.
        path: where it lies; of shards named by a pattern, the first one.
        label: the class of everything in it, where the user said so.
        problems: what the last pass of `items` met that became no item; empty before the first.
    """

    name: str
    kind: SourceKind
    path: Path
    label: str | None
    read: Read = field(repr=False)
    problems: Problems = field(default_factory=Problems)

    def items(self) -> Iterator[Item]:
        """One pass over everything that the source names, in constant memory. It can be repeated,
        and gives the same items in the same order as long as the files are the same.

        Raises:
            SourceError: the source changed, and cannot be read any more.
        """
        self.problems.clear()
        stream = self.read(self.problems)
        if self.label is None:
            return stream
        return (self._labelled(item, self.label) for item in stream)

    @staticmethod
    def _labelled(item: Item, label: str) -> Item:
        """The item under another class; what the source itself has it under is still looked at."""
        own = tuple(filter(None, (item.category, item.label)))
        return replace(item, label=label, category=None, also=(*item.also, *own))


def open_source(
    spec: str | Path, columns: Columns = ANY_COLUMNS, *, root: str | Path | None = None
) -> Source:
    """Open a source, and tell by its content and its shape what it is.

    Args:
        spec: a path; a pattern of shards such as "data-{000..009}.tar"; or, as text, "LABEL=PATH"
            for a path and the class of everything in it. A path that exists goes before the other
            readings.
        columns: which columns of a table, or keys of the JSON in shards, hold what.
        root: the folder that the paths in a table are relative to and must lie in; by default the
            table's own. Of the metadata in a folder of pictures it is always that folder.

    Raises:
        SourceError: there is nothing there, or it is nothing that is understood; the message says
            what is. Or all paths of a table leave the folder, or the root is none.
        MissingExtraError: a Parquet table without pyarrow.
    """
    label, path = _parse(spec)
    path = path.parent if path.name == LEDGER else path
    name = plain(path.name)
    if not _exists(path):
        kind, read = _open_pattern(path, name, columns)
    elif path.is_dir():
        kind, read = _open_folder(path, name, columns)
    else:
        kind, read = _open_file(path, name, columns, root)
    return Source(name, kind, path, label, read)


def _parse(spec: str | Path) -> tuple[str | None, Path]:
    """The label and the path, made absolute."""
    if isinstance(spec, str) and not _exists(Path(spec)) and (found := _LABELLED.fullmatch(spec)):
        return found[1], _absolute(Path(found[2]))
    return None, _absolute(Path(spec))


def _absolute(path: Path) -> Path:
    """The same path from the root; links stay, unless ".." is to be taken out."""
    return path.resolve() if ".." in path.parts else path.absolute()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, a NUL byte
        return False


def _open_pattern(path: Path, name: str, columns: Columns) -> tuple[SourceKind, Read]:
    if "://" in str(path) or ":/" in str(path):
        raise SourceError(f"{name}: lists are not fetched; download it and give the file")
    found = [Path(text) for text in shards.expand(str(path))] if "{" in str(path) else []
    if not found:
        raise _absent(path)
    for shard in found:
        if not is_file(shard):
            raise SourceError(f"no shard {shard}, one of {len(found):,} that {name} stands for")
    return _open_shards(found, name, columns)


def _absent(path: Path) -> SourceError:
    try:
        path.stat()
    except PermissionError as error:
        return SourceError(f"{path}: {error.strerror}; a folder above it may not be entered")
    except (OSError, ValueError):
        pass
    return SourceError(f"no file or folder {path}; a source is {UNDERSTOOD}")


def _open_shards(paths: list[Path], name: str, columns: Columns) -> tuple[SourceKind, Read]:
    for path in paths:
        if MEMBER_SEPARATOR in str(path) or not is_plain(str(path)):
            raise SourceError(
                f"{plain(str(path))}: a shard's path must be UTF-8 without {MEMBER_SEPARATOR!r}"
            )
    labelling = Labelling(columns.label)
    return SourceKind.SHARDS, partial(shards.files_items, paths, name, labelling)


def _open_folder(path: Path, name: str, columns: Columns) -> tuple[SourceKind, Read]:
    _check_listing(path)
    if is_file(path / LEDGER):
        return SourceKind.DATA_SET, partial(_dataset_items, path)
    lists = urllists.lists_folder(path)
    if lists is not None:
        return SourceKind.URL_LISTS, partial(urllists.checkout_items, lists, name)
    if not is_plain(str(path)):
        raise SourceError(f"{plain(str(path))}: a path that is not UTF-8; rename it")
    labelling = Labelling(columns.label)
    if _has(path, shards.is_shard):
        _open_shards([path], name, columns)  # checks the path
        if _has(path, folders.is_picture_name):
            raise SourceError(f"{path}: both shards and pictures lie there; put them apart")
        return SourceKind.SHARDS, partial(shards.folder_items, path, name, labelling)
    if folders.is_img2dataset(path):
        return SourceKind.FOLDER, partial(folders.img2dataset_items, path, name, labelling)
    _check_folder(path, columns)
    return SourceKind.FOLDER, partial(folders.folder_items, path, name, columns)


def _check_listing(path: Path) -> None:
    """Raise SourceError where a folder may not be listed or not be entered."""
    try:
        with os.scandir(path) as entries:
            next(entries, None)
        os.stat(f"{path}/.")  # noqa: PTH116  # Path takes the dot out
    except OSError as error:
        text = error.strerror or str(error)
        raise SourceError(f"{path}: the folder cannot be read ({text})") from error


def _check_folder(path: Path, columns: Columns) -> None:
    """Raise SourceError where a folder has no picture, or metadata that cannot be used."""
    for unit in folders.units(path):
        if unit.metadata is not None:
            table = folders.open_metadata(path / unit.folder / unit.metadata, columns)
            tables.check_paths(table, Place(path.name, path / unit.folder))
            return
    problems = Problems()
    if next(folders.folder_items(path, path.name, columns, problems), None) is None:
        _check_tables(path)
        unread = [problem for problem in problems if problem.kind is ProblemKind.UNREADABLE]
        texts = "".join(f" ({one.kind}: {', '.join(one.examples)})" for one in unread)
        raise SourceError(f"{path}: no picture in this folder{texts}; a source is {UNDERSTOOD}")


def _check_tables(path: Path) -> None:
    """Raise SourceError where a folder without pictures has tables, and say how to name them."""
    names = sorted(
        name for name in some_files(path, _SCANNED) if is_plain(name) and _TABLE.fullmatch(name)
    )
    if not names:
        return
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    first = shlex.quote(str(path / names[0]))
    more = " ..." if len(names) > 1 else ""
    raise SourceError(
        f"{path}: no picture in this folder, but tables ({shown}): name them, and the folder that"
        f" their paths are relative to: figleaf collect {first}{more} --root DATA_SET"
    )


def _has(path: Path, wanted: Callable[[str], bool]) -> bool:
    """Whether a file of such a name lies in the folder or in one of its folders."""
    inner = islice(subfolders(path), _SCANNED)
    below = (path / name for name in inner)
    folders_there = chain([path], below)
    return any(wanted(name) for folder in folders_there for name in some_files(folder, _SCANNED))


def _dataset_items(path: Path, problems: Problems) -> Iterator[Item]:
    from figleaf.dataset.source import dataset_items

    return dataset_items(path)


def _open_file(
    path: Path, name: str, columns: Columns, root: str | Path | None
) -> tuple[SourceKind, Read]:
    head = _head(path)
    if is_tar(path):
        return _open_shards([path], name, columns)
    form = _table_format(path, head, columns)
    if form is not None:
        table = tables.open_table(path, form, columns)
        place = Place(name, _root(root) if root is not None else path.parent)
        tables.check_paths(table, place)
        return SourceKind.TABLE, partial(tables.table_items, table, place)
    if _is_list(path, head):
        category = plain(urllists.category_of(path))
        return SourceKind.URL_LIST, partial(urllists.list_items, path, name, category)
    if folders.is_picture(head):
        raise SourceError(f"{path}: a picture or a video; give its folder, or LABEL=FOLDER")
    raise SourceError(f"{path}: cannot tell what this is{_hint(head)}; a source is {UNDERSTOOD}")


def _root(root: str | Path) -> Path:
    """The folder that the user says the paths of a table lie in, absolute."""
    if not Path(root).is_dir():
        raise SourceError(f"{root}: no such folder, which the paths of tables are to lie in (root)")
    return _absolute(Path(root))


def _head(path: Path) -> bytes:
    """The beginning of a file; as much of it as is not damaged.

    Raises:
        SourceError: there is nothing that can be read.
    """
    head = b""
    try:
        with open_bytes(path) as file:
            while len(head) < _HEAD_BYTES and (part := file.read(_PIECE)):
                head += part
    except READ_ERRORS as error:
        if not head:
            text = getattr(error, "strerror", None) or str(error)
            raise SourceError(f"{path}: {text}") from error
    return head


def _is_text(head: bytes) -> bool:
    return b"\0" not in head.partition(b"\n")[0]


def _significant(head: bytes) -> list[str]:
    """The lines of a file's beginning that are neither blank nor comments; the last may be cut."""
    found = (decode(line).strip("\ufeff \t\r\n") for line in head.split(b"\n"))
    return [line for line in found if line and not line.startswith("#")]


def _table_format(path: Path, head: bytes, columns: Columns) -> TableFormat | None:
    if head.startswith(b"PAR1"):
        return TableFormat.PARQUET
    if not _is_text(head):
        return None
    first = next(iter(_significant(head)), "")
    if first.startswith("{"):
        return TableFormat.JSONL
    suffixes = path.name.lower().removesuffix(".gz")
    named = suffixes.endswith((".csv", ".tsv")) and not _is_plain_list(first)
    return TableFormat.TEXT if named or tables.has_columns(path, columns) else None


def _is_plain_list(first: str) -> bool:
    return is_address(first) and not re.search(r"[,;\t|\"]", first)


def _is_list(path: Path, head: bytes) -> bool:
    """Whether any line is a URL, or an empty file is called a list."""
    if not _is_text(head):
        return False
    found = _significant(head)
    if not found:
        return path.name.lower().removesuffix(".gz").endswith((".txt", ".lst", ".urls"))
    return any(is_address(line) for line in found)


def _hint(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return " (UTF-16 text: save it as UTF-8)"
    if head.lstrip().startswith(b"["):
        return " (JSON: write one object a line)"
    if head.startswith(b"SQLite format 3"):
        return " (a SQLite database)"
    return ""
