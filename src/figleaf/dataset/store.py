"""Image files under the names of their own hashes."""

import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from figleaf.dataset.durable import sync

IMAGES = "images"

_EXTENSIONS = {"jpeg": "jpg", "tiff": "tif"}
_OURS = re.compile(r"([0-9a-f]{64})\.[a-z]{3,4}(\.[0-9a-f]{8}\.part)?")


class Store:
    """The folder `images` of a data set: `images/ab/abcdef….jpg`.

    A file is written under another name, flushed to the disk and then renamed: under its own name
    it is whole or not there. Can be used from many threads.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder) / IMAGES
        self._lock = threading.Lock()
        self._unflushed: set[Path] = set()

    def prepare(self) -> None:
        """Make the folder, where it is missing. Once, before anything is put there."""
        self.folder.mkdir(exist_ok=True)

    def path(self, sha256: bytes, image_format: str) -> Path:
        """Where the image with this hash lies, or would."""
        name = sha256.hex()
        return self.folder / name[:2] / f"{name}.{_EXTENSIONS.get(image_format, image_format)}"

    def put(self, data: bytes, sha256: bytes, image_format: str) -> None:
        """Write a file, unless it is there.

        Raises:
            OSError: a full disk, a folder that cannot be written; nothing is left behind.
        """
        path = self.path(sha256, image_format)
        if not path.exists():
            try:
                _write(path, data)
            except FileNotFoundError:  # seldom: there are 256 folders
                # Without its parents: a data set that was moved away must not be made anew.
                path.parent.mkdir(exist_ok=True)
                _write(path, data)
        # Also where it was there: another thread may have just renamed it, and not come to this.
        with self._lock:
            self._unflushed |= {path.parent, self.folder, self.folder.parent}

    def rename(self, sha256: bytes, old_format: str, new_format: str) -> None:
        """Give a file the name that another format has; one that is not there is left at that.

        Raises:
            OSError: the folder cannot be written.
        """
        new = self.path(sha256, new_format)
        with suppress(FileNotFoundError):
            self.path(sha256, old_format).rename(new)
        with self._lock:
            self._unflushed.add(new.parent)

    def flush(self) -> None:
        """Make the new names outlast a power cut; before rows are written that rely on them."""
        with self._lock:
            folders, self._unflushed = self._unflushed, set()
        for folder in folders:
            sync(folder)

    def sweep(self, known: Callable[[Iterable[bytes]], set[bytes]]) -> int:
        """Remove what a killed run left: half-written files, and whole ones that have no row.

        Args:
            known: those of some hashes that have a row.

        Returns:
            how many files were removed.
        """
        removed = 0
        for found in self._ours():
            rows = known({sha256 for sha256, half in found.values() if not half})
            for path, (sha256, half) in found.items():
                if half or sha256 not in rows:
                    path.unlink()
                    removed += 1
        return removed

    def _ours(self) -> Iterator[dict[Path, tuple[bytes, bool]]]:
        """A folder after another: its files that `put` named, their hashes, and if half-written."""
        with suppress(FileNotFoundError):
            for folder in sorted(self.folder.iterdir()):
                if folder.is_dir():
                    yield {
                        path: (bytes.fromhex(match[1]), match[2] is not None)
                        for path in sorted(folder.iterdir())
                        if (match := _OURS.fullmatch(path.name))
                        and match[1][:2] == folder.name
                        and path.is_file()
                    }


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is under its name whole or not at all."""
    # Not through a file object, which asks the system for more than it is told here.
    part = f"{path}.{secrets.token_hex(4)}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(part, path)  # noqa: PTH104  # of a string
    except BaseException:
        with suppress(OSError):
            os.unlink(part)  # noqa: PTH108  # of a string
        raise
