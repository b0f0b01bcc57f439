"""Whether a picture moves, by its headers alone: containers of videos, and the times of animations.

Nothing is decoded here, and nothing raised: what is wrong with a picture the decoders say.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from figleaf.errors import ImageError
from figleaf.images.formats import ends_early, identify

_DEMUXERS: tuple[tuple[bytes, str], ...] = (
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"FLV\x01", "flv"),
    (b"OggS", "ogg"),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel", "asf"),
    (b"\0\0\1\xba", "mpeg"),
    (b"\0\0\1\xb3", "mpegvideo"),
)
_BOXES = frozenset(
    b"ftyp moov mdat moof free skip wide uuid meta sidx styp mfra udta pnot PICT".split()
)
"""That ISO base media and QuickTime files have outermost."""
_TRANSPORT_PACKETS = ((0, 188), (4, 192))
"""MPEG transport streams, and those with a time before each packet: offset, then length."""
_SYNC = b"G"

_MAX_HEADERS = 2**20
"""Read in one file, each of which takes a microsecond or two. No animation has so many frames."""

_SHORTEST, _DEFAULT = 0.01, 0.1
"""Browsers show frames of 10 ms and less, which many old animations have, for 100 ms."""


def kind_of_moving(data: bytes) -> str | None:
    """Tell moving pictures from still ones by content, without decoding any.

    Returns:
        "animation" for a GIF, WebP or APNG of two frames or more; "video" for a container of videos
        (MP4, QuickTime, WebM, Matroska, AVI, FLV, Ogg, MPEG, Windows Media), even where it turns
        out to hold sound alone; None for everything else. A sequence in AVIF or HEIC is taken for
        its first picture.
    """
    if demuxer_of(data) is not None:
        return "video"
    return None if animation_of(data) is None else "animation"


def demuxer_of(data: bytes) -> str | None:
    """FFmpeg's name for a container of videos, None for everything else."""
    for signature, name in _DEMUXERS:
        if data.startswith(signature):
            return name
    if data.startswith(b"RIFF") and data[8:12] == b"AVI ":
        return "avi"
    for offset, length in _TRANSPORT_PACKETS:
        if all(data[offset + n * length :][:1] == _SYNC for n in range(4)):
            return "mpegts"
    # Text, in which such a word stands by chance, begins with a higher byte.
    boxes = data[4:8] in _BOXES and data[0] < ord("\t")
    return "mov" if boxes and not _is_still(data) else None


def _is_still(data: bytes) -> bool:
    """Whether a file of boxes is an image, or a camera's raw picture."""
    try:
        identify(data)
    except ImageError:
        return data[4:8] == b"ftyp" and data[8:12] == b"crx "
    return True


def is_cut(demuxer: str, data: bytes) -> bool:
    """Whether a container of videos says that it is longer than `data`.

    Only MP4, QuickTime, Matroska, WebM and AVI say where they end; it is False for the others.
    """
    return _stated_end(demuxer, data) > len(data)


def _stated_end(demuxer: str, data: bytes) -> int:
    if demuxer == "mov":
        return _boxes_end(data)
    if demuxer == "matroska":
        return _segment_end(data)
    size = int.from_bytes(data[4:8], "little")
    return 8 + size if demuxer == "avi" and size != 0xFFFFFFFF else 0


def _boxes_end(data: bytes) -> int:
    """Where the last box ends (ISO/IEC 14496-12, 4.2), whatever else follows it."""
    at = 0
    while at + 8 <= len(data) and data[at + 4 : at + 8] in _BOXES:
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size == 0:  # up to the end of the file
            return len(data)
        at += max(size, 8)
    return at


def _segment_end(data: bytes) -> int:
    """Where Matroska's segment ends (RFC 8794, RFC 9559); 0 where it does not say."""
    size, at = _ebml_size(data, 4)
    at += size
    if data[at : at + 4] != b"\x18\x53\x80\x67":
        return 0
    size, at = _ebml_size(data, at + 4)
    return at + size if size else 0


def _ebml_size(data: bytes, at: int) -> tuple[int, int]:
    """A size (0 for "unknown"), and where it ends: the first byte's zeros tell its length."""
    first = data[at] if at < len(data) else 0
    length = 9 - first.bit_length()
    value = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
    unknown = value == (1 << 7 * length) - 1
    return (0 if unknown else value), at + length


