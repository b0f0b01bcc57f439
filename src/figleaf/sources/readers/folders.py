"""Folders of pictures: ImageFolder, with Hugging Face's metadata files, and img2dataset's files.

`label/x.jpg`, `split/label/x.jpg`, a flat folder; a metadata.csv, metadata.jsonl or
metadata.parquet in the folder or in those of its splits, whose `file_name` names the pictures;
`00000/000000000.jpg` with the JSON that img2dataset puts beside each picture.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from figleaf.dataset.records import Item, Kind
from figleaf.errors import ImageError, SourceError, Status
from figleaf.images.formats import identify
from figleaf.sources.readers.archives import Member
from figleaf.sources.readers.columns import Columns
from figleaf.sources.readers.reading import (
    MAX_LABEL,
    ProblemKind,
    Problems,
    count_failure,
    files,
    is_file,
    is_plain,
    leaves_folder,
    some_files,
    split_name,
    subfolders,
)
from figleaf.sources.readers.shards import (
    IMAGE_SUFFIXES,
    MAX_TEXT,
    Labelling,
    Shard,
    sample_items,
)
from figleaf.sources.readers.tables import (
    Place,
    Table,
    TableFormat,
    open_table,
    table_items,
)

METADATA = {
    "metadata.csv": TableFormat.TEXT,
    "metadata.jsonl": TableFormat.JSONL,
    "metadata.parquet": TableFormat.PARQUET,
}

PICTURE_SUFFIXES = (
    IMAGE_SUFFIXES
    | {"jxl", "jp2", "j2k", "ico", "svg", "tga", "psd", "pbm", "pgm", "ppm", "pnm"}
    | {"mp4", "m4v", "mov", "webm", "mkv", "avi", "wmv", "flv", "mpg", "mpeg", "ogv", "3gp"}
)
"""Names that say picture or video, decodable or not: the decoder says which."""

_HEAD_BYTES = 4096
_SCANNED = 1000


@dataclass(frozen=True, slots=True)
class Unit:
    """A folder whose pictures are read in one way: the source's root, or one of its splits.

    Attributes:
        folder: the path relative to the root: "train", or "" for the root.
        part: the split that it is; None for the root.
        metadata: the name of its metadata file; None without one.
    """

    folder: str
    part: str | None
    metadata: str | None


def units(root: Path) -> tuple[Unit, ...]:
    """The root as one unit, or the folders train, test, val and so on as one each.

    The root's own metadata covers everything below it. A folder named after a split is one where
    all folders of the root are, or where it has folders itself: a class may be called "test".

    Raises:
        SourceError: a folder has two metadata files.
    """
    metadata = _metadata_of(root)
    if metadata is not None:
        return (Unit("", None, metadata),)
    names = subfolders(root)
    known = [name for name in names if split_name(name)]
    splits = [name for name in known if len(known) == len(names) or subfolders(root / name)]
    found = [Unit(name, split_name(name), _metadata_of(root / name)) for name in splits]
    return (*found, Unit("", None, None))


def _metadata_of(folder: Path) -> str | None:
    found = [name for name in METADATA if is_file(folder / name)]
    if len(found) > 1:
        raise SourceError(f"{folder}: both {found[0]} and {found[1]}; keep one of them")
    return found[0] if found else None


def folder_items(root: Path, source: str, columns: Columns, problems: Problems) -> Iterator[Item]:
    """The items of a folder of pictures, sorted by path, or in the order of the metadata.

    A picture is what is called one, and among other files what is one by its first bytes; Thumbs.db
    and captions are counted and left out. Where there is metadata, its rows are the items.

    Args:
        root: the folder, absolute.
        source: the source's name.
        columns: of the metadata.
        problems: counts what is left out.

    Raises:
        SourceError: metadata without a column of paths, or two metadata files in one folder.
    """
    found = units(root)
    splits = frozenset(unit.folder for unit in found if unit.folder)
    for unit in found:
        if unit.metadata is None:
            yield from _labelled(root, unit, source, splits, problems)
        else:
            yield from _described(root, unit, source, columns, problems)


def _labelled(
    root: Path, unit: Unit, source: str, splits: frozenset[str], problems: Problems
) -> Iterator[Item]:
    """The pictures of a unit without metadata: the label is the first folder in it."""
    prefix = f"{unit.folder}/" if unit.folder else ""
    skipped = splits if not unit.folder else frozenset[str]()
    for name in files(root / unit.folder, problems, skipped):
        if not _is_item(root, prefix + name, problems):
            continue
        label, _, rest = name.partition("/")
        if rest and len(label) > MAX_LABEL:
            problems.add(ProblemKind.BAD_LABEL, prefix + name)
            continue
        yield Item(
            Kind.FILE,
            os.path.join(root, prefix + name),  # noqa: PTH118  # a third of Path's time
            prefix + name,
            source,
            prefix + label if rest else unit.folder,
            None,
            label if rest else None,
            unit.part,
        )


def _is_item(root: Path, name: str, problems: Problems) -> bool:
    """Whether a file is a picture by its name or, whatever its name, by its first bytes."""
    try:
        if not is_picture_name(name) and not is_picture(_head(root / name)):
            problems.add(ProblemKind.NOT_AN_IMAGE, name)
            return False
    except OSError as error:
        count_failure(problems, name, error)
        return False
    if not is_plain(name):
        problems.add(ProblemKind.BAD_NAME, name)
    return is_plain(name)


def is_picture_name(name: str) -> bool:
    """Whether a file is called a picture or a video."""
    return name.rpartition(".")[2].lower() in PICTURE_SUFFIXES


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def is_picture(head: bytes) -> bool:
    """Whether a file begins as a picture or a video does."""
    try:
        identify(head)
    except ImageError as error:
        # Of a format or a video that the decoder refuses, and says so.
        return error.status is Status.UNSUPPORTED
    return True


def _described(
    root: Path, unit: Unit, source: str, columns: Columns, problems: Problems
) -> Iterator[Item]:
    """The pictures that a unit's metadata names, and how many it does not name."""
    folder = root / unit.folder
    metadata = unit.metadata or ""
    prefix = f"{unit.folder}/" if unit.folder else ""
    place = Place(source, folder, unit.folder, prefix, unit.part)
    table = open_metadata(folder / metadata, columns)
    named = 0
    for item in table_items(table, place, problems):
        inside = item.kind is Kind.FILE and not leaves_folder(item.locator)
        named += inside and is_file(item.locator)
        if item.part is None and (part := split_name(item.name.partition("/")[0])):
            item = replace(item, part=part)
        yield item
    there = sum(is_picture_name(name) for name in files(folder, Problems()))
    if there > named:
        problems.add(ProblemKind.UNNAMED, prefix + metadata, there - named)


