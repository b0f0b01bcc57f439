"""Labelled images to evaluate on: a part of a data set, or folders with a folder for each class."""

import hashlib
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from sys import intern
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.source import read_bytes
from figleaf.classify.stream import ordered_map
from figleaf.curate.splitting.images import Together, read_groups
from figleaf.curate.splitting.rules import Part
from figleaf.curate.splitting.split import read_made
from figleaf.curate.watch import Watch
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import FILE_NAME, Ledger
from figleaf.dataset.records import Item, Kind
from figleaf.errors import DatasetError, ImageError, InputError
from figleaf.evaluation.hidden import count_hidden
from figleaf.evaluation.origins import read_sources
from figleaf.images import Limits, decode
from figleaf.models.runtime import available_cores
from figleaf.sources.readers.opening import Source, SourceKind, open_source

ALL = "all"
"""In place of a part: all images in use, whatever part they are in."""
PARTS = (*Part, ALL)

_AHEAD = 4  # files for each thread: what is held of them is one file's bytes a thread
_SMALLEST = (1, 1)  # as little of a JPEG as can be decoded: its size and whether it can be read


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled images, in a fixed order; no pixels.

    Attributes:
        name: what results call them: "my-data, test".
        paths: of their files.
        labels: the class of each, as the data have it; `classes.number_labels` finds a model's.
        hashes: SHA-256 of the files' bytes, in hex; "" of a file that cannot be read.
        groups: int64 of shape (images,); near duplicates and frames of one film, or files of the
            same bytes, have the same. From 0, without gaps.
        sources: the names of the sources of each; an image may have several.
        formats: "jpeg" and so on, by content; "" of a file that cannot be decoded.
        widths: in pixels, upright, int64 of shape (images,); 0 of a file that cannot be decoded.
        heights: likewise.
        sizes: of the files in bytes, likewise.
        parts: "train", "validation", "test" or "" for none, of each.
        left_out: what lies there and is not among them -> how many.
        seed: of the split that they are a part of; None without one.
    """

    name: str
    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    hashes: tuple[str, ...]
    groups: NDArray[np.int64]
    sources: tuple[tuple[str, ...], ...]
    formats: tuple[str, ...]
    widths: NDArray[np.int64]
    heights: NDArray[np.int64]
    sizes: NDArray[np.int64]
    parts: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    seed: int | None = None

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of every image's hash and label: the same for the same data anywhere."""
        lines = sorted(
            f"{digest} {label}\n" for digest, label in zip(self.hashes, self.labels, strict=True)
        )
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    def take(self, rows: NDArray[Any]) -> Self:
        """Those of some rows: whole numbers, or a mask. Groups keep together, renumbered."""
        numbers = np.arange(len(self))[rows]
        return replace(
            self,
            paths=tuple(self.paths[n] for n in numbers),
            labels=tuple(self.labels[n] for n in numbers),
            hashes=tuple(self.hashes[n] for n in numbers),
            groups=np.unique(self.groups[numbers], return_inverse=True)[1].astype(np.int64),
            sources=tuple(self.sources[n] for n in numbers),
            formats=tuple(self.formats[n] for n in numbers),
            widths=self.widths[numbers],
            heights=self.heights[numbers],
            sizes=self.sizes[numbers],
            parts=tuple(self.parts[n] for n in numbers),
        )


@dataclass(frozen=True, slots=True)
class _Image:
    """One image, as `Labelled` has it."""

    path: Path
    label: str
    sha256: str
    group: int
    sources: tuple[str, ...]
    format: str
    width: int
    height: int
    size: int
    part: str


def open_labelled(
    data: str | Path | Sequence[str | Path],
    *,
    part: str | None = None,
    watch: Watch = Watch(),  # noqa: B008  # frozen
) -> Labelled:
    """Read what there is to evaluate on; several are pooled.

    Args:
        data: a data set's folder; a folder with a folder for each class, which may lie in folders
            of a split; or, as text, "CLASS=FOLDER", where all pictures are of one class.
        part: "train", "validation", "test" or "all"; test by default, and all where a folder has
            no parts.
        watch: is told of reading files.

    Raises:
        DatasetError: a data set that cannot be opened, or has no such part; the message says what
            to type.
        InputError: nothing named, another part, or a folder without labelled pictures.
        SourceError: nothing is there, or nothing that is understood.
    """
    if part is not None and part not in PARTS:
        raise InputError(f"part must be one of {', '.join(PARTS)}, not {part!r}")
    named = [data] if isinstance(data, str | Path) else list(data)
    if not named:
        raise InputError("nothing to evaluate on: name a data set or a folder with one a class")
    found = [_opened(one, part, watch) for one in named]
    return found[0] if len(found) == 1 else pooled(found)


