"""Where a bundle lies: a place that is checked, kept for one process, and taken at the end."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from figleaf.dataset.durable import sync
from figleaf.dataset.staging import staging, sweep
from figleaf.errors import InputError
from figleaf.models.writing import check_name as check_name  # beside `check_place`
from figleaf.training.bundle import CARD, GRAPH, REPORT, TEXT

_SUFFIX = ".part"


def check_place(out: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a place where no bundle may be written.

    Raises:
        InputError: something else is there, or a bundle that is not to be overwritten.
    """
    check_name(out)
    if not out.absolute().parent.is_dir():
        raise InputError(f"{out}: there is no folder {out.absolute().parent}")
    if not os.access(out.absolute().parent, os.W_OK | os.X_OK):
        raise InputError(f"{out}: {out.absolute().parent} cannot be written")
    if not os.path.lexists(out):
        return
    if out.is_symlink() or not out.is_dir():
        raise InputError(f"{out}: is there, and is no folder; name another place")
    names = {path.name for path in out.iterdir()}
    if names and not (CARD in names and names <= {GRAPH, CARD, TEXT, REPORT}):
        raise InputError(f"{out}: is there, and is no bundle alone; name another place")
    if names and not overwrite:
        raise InputError(f"{out}: is there; --overwrite replaces it, or name another place")


def check_outside(out: Path, data_set: Path) -> None:
    """Refuse a place within the data set's folder, whose content is figleaf's affair alone.

    Raises:
        InputError: it lies there, links followed.
    """
    if Path(os.path.realpath(out)).is_relative_to(os.path.realpath(data_set)):
        raise InputError(f"{out}: lies in the data set's own folder; train beside it")


@contextmanager
def reserved(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A folder beside a bundle's place to make it in; the place is this process's until the end.

    What killed trainings left there is removed first, and a bundle that one of them was about to
    replace is put back.

    Raises:
        InputError: see `check_place`; or another process trains a model that is to lie there.
    """
    check_place(out, overwrite=overwrite)
    place = out.absolute()
    if sweep(place, _SUFFIX):
        raise InputError(f"{out}: another process trains a model that is to lie there")
    if _put_back(place):
        check_place(out, overwrite=overwrite)
    with staging(place, _SUFFIX) as folder:
        yield folder


def move(folder: Path, out: Path, *, overwrite: bool) -> None:
    """Put a finished folder into its place.

    Raises:
        InputError: see `check_place`: since it was first asked, hours may have passed.
    """
    check_place(out, overwrite=overwrite)
    sync(folder)
    place = out.absolute()
    if place.exists():
        old = _aside(place)
        place.rename(old)
        try:
            folder.rename(place)
        except BaseException:  # Ctrl-C as well: one of the two has to be there
            if not place.exists():
                old.rename(place)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        folder.rename(place)
    with suppress(OSError):  # the bundle is there; the folder may be one that is not read
        sync(place.parent)


def _aside(place: Path) -> Path:
    """Where a bundle lies between the moment that it leaves its place and its end."""
    digest = hashlib.sha256(os.fsencode(place.name)).hexdigest()[:8]
    return place.with_name(f".{place.name[:40]}.{digest}.old")


def _put_back(place: Path) -> bool:
    """Put back what a killed process had taken away to replace it; gives whether it did."""
    old = _aside(place)
    if old.is_symlink() or not old.is_dir():
        return False
    if place.exists():
        shutil.rmtree(old, ignore_errors=True)
        return False
    old.rename(place)
    return True