def open_metadata(path: Path, columns: Columns) -> Table:
    """A metadata file as a table of paths: where it has URLs too, they are not fetched.

    Raises:
        SourceError: it has no column of paths.
    """
    form = METADATA[path.name]
    if columns.url is not None or columns.path is not None:
        return open_table(path, form, columns)
    table = open_table(path, form, columns)
    if table.columns.path is None:
        raise SourceError(f"{path}: no column 'file_name' that names the pictures")
    return replace(table, columns=replace(table.columns, url=None))


def is_img2dataset(root: Path) -> bool:
    """Whether a folder is what img2dataset writes with `--output_format files`.

    That is numbered folders, each with its table or its statistics beside it or with img2dataset's
    JSON beside the pictures; or one such folder.
    """
    numbered = [name for name in subfolders(root) if name.isdecimal()]
    for name in numbered[:_SCANNED]:
        if is_file(root / f"{name}_stats.json") or is_file(root / f"{name}.parquet"):
            return True
    return any(_has_side_files(root / name) for name in ("", *numbered[:1]))


def _has_side_files(folder: Path) -> bool:
    names = set(some_files(folder, _SCANNED))
    sides = (name for name in sorted(names) if name.endswith(".json"))
    return any(_is_side_file(folder / name, names) for name in islice(sides, 3))


def _is_side_file(path: Path, beside: set[str]) -> bool:
    if not any(f"{path.stem}.{suffix}" in beside for suffix in IMAGE_SUFFIXES):
        return False
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(MAX_TEXT))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and {"key", "url"} <= values.keys()


def img2dataset_items(
    root: Path, source: str, labelling: Labelling, problems: Problems
) -> Iterator[Item]:
    """The items of img2dataset's files; a picture's name is the URL that it came from."""
    folders = [name for name in subfolders(root) if name.isdecimal()]
    rest = _without_tables(files(root, problems, frozenset(folders)), problems)
    stream = _beside(root, "", rest)
    yield from sample_items(stream, Kind.FILE, Shard(root, source), labelling, problems)
    for folder in folders:
        names = files(root / folder, problems)
        shard = Shard(root / folder, source, folder)
        stream = _beside(root / folder, f"{folder}/", names)
        yield from sample_items(stream, Kind.FILE, shard, labelling, problems)


def _without_tables(names: Iterator[str], problems: Problems) -> Iterator[str]:
    for name in names:
        if name.endswith((".parquet", "_stats.json")):
            problems.add(ProblemKind.OTHER_FILE, name)
        else:
            yield name


def _beside(folder: Path, prefix: str, names: Iterator[str]) -> Iterator[Member]:
    for name in names:
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError:  # gone in the meantime
            size = 0
        yield Member(prefix + name, size, True, str(path), partial(_read, path))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_TEXT)
