"""Folders that are whole under their name or not there: made beside it, and renamed at the end.

A folder is locked while somebody writes in it, so that what a killed process left can be told from
what another one is making, in whatever data set's service.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from figleaf.dataset.locking import HAS_LOCKS, try_lock

_KEPT = 40  # letters of the name: all of it and more could be longer than a name may be


@contextmanager
def staging(target: Path, suffix: str) -> Iterator[Path]:
    """A new folder beside a place, for what will lie there; at the end it is removed, or renamed.

    Args:
        target: the place.
        suffix: that tells whose folder it is, ".export".

    Raises:
        OSError: the folder above is missing or cannot be written.
    """
    folder, lock = _made(target, suffix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # which is not there once it is renamed
        if lock is not None:
            os.close(lock)


def _made(target: Path, suffix: str) -> tuple[Path, int | None]:
    """A new folder and its lock."""
    while True:
        folder = target.with_name(f"{_start(target)}{secrets.token_hex(4)}{suffix}")
        folder.mkdir()
        # Between the two, somebody who sweeps may have taken it for what a killed process left.
        with suppress(BlockingIOError, FileNotFoundError):
            lock = _locked(folder)
            if folder.exists():
                return folder, lock
            if lock is not None:
                os.close(lock)


def sweep(target: Path, suffix: str) -> bool:
    """Remove what killed processes left for a place; gives whether a living one is writing there.

    Args:
        target, suffix: as for `staging`.
    """
    living = False
    for folder in staged(target, suffix):
        try:
            lock = _locked(folder)
        except BlockingIOError:
            living = True
            continue
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
    return living


def staged(target: Path, suffix: str) -> list[Path]:
    """The folders that were made for a place; none where those beside it cannot be listed."""
    ours = re.compile(re.escape(_start(target)) + r"[0-9a-f]{8}" + re.escape(suffix))
    try:
        beside = sorted(target.parent.iterdir())
    except OSError:
        return []
    named = (path for path in beside if ours.fullmatch(path.name))
    return [path for path in named if path.is_dir() and not path.is_symlink()]


def _start(target: Path) -> str:
    return f".{target.name[:_KEPT]}."


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; None where there are no locks.

    Raises:
        BlockingIOError: somebody else holds it.
    """
    if not HAS_LOCKS:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        is_locked = try_lock(descriptor)
    except BlockingIOError:
        os.close(descriptor)
        raise
    if not is_locked:
        os.close(descriptor)
        return None
    return descriptor
