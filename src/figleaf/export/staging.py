"""A folder that is whole under its name or not there, whatever ends the export."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from figleaf.dataset.durable import sync
from figleaf.dataset.staging import staging, sweep
from figleaf.errors import DatasetError, InputError

_SUFFIX = ".export"
_THREADS = 32  # that wait for the disk
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """How many files a folder has, and their bytes."""

    files: int
    size: int


def target_of(out: str | Path, data_set: Path) -> Path:
    """Where an export will lie, links followed.

    Raises:
        InputError: something lies there, or it is in the data set's folder.
    """
    target = _named(out)
    if target.is_relative_to(os.path.realpath(data_set)):
        raise InputError(f"{out}: lies in the data set's own folder; export beside it")
    return empty_target(out)


def empty_target(out: str | Path) -> Path:
    """Where a folder will lie that is to be made, links followed.

    Raises:
        InputError: something lies there.
    """
    target = _named(out)
    try:
        empty = not target.exists() or not any(target.iterdir())
    except NotADirectoryError:
        raise InputError(f"{out}: a file; give a folder that is not there yet") from None
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}; give a folder that is not there yet") from error
    if not empty:
        raise InputError(
            f"{out}: there is something in it; give another folder, or remove it first"
        )
    return target


def _named(out: str | Path) -> Path:
    if not os.fspath(out):
        raise InputError("the export's folder has an empty name; give one")
    return Path(os.path.realpath(out))


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new folder beside the target that takes its name at the end, when all is on the disk.

    After an error nothing is left of it. What a killed export left for the same target is removed
    first.

    Raises:
        DatasetError: the disk is full, or the folder cannot be written.
    """
    missing = [one for one in target.parents if not one.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target, _SUFFIX)
        with staging(target, _SUFFIX) as folder:
            yield folder
            sync_all(folder)
            folder.rename(target)
            with suppress(OSError):  # the export is there; the folder may be one that is not read
                sync(target.parent)
    except BaseException as error:
        _remove(missing)
        if isinstance(error, OSError):
            raise _told(error, target) from error
        raise


def _told(error: OSError, target: Path) -> DatasetError:
    return DatasetError(
        f"{target}: cannot be written: {error.strerror or error}; nothing was left there, and the"
        " same command begins anew"
    )


def _remove(folders: list[Path]) -> None:
    """Remove folders that were made, the deepest first."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def check_space(folder: Path, needed: int, free: int | None = None) -> None:
    """Raise DatasetError where the disk has less room than that, rather than hours later.

    Args:
        folder: on the disk.
        needed: bytes.
        free: what the disk has, in bytes; None to ask it.
    """
    free = shutil.disk_usage(folder).free if free is None else free
    if needed > free:
        raise DatasetError(
            f"{folder.parent}: {needed / 1e9:.1f} GB are needed, and {free / 1e9:.1f} GB are free"
            " there; link=hard and link=symbolic take next to nothing"
        )


def sync_all(folder: Path) -> None:
    """Make all files and names in a folder outlast a power cut.

    At the end, when the system has written most of it by itself, and many at a time, which share
    the disk's journal: 20,000 files took 2 s, and one by one 38 s.
    """
    paths = (entry.path for entry in _entries(folder) if not entry.is_symlink())
    with ThreadPoolExecutor(_THREADS) as pool:
        while batch := list(islice(paths, _BATCH)):
            list(pool.map(sync, batch))  # the list raises what a thread raised
    sync(folder)


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """All files and folders in a folder, however deep. A class may have millions of images: unlike
    `os.walk` this holds no folder's list of names."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))
            yield entry


def measure(folder: Path) -> Size:
    """Count the files of a folder and their bytes; a symbolic link counts what it leads to."""
    files = size = 0
    for entry in _entries(folder):
        if not entry.is_dir(follow_symlinks=False):
            files += 1
            size += entry.stat().st_size
    return Size(files, size)
