"""Image files under the names of their own hashes."""

import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

IMAGES = "images"

_EXTENSIONS = {"jpeg": "jpg", "tiff": "tif"}
_OURS = re.compile(r"([0-9a-f]{64})\.[a-z]{3,4}")
_PART = ".part"


class Store:
    """The folder `images` of a data set: `images/ab/abcdef….jpg`.

    A file is written under another name, flushed to the disk and then renamed: under its own name
    it is whole or not there. Can be used from many threads.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder) / IMAGES
        self._lock = threading.Lock()
        self._renamed_in: set[Path] = set()

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
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_PART}")
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        with self._lock:
            self._renamed_in.add(path.parent)

    def flush(self) -> None:
        """Make the new names outlast a power cut; before rows are written that rely on them."""
        with self._lock:
            folders, self._renamed_in = self._renamed_in, set()
        for folder in folders:
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def sweep(self, known: Callable[[Iterable[bytes]], set[bytes]]) -> int:
        """Remove what a killed run left: half-written files, and whole ones that have no row.

        Args:
            known: those of some hashes that have a row.

        Returns:
            how many files were removed.
        """
        removed = 0
        for names in self._listings():
            found = {name: _OURS.fullmatch(name.name) for name in names}
            hashes = {bytes.fromhex(match[1]) for match in found.values() if match}
            rows = known(hashes)
            for path, match in found.items():
                stray = match and bytes.fromhex(match[1]) not in rows
                if stray or path.name.endswith(_PART):
                    path.unlink()
                    removed += 1
        return removed

    def _listings(self) -> Iterator[list[Path]]:
        """The files of each of the folders."""
        with suppress(FileNotFoundError):
            for folder in sorted(self.folder.iterdir()):
                if folder.is_dir():
                    yield sorted(folder.iterdir())
