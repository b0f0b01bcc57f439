"""Folders of pictures that are all safe, or all unsafe: read, hashed, and grouped by likeness."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.source import read_bytes, walk
from figleaf.classify.stream import ordered_map
from figleaf.curate.cleaning.measure import Hashes, measure, parse_measured
from figleaf.curate.duplicates.clusters import Hashed, cluster
from figleaf.curate.watch import Watch
from figleaf.dataset.ledger import FILE_NAME
from figleaf.errors import ImageError, InputError, Status
from figleaf.evaluation.hidden import count_hidden
from figleaf.images import Limits
from figleaf.images.isolate import IsolatedPool
from figleaf.images.phash import MIN_QUALITY
from figleaf.models.runtime import available_cores

_DEADLINE = 30.0  # seconds that one file may take to decode
_AHEAD = 2

Measure = Callable[[bytes], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class File:
    """A file of a folder.

    Attributes:
        path: of the file.
        folder: the number of the folder that it lies in, among those that were named.
        sha256: of its bytes, in hex; "" of a file that cannot be read.
        status: OK where it is a picture.
        hashes: PDQ, of it and of its mirror image; None without a picture.
    """

    path: Path
    folder: int
    sha256: str = ""
    status: Status = Status.OK
    hashes: Hashes | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder has come to.

    Attributes:
        name: the last part of its path.
        images: those that were scored.
        unreadable: status -> files that were not.
        hidden: files that were passed over.
        sha256: of the hashes of the images, in hex: the same for the same pictures anywhere.
    """

    name: str
    images: int
    unreadable: Mapping[str, int]
    hidden: int
    sha256: str


def read_folders(
    folders: Sequence[str | Path],
    *,
    watch: Watch = Watch(),  # noqa: B008  # frozen, and does nothing
) -> list[File]:
    """Read all files of some folders and of the folders in them, but for hidden ones.

    Each is decoded once in a process that can be killed: what crashes it is a status.

    Args:
        folders: at least one, none of them named twice or in another one.
        watch: is told how it goes.

    Raises:
        InputError: a folder that is not there, is a data set, has no files, or has files of another
            one.
    """
    places = [(Path(path), n) for n, one in enumerate(folders) for path in _walked(one)]
    _check_once(places, folders)
    watch.start("reading files", len(places))
    found = []
    workers = available_cores()
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(workers, thread_name_prefix="figleaf"))
        # Entered after the threads, so that it ends before: Ctrl-C does not wait for its answers.
        pool = stack.enter_context(
            IsolatedPool(partial(measure, limits=Limits()), workers=workers, deadline=_DEADLINE)
        )

        def submit(place: tuple[Path, int]) -> Future[File]:
            return threads.submit(_read, place, pool)

        for file in ordered_map(submit, places, _AHEAD * workers):
            found.append(file)
            watch.done(len(found))
    return found


def group(files: Sequence[File]) -> NDArray[np.int64]:
    """Number files so that those of the same bytes, and near duplicates, have the same number.

    Near duplicates are linked by steps of at most 31 bits of PDQ, mirror images included; pictures
    that are too plain for PDQ are only compared by their bytes.

    Args:
        files: each with an SHA-256.

    Returns:
        int64 of shape (files,), from 0, without gaps.
    """
    numbers = {sha256: n for n, sha256 in enumerate(dict.fromkeys(one.sha256 for one in files))}
    group_of = np.arange(len(numbers))
    clear = {
        numbers[one.sha256]: one.hashes
        for one in files
        if one.hashes and one.hashes.quality >= MIN_QUALITY
    }
    if clear:
        hashed = Hashed(
            whole=_rows(one.pdq for one in clear.values()),
            mirrored=_rows(one.mirrored for one in clear.values()),
        )
        owners = np.array(list(clear), np.intp)
        group_of[owners] = owners[cluster(hashed).group]
    groups = group_of[[numbers[one.sha256] for one in files]]
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def describe(folders: Sequence[str | Path], files: Sequence[File]) -> tuple[Folder, ...]:
    """What folders have come to, by the statuses that their files have in the end."""
    return tuple(
        _described(folder, [one for one in files if one.folder == n])
        for n, folder in enumerate(folders)
    )


def _described(folder: str | Path, files: Sequence[File]) -> Folder:
    place = Path(folder).absolute()
    good = sorted(one.sha256 for one in files if one.status is Status.OK)
    unreadable = Counter(str(one.status) for one in files if one.status is not Status.OK)
    return Folder(
        name=place.name or str(place),
        images=len(good),
        unreadable=dict(unreadable.most_common()),
        hidden=sum(count_hidden(place).values()),
        sha256=hashlib.sha256("\n".join(good).encode()).hexdigest(),
    )


def _walked(folder: str | Path) -> list[str]:
    if not os.fspath(folder):
        raise InputError("an empty name: name a folder of pictures")
    if (Path(folder) / FILE_NAME).is_file():  # what is set aside would be read with the rest
        raise InputError(
            f"{folder}: a data set; figleaf export dataset makes folders of its pictures in use"
        )
    found = list(walk(folder))
    if not found:
        raise InputError(f"{folder}: no files here; name a folder of pictures")
    return found


def _check_once(places: Sequence[tuple[Path, int]], folders: Sequence[str | Path]) -> None:
    """Files that come twice would be counted twice, and files of both kinds say nothing."""
    seen: dict[str, int] = {}
    for path, folder in places:
        other = seen.setdefault(os.path.realpath(path), folder)
        if other != folder:
            raise InputError(
                f"{path} lies in {folders[other]} as in {folders[folder]}: name each file once"
            )


def _read(place: tuple[Path, int], pool: Measure) -> File:
    path, folder = place
    file = File(path, folder)
    try:
        data = read_bytes(path, Limits())
        file = replace(file, sha256=hashlib.sha256(data).hexdigest())
        return replace(file, hashes=parse_measured(pool(data)).whole)
    except ImageError as error:
        return replace(file, status=error.status)


def _rows(hashes: Iterator[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 32)