def _opened(data: str | Path, part: str | None, watch: Watch) -> Labelled:
    if not str(data):
        raise InputError("an empty name: give a data set or a folder with one a class")
    if (Path(data) / FILE_NAME).is_file():
        return from_dataset(data, part or Part.TEST)
    return from_folder(data, part, watch=watch)


def from_dataset(folder: str | Path, split: str = Part.TEST) -> Labelled:
    """The images in use of one part of a data set's split, or of "all".

    Groups are those that the split kept together: near duplicates, and the frames of a film.

    Raises:
        DatasetError: no data set, no split, or nothing in that part; the message says what to type.
    """
    with Ledger(folder) as ledger, Dataset(folder) as data:
        made = read_made(ledger)
        here = shlex.quote(str(folder))
        if made is None and split != ALL:
            raise DatasetError(
                f"{folder}: not split yet, and a model is tested on what it was not trained on;"
                f" first: figleaf split {here}; or take all images: --part all"
            )
        groups = {
            image.sha256.hex(): number
            for number, group in enumerate(sorted(read_groups(ledger), key=_least_hash))
            for image in group.images
        }
        sources = read_sources(ledger, None if split == ALL else split)
        rows = data if split == ALL else data.filter(split=split)
        # The ledger's order is that of arrival, which over a network is another one each time.
        images = [
            _Image(
                path=row.path,
                label=intern(row.label),
                sha256=row.sha256,
                group=groups[row.sha256],
                sources=sources.get(row.sha256, ()),
                format=row.format,
                width=row.width,
                height=row.height,
                size=row.size,
                part=row.split or "",
            )
            for row in sorted(rows, key=attrgetter("sha256"))
            if row.label is not None and row.sha256 in groups
        ]
        if not images:
            raise DatasetError(
                f"{folder}: no labelled image in use in {split}; see figleaf stats {here}"
            )
        unlabelled = len(data.filter(label=None)) if split == ALL else 0
    left_out = {"images without a class": unlabelled} if unlabelled else {}
    return _gathered(
        f"{Path(folder).name or folder}, {split}",
        images,
        left_out,
        made.rules.seed if made else None,
    )


def from_folder(
    folder: str | Path,
    part: str | None = None,
    *,
    watch: Watch = Watch(),  # noqa: B008  # frozen
) -> Labelled:
    """The pictures of a folder that has a folder for each class, or metadata that names classes.

    Each file is read once for its hash and its size. Files of the same bytes are one group.

    Args:
        folder: the folder, or "CLASS=FOLDER".
        part: where its own folders are train, test and so on: which of them; test by default,
            "all" for all.
        watch: is told of reading files.

    Raises:
        InputError: no labelled picture, or none in that part.
        SourceError: nothing is there, or nothing that is understood.
    """
    source = open_source(folder)
    if source.kind is not SourceKind.FOLDER:
        raise InputError(
            f"{folder}: neither a data set nor a folder of pictures; figleaf collect makes a data"
            " set of lists, tables and shards"
        )
    items, left_out = _items(source)
    chosen = _of_part(items, part, folder)
    watch.start("reading files", len(chosen))
    images = list(_measured(chosen, source.name, watch.done))
    name = source.name if part is None and not any(one.part for one in images) else ""
    return _gathered(
        name or f"{source.name}, {part or Part.TEST}", images, left_out | count_hidden(source.path)
    )


def pooled(several: Sequence[Labelled]) -> Labelled:
    """Several as one; the same bytes in two of them make one group of their two."""
    images: list[_Image] = []
    offset = 0
    for one in several:
        images += [replace(image, group=image.group + offset) for image in _images(one)]
        offset += int(one.groups.max(initial=-1)) + 1
    left_out = sum((Counter(one.left_out) for one in several), Counter[str]())
    seeds = {one.seed for one in several}
    return _gathered(
        " + ".join(one.name for one in several),
        images,
        dict(left_out),
        seeds.pop() if len(seeds) == 1 else None,
    )


