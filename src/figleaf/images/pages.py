"""The further pictures of a still file: pages, camera formats' second pictures, sequences.

Readers show the first picture of a file, and most can be told to show the others too. Whoever must
know all that is in a file looks at these as well:

- TIFF: the pages, and the pictures in SubIFDs (TIFF Tech Note 1);
- JPEG: those that the Multi-Picture Format names (CIPA DC-007), as in MPO files;
- AVIF: all frames of a sequence, and the still picture in front of one;
- HEIC: all pictures that libheif lists;
- GIF, PNG, WebP: all frames that Pillow finds in what `figleaf.images.moving` takes for a still.

Not looked at are EXIF thumbnails, which are made of the picture itself, the auxiliary pictures and
hidden items of AVIF and HEIC, and what is hidden behind or between the pictures.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from figleaf.errors import FigleafError, ImageError, Status
from figleaf.images.decode import Picture, decode, from_pil
from figleaf.images.formats import identify
from figleaf.images.limits import Limits
from figleaf.images.silence import pillow_silenced

MAX_PICTURES = 100
"""Besides the first: more of them take longer than one file is worth."""

_SUB_IFDS = 330
_MP_ENTRIES = 0xB002
_MP_ENTRY_BYTES = 16

Decode = Callable[[Limits], Picture]
"""Decodes one picture of a file, within limits."""


def other_pictures(
    data: bytes,
    *,
    limits: Limits = Limits(),  # noqa: B008  # frozen, and shown as it is in the documentation
) -> Iterator[Picture]:
    """Decode all pictures of a still file but the first, which `decode` gives; one is held at once.

    Some formats name the first one again, so that it may be among them.

    Args:
        data: the file's bytes, that `decode` has found usable.
        limits: how many pixels each of them, and all of them together, may have.

    Raises:
        ImageError: one of them cannot be decoded, or there are more than `MAX_PICTURES`: the file
            cannot be looked at in full.
    """
    limits.check_bytes(len(data))
    name = identify(data)
    if name not in _FINDERS:
        return
    room = limits.max_pixels
    with _failures_as_image_errors(name), pillow_silenced():
        for number, one in enumerate(_FINDERS[name](data), start=1):
            if number > MAX_PICTURES:
                reason = f"{name.upper()}: more than {MAX_PICTURES} pictures besides the first"
                raise ImageError(Status.UNSUPPORTED, reason)
            picture = _decoded(one, number, replace(limits, max_pixels=max(1, room)))
            room -= picture.width * picture.height
            yield picture


def has_other_pictures(data: bytes) -> bool:
    """Whether a still file holds more pictures than the first; none of them is decoded.

    Args:
        data: the file's bytes, that `decode` has found usable.

    Raises:
        ImageError: that cannot be told.
    """
    name = identify(data)
    if name not in _FINDERS:
        return False
    with _failures_as_image_errors(name), pillow_silenced():
        return next(_FINDERS[name](data), None) is not None


def _decoded(one: Decode, number: int, limits: Limits) -> Picture:
    try:
        return one(limits)
    except ImageError as error:
        raise ImageError(
            error.status, f"picture {number + 1} of the file: {error.reason}"
        ) from None


@contextmanager
def _failures_as_image_errors(name: str) -> Iterator[None]:
    try:
        yield
    except FigleafError:
        raise
    except MemoryError:
        reason = f"{name.upper()}: its pictures need more memory than there is"
        raise ImageError(Status.TOO_MANY_PIXELS, reason) from None
    except Exception as error:  # noqa: BLE001  # hostile bytes make the decoders raise anything
        reason = f"{name.upper()}: its further pictures cannot be read ({type(error).__name__})"
        raise ImageError(Status.CORRUPT, reason) from None


# TIFF: another picture is the first one of the file with another offset in its header.


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where a TIFF's header has the offset of the first directory."""

    at: int
    size: int
    order: Literal["little", "big"]

    def first(self, data: bytes) -> int:
        return int.from_bytes(data[self.at : self.at + self.size], self.order)

    def moved(self, data: bytes, offset: int) -> bytes:
        """The file, with another directory as its first."""
        place = offset.to_bytes(self.size, self.order)
        return b"".join((data[: self.at], place, memoryview(data)[self.at + self.size :]))


def _tiff(data: bytes) -> Iterator[Decode]:
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"
    header = _Directory(8, 8, order) if b"+" in data[2:4] else _Directory(4, 4, order)
    first = header.first(data)
    seen, left = {first}, _following(data)
    while left:
        offset = left.pop()
        if offset in seen or not 0 < offset < len(data):  # beyond the end there is no picture
            continue
        seen.add(offset)
        moved = header.moved(data, offset)
        yield _decoding(moved)
        left += _following(moved)


