"""Frames of moving pictures, evenly over their length.

Animations go through Pillow, as still pictures do, videos through PyAV: see `figleaf.images.video`.
"""

import io
import math
from bisect import bisect_right
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, ImageFile, PngImagePlugin, WebPImagePlugin

from figleaf.errors import ImageError, InputError, Status
from figleaf.images.convert import Colour
from figleaf.images.decode import WHITE, Picture, decode, from_pil
from figleaf.images.limits import Limits
from figleaf.images.moving import animation_of, demuxer_of, kind_of_moving, timing_of
from figleaf.images.silence import pillow_silenced
from figleaf.images.video import open_film

__all__ = ["Frame", "kind_of_moving", "sample"]

_MAX_RUN = 2**28
"""Pixels decoded on the way to one frame of an animation."""
_ROUNDING = 1e-6
"""Times are sums of numbers that are not exact."""

PLUGINS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "gif": GifImagePlugin.GifImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
}
"""What opens an animation, by its format."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a moving picture.

    Attributes:
        seconds: when it is shown, counted from the first frame.
        picture: upright, transparency laid over white. Its format is the animation's, or the name
            of FFmpeg's demuxer: "mov" (MP4 too), "matroska" (WebM too), "avi", "flv", "ogg", "asf",
            "mpeg", "mpegvideo" or "mpegts". Pixels that are not square are left so.
    """

    seconds: float
    picture: Picture


def sample(
    data: bytes,
    *,
    every: float = 1.0,
    most: int = 8,
    limits: Limits = Limits(),  # noqa: B008  # frozen, and shown as it is in the documentation
) -> list[Frame]:
    """Take frames of a moving picture, evenly over its length.

    It is cut into equal parts: as many as `most`, or fewer, so that none is shorter than `every`
    seconds. Of each part the frame is taken that is shown when it begins: of the first one, the
    first frame. A frame that is shown through several parts is taken once. All frames together
    have at most `limits.max_pixels` pixels, or there is one alone.

    Where 2**28 pixels or more would have to be decoded on the way to a frame, the last key frame
    before it is taken instead, or none. Damaged frames are passed over, as players do.

    Args:
        data: the file's bytes. A still picture has one frame, at 0 seconds.
        every: seconds that a part lasts, at least.
        most: frames, at most.
        limits: how many bytes the file and how many pixels a frame may have.

    Returns:
        At least one frame; in order of time.

    Raises:
        ImageError: EMPTY, TOO_MANY_BYTES, TOO_MANY_PIXELS; TRUNCATED where the file ends before its
            container does; UNSUPPORTED for an unusual codec; NOT_AN_IMAGE for sound alone, and for
            bytes of another kind; CORRUPT where not one frame can be decoded.
        MissingExtraError: it is a video, and PyAV is not installed.
        InputError: `every` or `most` is not above zero.
    """
    if not every > 0 or most < 1:
        raise InputError(f"every and most must be above zero, not {every} and {most}")
    limits.check_bytes(len(data))
    plan = _Plan(every, most, limits)
    demuxer = demuxer_of(data)
    if demuxer is not None:
        return _of_video(demuxer, data, plan)
    first = decode(data, limits=limits)  # says what is wrong with a picture
    if animation_of(data) is None:
        return [Frame(0.0, first)]
    return _of_animation(first, data, plan)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the caller wants, and allows."""

    every: float
    most: int
    limits: Limits

    def moments(self, seconds: float, size: int) -> list[float]:
        """When the parts begin, in seconds, of a film whose frames have `size` pixels."""
        affordable = max(1, self.limits.max_pixels // size)
        parts = max(1, math.floor(min(seconds / self.every + _ROUNDING, self.most, affordable)))
        return [seconds * part / parts for part in range(parts)]


def _of_video(demuxer: str, data: bytes, plan: _Plan) -> list[Frame]:
    frames: list[Frame] = []
    room = plan.limits.max_pixels
    with open_film(demuxer, data, plan.limits) as film:
        for shot in film.shots(plan.moments(film.seconds, film.size)):
            picture = as_picture(shot.pixels, demuxer)
            room -= picture.width * picture.height
            if room < 0 and frames:  # a frame may be larger than the header says
                break
            frames.append(Frame(shot.seconds, picture))
    if not frames:
        raise ImageError(Status.CORRUPT, f"{demuxer}: not one frame can be decoded")
    return frames


def _of_animation(first: Picture, data: bytes, plan: _Plan) -> list[Frame]:
    name = first.format
    timing = timing_of(name, data)
    if not timing.whole:
        raise ImageError(Status.TRUNCATED, f"{name.upper()}: the file ends within the animation")
    *begins, length = accumulate(timing.seconds, initial=0.0)
    size = first.width * first.height
    moments = plan.moments(length, size)
    indices = sorted({bisect_right(begins, moment + _ROUNDING) - 1 for moment in moments})
    # Frames are drawn one upon the other, so that all of them up to the last are decoded.
    reach = max(0, _MAX_RUN * len(moments) // size - 1)
    frames: list[Frame] = []
    with pillow_silenced(), closing(PLUGINS[name](io.BytesIO(data))) as image:
        for index in indices[: bisect_right(indices, reach)]:
            pixels = drawn(image, index + timing.hidden, plan.limits)
            if pixels is None:
                break
            frames.append(Frame(round(begins[index], 6), as_picture(pixels, name)))
    return frames or [Frame(0.0, first)]


def drawn(
    image: ImageFile.ImageFile, index: int, limits: Limits, background: Colour = WHITE
) -> NDArray[np.uint8] | None:
    """Frame `index`, or None where it, or one that it is drawn upon, is damaged."""
    try:
        image.seek(index)
        return from_pil(image, limits=limits, background=background)
    except Exception:  # noqa: BLE001  # damage makes Pillow raise anything
        return None


def as_picture(pixels: NDArray[np.uint8], name: str) -> Picture:
    """A frame's pixels as a picture; they are made read-only."""
    pixels.setflags(write=False)
    return Picture(pixels, name, pixels.shape[1], pixels.shape[0])
