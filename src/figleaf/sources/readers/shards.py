"""Shards: WebDataset's tar files, what img2dataset writes among them.

A member's bytes are only ever read, never unpacked onto a disk, so that its name, its type and its
links reach nothing. Listing a shard reads headers and what holds the labels, not the pictures.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from figleaf.dataset.records import MEMBER_SEPARATOR, Item, Kind
from figleaf.errors import SourceError
from figleaf.sources.readers.archives import Member, members
from figleaf.sources.readers.columns import LABEL_NAMES
from figleaf.sources.readers.reading import (
    MAX_LABEL,
    MAX_LOCATOR,
    ProblemKind,
    Problems,
    as_url,
    decode,
    files,
    has_scheme,
    is_file,
    is_plain,
    lines,
    plain,
    split_name,
)

SUFFIXES = (".tar", ".tar.gz", ".tgz")

IMAGE_SUFFIXES = frozenset(
    {"jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "gif", "bmp", "tif", "tiff"}
    | {"avif", "heic", "heif"}
)
"""What a member is called that is a picture, in any case."""

CLASS_FILES = ("classes.txt", "classnames.txt", "labels.txt")
"""Beside the shards: the names of the classes, one a line, that the numbers in `.cls` count."""

MAX_TEXT = 2**20
"""The largest JSON or label that is read, in bytes."""

_MAX_NAME = 1024
_MAX_IMAGES = 1000
_MAX_CLASSES = 100_000
_KEY = re.compile(r"((?:.*/|)[^./]+)\.([^/]*)", re.DOTALL)
_META = re.compile(r"__[^/]*__($|/)")
_PART = re.compile(
    r"(?:^|[-_.])(train|training|val|validation|test)[-_.]?\d+(?=[-_.]|$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Labelling:
    """Where a sample's label is: `column` of its JSON, else its `.cls`, else the JSON's usual keys.

    `classes` are the names that numbers in `.cls` count; empty if they are not known.
    """

    column: str | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard's path, and what all of its items have in common."""

    path: Path
    source: str
    listing: str = ""
    part: str | None = None


def is_shard(name: str) -> bool:
    """Whether a file's name is that of a shard."""
    return name.lower().endswith(SUFFIXES)


@dataclass(frozen=True, slots=True)
class _Image:
    name: str
    suffix: str
    locator: str


@dataclass(slots=True)
class _Sample:
    """The members that share a key, so far."""

    key: str
    images: list[_Image] = field(default_factory=list)
    suffixes: set[str] = field(default_factory=set)
    label: str | None = None
    other_labels: tuple[str, ...] = ()
    column: str | None = None
    url: str | None = None


def shard_items(shard: Shard, labelling: Labelling, problems: Problems) -> Iterator[Item]:
    """The items of one shard. What can be read of a damaged one is kept, the rest counted once."""
    name = shard.listing or shard.path.name
    stream = _until_damage(members(shard.path), name, problems)
    yield from sample_items(stream, Kind.MEMBER, shard, labelling, problems)


def _until_damage(stream: Iterator[Member], name: str, problems: Problems) -> Iterator[Member]:
    try:
        yield from stream
    except SourceError as error:
        problems.add(ProblemKind.DAMAGED, f"{name}: {error}")


def sample_items(
    stream: Iterable[Member],
    kind: Kind,
    shard: Shard,
    labelling: Labelling,
    problems: Problems,
) -> Iterator[Item]:
    """The items of members in their order, grouped into samples as WebDataset does it.

    A sample is what follows one another with the same key, the path up to the first dot of the
    file's name. What follows the dot is the suffix, in lower case. Each picture of a sample is an
    item; those with a plain image suffix, or without one such those that end in one.
    """
    sample: _Sample | None = None
    name = shard.listing or shard.path.name
    for member in stream:
        where = f"{name}: {member.name}"
        parsed = _KEY.fullmatch(member.name)
        if parsed is None or _META.match(member.name):
            problems.add(ProblemKind.OTHER_FILE, where)
            continue
        key, suffix = parsed[1], parsed[2].lower()
        if sample is None or key != sample.key:
            if sample is not None:
                yield from _items_of(sample, kind, shard, problems)
            sample = _Sample(key)
        _add(sample, suffix, member, labelling, problems, where)
    if sample is not None:
        yield from _items_of(sample, kind, shard, problems)


def _add(
    sample: _Sample,
    suffix: str,
    member: Member,
    labelling: Labelling,
    problems: Problems,
    where: str,
) -> None:
    problem = _refusal(sample, suffix, member)
    if problem is not None:
        problems.add(problem, where)
    elif suffix.rpartition(".")[2] in IMAGE_SUFFIXES:
        sample.suffixes.add(suffix)
        sample.images.append(_Image(member.name, suffix, member.locator))
    elif suffix in ("cls", "json"):
        sample.suffixes.add(suffix)
        try:
            data = member.read()
        except (SourceError, OSError) as error:
            problems.add(ProblemKind.UNREADABLE, f"{where}: {error}")
            return
        read = _read_class if suffix == "cls" else _read_json
        if not read(sample, data, labelling):
            problems.add(ProblemKind.BAD_LABEL, where)


def _refusal(sample: _Sample, suffix: str, member: Member) -> ProblemKind | None:
    """Why a member is not looked at; None for one that is."""
    if not member.regular:
        return ProblemKind.LINK
    if not is_plain(member.name) or "\0" in member.name or len(member.name) > _MAX_NAME:
        return ProblemKind.BAD_NAME
    if suffix in sample.suffixes:
        return ProblemKind.TWICE
    if suffix in ("cls", "json") and member.size > MAX_TEXT:
        return ProblemKind.BAD_LABEL
    if len(sample.suffixes) > _MAX_IMAGES:
        return ProblemKind.CROWDED
    return None