def _decoding(data: bytes) -> Decode:
    return lambda limits: decode(data, limits=limits)


def _following(data: bytes) -> list[int]:
    """The offsets of the next page, and of the pictures within the first one."""
    with closing(TiffImagePlugin.TiffImageFile(io.BytesIO(data))) as image:
        inner = image.tag_v2.get(_SUB_IFDS, ())
        offsets = inner if isinstance(inner, tuple) else (inner,)
        return [int(offset) for offset in (image.tag_v2.next, *offsets)]


# JPEG: each is a JPEG of its own within the file.


def _jpeg(data: bytes) -> Iterator[Decode]:
    with closing(JpegImagePlugin.JpegImageFile(io.BytesIO(data))) as image:
        index, start = image.info.get("mp"), image.info.get("mpoffset", 0)
    if index is None:
        return
    directory = TiffImagePlugin.ImageFileDirectory_v2(index[:8])
    stream = io.BytesIO(index)
    stream.seek(directory.next)
    directory.load(stream)
    entries = directory.get(_MP_ENTRIES, b"")
    order = ">" if index.startswith(b"MM") else "<"
    offsets = {
        struct.unpack_from(f"{order}L", entries, at + 8)[0]
        for at in range(0, len(entries) - _MP_ENTRY_BYTES + 1, _MP_ENTRY_BYTES)
    }
    places = {start + offset for offset in offsets - {0}}  # 0 is the first one
    if any(place >= len(data) for place in places):
        # Cut off, or the index is wrong, as of some writers: then they are elsewhere.
        places |= {found.start() for found in _JPEG.finditer(data, _jpeg_end(data))}
    for place in sorted(places):
        if place < len(data):
            yield _decoding(data[place:])


_JPEG = re.compile(rb"\xff\xd8\xff")
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")


def _jpeg_end(data: bytes) -> int:
    """Where the first of the pictures ends."""
    at = 2
    while (found := _MARKER.search(data, at)) and found[1] != b"\xd9":
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return found.end() if found else len(data)


# The others: frames, by Pillow.


def _open_heic(stream: io.BytesIO) -> ImageFile.ImageFile:
    import pi_heif  # here, as libheif takes a while to load

    image: ImageFile.ImageFile = pi_heif.HeifImageFile(stream)
    return image


_PLUGINS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "avif": AvifImagePlugin.AvifImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "heic": _open_heic,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
}


def _frames(name: str, data: bytes, *, with_first: bool = False) -> Iterator[Decode]:
    with closing(_PLUGINS[name](io.BytesIO(data))) as image:
        first = None if with_first else image.tell()  # the primary picture of a HEIC is any of them
        for number in count():
            if number == first:
                continue
            try:
                image.seek(number)
            except EOFError:
                return
            yield lambda limits: _drawn(name, image, limits)


def _drawn(name: str, image: ImageFile.ImageFile, limits: Limits) -> Picture:
    pixels = from_pil(image, limits=limits)
    pixels.setflags(write=False)
    return Picture(pixels, name, pixels.shape[1], pixels.shape[0])


def _avif(data: bytes) -> Iterator[Decode]:
    """The brand decides which is shown, where there are a sequence and a still picture."""
    yield from _frames("avif", data)
    if _has_sequence(data):
        other = b"avif" if data[8:12] == b"avis" else b"avis"
        yield from _frames("avif", data[:8] + other + data[12:], with_first=True)


def _heic(data: bytes) -> Iterator[Decode]:
    if _has_sequence(data):
        raise ImageError(Status.UNSUPPORTED, "HEIC: a sequence, whose frames cannot all be read")
    yield from _frames("heic", data)


def _has_sequence(data: bytes) -> bool:
    """Whether one of the outermost boxes (ISO/IEC 14496-12, 4.2) holds tracks."""
    at = 0
    while at + 8 <= len(data):
        if data[at + 4 : at + 8] == b"moov":
            return True
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:
            return False
        at += max(size, 8)
    return False


_FINDERS: dict[str, Callable[[bytes], Iterator[Decode]]] = {
    "avif": _avif,
    "gif": lambda data: _frames("gif", data),
    "heic": _heic,
    "jpeg": _jpeg,
    "png": lambda data: _frames("png", data),
    "tiff": _tiff,
    "webp": lambda data: _frames("webp", data),
}
"""A BMP has one picture."""
