"""What can be classified, and how each becomes pixels."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figleaf.errors import ImageError, InputError, Status
from figleaf.images import Limits, Picture, from_array, from_pil

Source = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | Image.Image
    | NDArray[np.uint8]
)
"""A path, a file's bytes, a binary file object, a Pillow image, or a uint8 array.

An array has shape (height, width), (height, width, 1), (height, width, 3) or (height, width, 4), in
0..255; its channels are RGB or RGBA unless the caller says BGR.
"""

Channels = Literal["RGB", "BGR"]
Decoder = Callable[[bytes], Picture]


def name_of(source: Source) -> str:
    """What results call an input: its path, or its kind in angle brackets."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    if isinstance(source, Image.Image):
        return "<image>"
    if isinstance(source, np.ndarray):
        return "<array>"
    if isinstance(source, bytes | bytearray | memoryview):
        return "<bytes>"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<file>"


@dataclass(frozen=True, slots=True)
class Reader:
    """Turns any source into pixels: uint8 RGB of shape (height, width, 3), upright.

    `decode` is the decoder for encoded bytes: in this process or an isolated one.
    """

    decode: Decoder
    limits: Limits
    background: tuple[int, int, int]

    def pixels(self, source: Source, channels: Channels = "RGB") -> NDArray[np.uint8]:
        """The picture of a source.

        Raises:
            ImageError: it cannot be read or is not a usable image.
            InputError: it is of a type, dtype or shape that no source has.
        """
        if isinstance(source, Image.Image | np.ndarray):
            return pixels_of(
                source, limits=self.limits, channels=channels, background=self.background
            )
        return self.decode(read_bytes(source, self.limits)).pixels


def pixels_of(
    source: Image.Image | NDArray[np.uint8],
    *,
    limits: Limits,
    channels: Channels,
    background: tuple[int, int, int],
) -> NDArray[np.uint8]:
    """The pixels of a Pillow image or an array: uint8 RGB of shape (height, width, 3), upright.

    Raises:
        ImageError: a Pillow image that was not read yet, and cannot be.
        InputError: an array of another dtype or shape.
    """
    if isinstance(source, Image.Image):
        return from_pil(source, limits=limits, background=background)
    return from_array(source, channels=channels, background=background)


def read_bytes(source: Source, limits: Limits) -> bytes:
    """The encoded bytes of a path, a bytes-like object or a binary file object.

    No more than `limits.max_bytes` + 1 bytes are ever read.

    Raises:
        ImageError: NOT_FOUND, UNREADABLE or TOO_MANY_BYTES.
        InputError: a source of another type, or a file object in text mode.
    """
    if isinstance(source, str | os.PathLike):
        return _read_path(os.fspath(source), limits)
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if not hasattr(source, "read"):
        kinds = "a path, bytes, a binary file object, a Pillow image or a uint8 array"
        raise InputError(f"cannot classify a {type(source).__name__}: give {kinds}")
    try:
        return _read_file(source, limits)  # type: ignore[arg-type]  # hasattr narrows no Union
    except OSError as error:
        raise ImageError(Status.UNREADABLE, error.strerror or str(error)) from error


def _read_path(path: str, limits: Limits) -> bytes:
    try:
        # Before opening: opening a named pipe would wait for a writer for ever.
        _check_stat(os.stat(path), limits)  # noqa: PTH116  # a path may be any str, "" included
        with open(path, "rb") as file:  # noqa: PTH123  # as above
            return _read_file(file, limits)
    except FileNotFoundError:
        raise ImageError(Status.NOT_FOUND, "no such file") from None
    except OSError as error:
        raise ImageError(Status.UNREADABLE, error.strerror or str(error)) from error
    except ValueError as error:  # a NUL byte in the path
        raise ImageError(Status.NOT_FOUND, str(error)) from error


def _check_stat(info: os.stat_result, limits: Limits) -> None:
    if stat.S_ISDIR(info.st_mode):
        raise ImageError(Status.UNREADABLE, "a folder, or one that cannot be listed")
    if not stat.S_ISREG(info.st_mode):
        raise ImageError(Status.UNREADABLE, "not a regular file")
    if info.st_size:
        limits.check_bytes(info.st_size)


def _read_file(file: BinaryIO, limits: Limits) -> bytes:
    parts: list[bytes] = []
    missing = limits.max_bytes + 1
    while missing > 0:
        part = file.read(missing)  # an unbuffered file may give less than it has
        if not isinstance(part, bytes):
            kind = type(part).__name__
            raise InputError(f"a file object gave {kind}, not bytes: open it in binary mode ('rb')")
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def walk(
    folder: str | os.PathLike[str],
    *,
    recursive: bool = True,
) -> Iterator[str]:
    """The files of a folder, sorted by name within each folder, without the hidden ones.

    Links to folders are not followed. The names of one folder a level are held at a time.

    Args:
        folder: where to start.
        recursive: whether to go into its folders.

    Yields:
        the path of each file; also that of a folder below that cannot be listed, so that
        classifying it says why.

    Raises:
        InputError: `folder` itself cannot be listed.
    """
    try:
        pending = [iter(_visible(folder))]
    except OSError as error:
        raise InputError(f"{os.fspath(folder)}: {error.strerror}") from error
    while pending:  # not by recursion: folders may be nested deeper than Python's stack
        entry = next(pending[-1], None)
        if entry is None:
            pending.pop()
        elif not _is_folder(entry):
            yield entry.path
        elif recursive and not entry.is_symlink():
            try:
                pending.append(iter(_visible(entry.path)))
            except OSError:
                yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or through a folder that may not be entered
        return False


def _visible(folder: str | os.PathLike[str]) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted(shown, key=lambda entry: entry.name)