def _read_class(sample: _Sample, data: bytes, labelling: Labelling) -> bool:
    text = plain(decode(data)).strip()
    if text.isdecimal() and len(text) < 10 and int(text) < len(labelling.classes):
        text = labelling.classes[int(text)]
    if not text or len(text) > MAX_LABEL:
        return False
    if sample.label is not None:
        sample.other_labels += (sample.label,)
    sample.label = text
    return True


def _read_json(sample: _Sample, data: bytes, labelling: Labelling) -> bool:
    try:
        values = json.loads(decode(data))
    except (ValueError, RecursionError):
        return False
    if not isinstance(values, dict):
        return False
    url = values.get("url")
    if isinstance(url, str) and len(url) <= MAX_LOCATOR and has_scheme(url):
        sample.url = as_url(url)
    names = LABEL_NAMES if labelling.column is None else (labelling.column,)
    value = next((values[name] for name in names if values.get(name) is not None), None)
    return value is None or _take_label(sample, value, chosen=labelling.column is not None)


def _take_label(sample: _Sample, value: Any, *, chosen: bool) -> bool:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str | int | float):
        return False
    text = plain(str(value)).strip()
    if len(text) > MAX_LABEL:
        return False
    if chosen:
        sample.column = text or None
    elif sample.label is None:  # a .cls goes first; in a sorted shard it also comes first
        sample.label = text or None
    elif text:
        sample.other_labels += (text,)
    return True


def _items_of(sample: _Sample, kind: Kind, shard: Shard, problems: Problems) -> Iterator[Item]:
    where = f"{shard.listing or shard.path.name}: "
    own = [image for image in sample.images if image.suffix in IMAGE_SUFFIXES]
    if not sample.images:
        problems.add(ProblemKind.NO_IMAGE, where + sample.key)
    elif own and len(own) < len(sample.images):  # such as masks: x.jpg and x.mask.png
        beside = next(image for image in sample.images if image.suffix not in IMAGE_SUFFIXES)
        count = len(sample.images) - len(own)
        problems.add(ProblemKind.OTHER_FILE, where + beside.name, count)
    label = sample.column or sample.label
    for image in own or sample.images:
        name = sample.url or image.name
        unsaid = (image.name if sample.url else None, sample.label if sample.column else None)
        also = (*filter(None, unsaid), *sample.other_labels)
        yield Item(
            kind, image.locator, name, shard.source, shard.listing, None, label, shard.part, also
        )


def class_names(folders: Iterable[Path], problems: Problems) -> tuple[str, ...]:
    """The classes that a file beside the shards names, by line from 0; empty without one."""
    for folder in folders:
        for file in CLASS_FILES:
            if is_file(folder / file):
                found = lines(folder / file, MAX_LOCATOR, problems, file)
                names = (plain(decode(line)).strip() for _, line in found)
                return tuple(islice(names, _MAX_CLASSES))
    return ()


def part_of(listing: str) -> str | None:
    """The split that a shard's folder or name says: "train/0.tar", "imagenet-train-000001.tar"."""
    *folders, file = listing.split("/")
    if folders and (part := split_name(folders[0])):
        return part
    found = _PART.search(file.partition(".tar")[0])
    return split_name(found[1]) if found else None


def files_items(
    shards: Iterable[Path], source: str, labelling: Labelling, problems: Problems
) -> Iterator[Item]:
    """The items of shards that were named one by one."""
    for path in shards:
        own = labelling.classes or class_names((path.parent,), problems)
        shard = Shard(path, source, path.name, part_of(path.name))
        yield from shard_items(shard, Labelling(labelling.column, own), problems)


def folder_items(
    root: Path, source: str, labelling: Labelling, problems: Problems
) -> Iterator[Item]:
    """The items of all shards in a folder, however deep; other files are counted."""
    for name in files(root, problems):
        if not is_shard(name):
            problems.add(ProblemKind.OTHER_FILE, name)
        elif not is_plain(name) or MEMBER_SEPARATOR in name:
            problems.add(ProblemKind.BAD_NAME, name)
        else:
            own = class_names(((root / name).parent, root), problems)
            shard = Shard(root / name, source, name, part_of(name))
            yield from shard_items(shard, Labelling(labelling.column, own), problems)


_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")
_MAX_SHARDS = 100_000


def expand(pattern: str) -> list[str]:
    """The names that "data-{000..009}.tar" or "{a,b}.tar" stands for, at most 100,000.

    Raises:
        SourceError: there are more.
    """
    names = [pattern]
    while any(_BRACES.search(name) for name in names):
        grown = (
            f"{head}{text}{tail}" for name in names for head, text, tail in _alternatives(name)
        )
        names = list(islice(grown, _MAX_SHARDS + 1))
        if len(names) > _MAX_SHARDS:
            raise SourceError(f"{pattern}: more than {_MAX_SHARDS:,} shards; name their folder")
    return names


def _alternatives(name: str) -> Iterator[tuple[str, str, str]]:
    found = _BRACES.search(name)
    if found is None:
        yield name, "", ""
        return
    head, tail = name[: found.start()], name[found.end() :]
    bounds = _RANGE.fullmatch(found[1])
    if bounds is None:
        yield from ((head, text, tail) for text in found[1].split(","))
        return
    first, last = int(bounds[1]), int(bounds[2])
    step = 1 if first <= last else -1
    for number in range(first, last + step, step):
        yield head, str(number).zfill(len(bounds[1])), tail
