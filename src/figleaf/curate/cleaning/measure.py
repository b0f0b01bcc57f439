"""What is measured of one image's bytes, in a process that can be killed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ImageError, Status
from figleaf.images import Limits, decode
from figleaf.images.border import find_border
from figleaf.images.pages import has_other_pictures
from figleaf.images.phash import pdq_and_mirrored
from figleaf.sources.reply import FORMATS, LONGEST_SIDE

_SAMPLED = 256
"""Pixels along each side, at most about, that the spread is measured over."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """PDQ hashes of a picture and of its mirror image, and their quality, 0..100."""

    pdq: bytes
    mirrored: bytes
    quality: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What an image is.

    Attributes:
        format: "jpeg", "png" and so on, by content.
        width: in pixels, upright.
        height: likewise.
        spread: the largest standard deviation of a channel, 0..127.5.
        whole: hashes of the whole picture.
        inner: of the picture without a border of one colour; None where it has none.
        has_others: whether the file holds further pictures, which none of this is of.
    """

    format: str
    width: int
    height: int
    spread: float
    whole: Hashes
    inner: Hashes | None
    has_others: bool


def measure(data: bytes, *, limits: Limits) -> dict[str, Any]:
    """Decode in full, and measure.

    Returns:
        what `parse_measured` takes.

    Raises:
        ImageError: the bytes are no usable picture.
    """
    picture = decode(data, limits=limits)
    border = find_border(picture.pixels)
    return {
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "spread": _spread(picture.pixels),
        "whole": _hashes(picture.pixels),
        "inner": _hashes(border.inner(picture.pixels)) if border else None,
        "has_others": _may_have_others(data),
    }


def _may_have_others(data: bytes) -> bool:
    """Whether the file holds further pictures, as far as that can be told."""
    try:
        return has_other_pictures(data)
    except ImageError:  # the first is fine all the same
        return True


def parse_measured(reply: Any) -> Measured:
    """Check what a worker sent: hostile bytes may have taken it over.

    Raises:
        ImageError: CRASHED; it is no answer of `measure`.
    """
    match reply:
        case {
            "format": str(name),
            "width": int(width),
            "height": int(height),
            "spread": float(spread),
            "whole": [bytes(), bytes(), int()] as whole,
            "inner": None | [bytes(), bytes(), int()] as inner,
            "has_others": bool(has_others),
        } if (
            name in FORMATS
            and 0 < width < LONGEST_SIDE
            and 0 < height < LONGEST_SIDE
            and 0 <= spread <= 128  # no NaN
            and all(map(_is_sound, (whole, inner)))
        ):
            found = Hashes(*inner) if inner else None
            return Measured(name, width, height, spread, Hashes(*whole), found, has_others)
    raise ImageError(Status.CRASHED, "the worker sent no measurements")


def _is_sound(hashes: list[Any] | None) -> bool:
    if hashes is None:
        return True
    upright, mirrored, quality = hashes
    return len(upright) == len(mirrored) == 32 and 0 <= quality <= 100


def _hashes(pixels: NDArray[np.uint8]) -> list[bytes | int]:
    pair = pdq_and_mirrored(pixels)
    return [pair.upright.bits, pair.mirrored.bits, pair.upright.quality]


def _spread(pixels: NDArray[np.uint8]) -> float:
    """The largest standard deviation of a channel; of a large picture, over a grid of pixels."""
    height, width = pixels.shape[:2]
    grid = pixels[:: max(1, height // _SAMPLED), :: max(1, width // _SAMPLED)]
    channels = np.ascontiguousarray(grid.transpose(2, 0, 1)).reshape(3, -1)
    return float(channels.std(axis=1).max())