# Animations.


@dataclass(frozen=True, slots=True)
class Timing:
    """The frames of an animation.

    Attributes:
        seconds: how long each is shown, in order, as browsers show it.
        hidden: pictures before the first frame that are not shown: 1 where a PNG has another
            picture for programs that know no animations.
        whole: False where the file ends in the middle of it.
    """

    seconds: tuple[float, ...]
    hidden: int
    whole: bool


def animation_of(data: bytes) -> str | None:
    """The format of an animation of two frames or more: "gif", "png" or "webp"; None otherwise."""
    try:
        name = identify(data)
    except ImageError:
        return None
    if name not in _WALKS:
        return None
    frames = 0
    with suppress(_CutError):
        for _ in islice(_WALKS[name](_Headers(data)), 2):
            frames += 1
    return name if frames > 1 else None


def timing_of(name: str, data: bytes) -> Timing:
    """Read how long each frame of an animation is shown; `name` is what `animation_of` says."""
    headers, seconds, whole = _Headers(data), [], True
    try:
        for delay in _WALKS[name](headers):
            seconds.append(delay if delay > _SHORTEST else _DEFAULT)
    except _CutError:
        whole = False
    return Timing(tuple(seconds), headers.hidden, whole)


class _CutError(Exception):
    """The file ends too early."""


@dataclass(slots=True)
class _Headers:
    """A walk through the headers of an animation, which yields the delay of each frame."""

    data: bytes
    hidden: int = 0
    read: int = 0

    def gif(self) -> Iterator[float]:
        """GIF89a: a frame is an image block, its delay in the graphic control block before it."""
        at, delay = 13 + _colours(self._little(10, 1)), 0
        while (kind := self._little(at, 1)) in (0x21, 0x2C):
            if kind == 0x2C:
                yield delay / 100
                at, delay = at + 11 + _colours(self._little(at + 9, 1)), 0
            else:
                if self._little(at + 1, 1) == 0xF9:
                    delay = self._little(at + 4, 2)
                at += 2
            at = self._after_blocks(at)

    def png(self) -> Iterator[float]:
        """PNG, third edition: a frame is an fcTL chunk, in a file that has an acTL chunk."""
        at, frames, animated = 8, 0, False
        while (kind := self.data[at + 4 : at + 8]) != b"IEND":
            size = self._big(at, 4)
            if kind == b"acTL":
                animated = True
            elif kind == b"IDAT":
                if not animated:
                    return
                self.hidden = 0 if frames else 1
            elif kind == b"fcTL" and animated:
                frames += 1
                yield self._big(at + 28, 2) / (self._big(at + 30, 2) or 100)
            at += 12 + size

    def webp(self) -> Iterator[float]:
        """WebP (RFC 9649): a frame is an ANMF chunk."""
        if ends_early("webp", self.data):
            raise _CutError
        at = 12
        while at + 8 <= len(self.data):
            if self.data[at : at + 4] == b"ANMF":
                yield self._little(at + 20, 3) / 1000
            size = self._little(at + 4, 4)
            at += 8 + size + size % 2

    def _after_blocks(self, at: int) -> int:
        """Skip a GIF's data blocks: each has its length before it, the last has none."""
        try:
            while self.data[at]:
                at += 1 + self.data[at]
        except IndexError:
            raise _CutError from None
        return at + 1

    def _little(self, at: int, size: int) -> int:
        return int.from_bytes(self._bytes(at, size), "little")

    def _big(self, at: int, size: int) -> int:
        return int.from_bytes(self._bytes(at, size), "big")

    def _bytes(self, at: int, size: int) -> bytes:
        part = self.data[at : at + size]
        self.read += 1
        if len(part) < size or self.read > _MAX_HEADERS:
            raise _CutError
        return part


def _colours(flags: int) -> int:
    """The bytes of the colour table that these flags of a GIF announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


_WALKS: dict[str, Callable[[_Headers], Iterator[float]]] = {
    "gif": _Headers.gif,
    "png": _Headers.png,
    "webp": _Headers.webp,
}
