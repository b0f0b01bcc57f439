"""What an examining process answers, believed no more than it can be checked.

The process has read hostile bytes with C libraries, and may have been taken over by them: what it
says becomes part of a path and of the ledger.
"""

from dataclasses import dataclass
from typing import Any, NoReturn

from figleaf.errors import ImageError, Status

FORMATS = frozenset({"jpeg", "png", "webp", "avif", "heic", "bmp", "tiff", "gif"})

_PDQ_BYTES = 32
LONGEST_SIDE = 2**31
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Perceptual:
    """A PDQ hash, 32 bytes, and its quality, 0..100."""

    bits: bytes
    quality: int


@dataclass(frozen=True, slots=True)
class Found:
    """A picture in the bytes; `data` and `seconds` are a frame's, else None."""

    format: str
    width: int
    height: int
    pdq: Perceptual | None
    seconds: float | None
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Reply:
    """The pictures to keep, hashes of further ones in the file, or why a moving one is refused."""

    pictures: tuple[Found, ...] = ()
    others: tuple[Perceptual, ...] = ()
    moving: str | None = None


def parse_reply(reply: Any) -> Reply:
    """Check an answer of `examine.examine`.

    Raises:
        ImageError: CRASHED, for what no honest process answers.
    """
    match reply:
        case {"moving": str(why)}:
            return Reply(moving=why[:_LONGEST_REASON])
        case {"pictures": [_, *_] as pictures}:
            found = tuple(map(_picture, pictures))
            others = tuple(_perceptual(*pair) for pair in _pairs(reply.get("others", [])))
        case _:
            _refuse()
    still = len(found) == 1 and found[0].data is None and found[0].seconds is None
    frames = all(one.data is not None and one.seconds is not None for one in found)
    if not (still or frames):
        _refuse()
    return Reply(found, others)


def _picture(value: Any) -> Found:
    match value:
        case {
            "format": str(name),
            "width": int(width),
            "height": int(height),
            "pdq": None | bytes() as bits,
            "quality": None | int() as quality,
            "seconds": None | float() | int() as seconds,
            "data": None | bytes() as data,
        } if name in FORMATS and 0 < width < LONGEST_SIDE and 0 < height < LONGEST_SIDE:
            pdq = None if bits is None else _perceptual(bits, quality)
            return Found(name, width, height, pdq, seconds, data)
    _refuse()


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if not isinstance(value, list):
        _refuse()
    for pair in value:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            _refuse()
    return [(first, second) for first, second in value]


def _perceptual(bits: Any, quality: Any) -> Perceptual:
    if not isinstance(bits, bytes) or len(bits) != _PDQ_BYTES:
        _refuse()
    if not isinstance(quality, int) or not 0 <= quality <= 100:
        _refuse()
    return Perceptual(bits, quality)


def _refuse() -> NoReturn:
    raise ImageError(Status.CRASHED, "the examining process answered what no sound one does")