def _items(source: Source) -> tuple[list[Item], dict[str, int]]:
    """The labelled files of a source, and how much else there is."""
    items, unlabelled, elsewhere = [], 0, 0
    for item in source.items():
        if item.kind is not Kind.FILE:
            elsewhere += 1
        elif item.label is None:
            unlabelled += 1
        else:
            items.append(item)
    left_out = {str(kind): count for kind, count in source.problems.items()}
    if unlabelled:
        left_out["pictures in no class's folder"] = unlabelled
    if elsewhere:
        left_out["rows that name no file here"] = elsewhere
    if not items:
        raise InputError(
            f"{source.path}: no labelled picture; put the pictures of each class into a folder of"
            " its own, or say CLASS=FOLDER"
        )
    return items, left_out


def _of_part(items: list[Item], part: str | None, folder: str | Path) -> list[Item]:
    """Those of a part, where there are parts."""
    there = sorted({item.part for item in items if item.part})
    if part == ALL or (part is None and not there):
        return items
    chosen = [item for item in items if item.part == (part or Part.TEST)]
    if not chosen:
        has = f"it has {', '.join(there)}" if there else "it has no parts"
        raise InputError(
            f"{folder}: no picture in {part or Part.TEST}; {has}; --part all takes all pictures"
        )
    return chosen


def _measured(items: Sequence[Item], source: str, done: Callable[[int], None]) -> Iterator[_Image]:
    """The images of items, on all cores, in order; each group is for `_gathered` to find."""
    threads = available_cores()
    with ThreadPoolExecutor(threads, thread_name_prefix="figleaf") as pool:

        def submit(item: Item) -> Future[_Image]:
            return pool.submit(_measure, item, source)

        measured = ordered_map(submit, items, _AHEAD * threads)
        for number, image in enumerate(measured):
            yield replace(image, group=number)
            done(number + 1)


def _measure(item: Item, source: str) -> _Image:
    path, label = Path(item.locator), intern(item.label or "")
    limits = Limits()
    image = _Image(path, label, "", 0, (source,), "", 0, 0, 0, item.part or "")
    try:
        data = read_bytes(item.locator, limits)
        image = replace(image, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        picture = decode(data, limits=limits, at_least=_SMALLEST)
    except (ImageError, MemoryError):
        return image  # scoring says why
    return replace(image, format=picture.format, width=picture.width, height=picture.height)


def _images(data: Labelled) -> Iterator[_Image]:
    """The images, one by one."""
    return map(
        _Image,
        data.paths,
        data.labels,
        data.hashes,
        data.groups.tolist(),
        data.sources,
        data.formats,
        data.widths.tolist(),
        data.heights.tolist(),
        data.sizes.tolist(),
        data.parts,
    )


def _least_hash(group: Together) -> bytes:
    return min(image.sha256 for image in group.images)


def _gathered(
    name: str, images: Sequence[_Image], left_out: Mapping[str, int], seed: int | None = None
) -> Labelled:
    return Labelled(
        name=name,
        paths=tuple(image.path for image in images),
        labels=tuple(image.label for image in images),
        hashes=tuple(image.sha256 for image in images),
        groups=_grouped(images),
        sources=tuple(image.sources for image in images),
        formats=tuple(intern(image.format) for image in images),
        widths=np.array([image.width for image in images], np.int64),
        heights=np.array([image.height for image in images], np.int64),
        sizes=np.array([image.size for image in images], np.int64),
        parts=tuple(intern(image.part) for image in images),
        left_out=left_out,
        seed=seed,
    )


def _grouped(images: Iterable[_Image]) -> NDArray[np.int64]:
    """The groups numbered from 0; those that share a file's bytes are one."""
    above: dict[int, int] = {}

    def root(group: int) -> int:
        while group in above:
            group = above[group]
        return group

    first: dict[str, int] = {}
    found = []
    for image in images:
        found.append(image.group)
        if image.sha256:
            one, other = root(image.group), root(first.setdefault(image.sha256, image.group))
            if one != other:
                above[max(one, other)] = min(one, other)
    roots = np.array([root(group) for group in found], np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)
