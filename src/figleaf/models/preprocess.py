"""From a decoded picture to the array that a graph takes, as its card says."""

import io
from functools import lru_cache
from typing import Any

import numpy as np
import simplejpeg  # type: ignore[import-untyped]  # ships stubs, but no py.typed
from numpy.typing import NDArray
from PIL import Image

from figleaf.errors import ImageError, Status
from figleaf.models.card import Fit, Input, Resample

MAX_SIDE = 2**20
"""The longest side, in pixels, that is resized."""

_WIDE = 4
_PILLOW_FILTERS = {
    Resample.BILINEAR: Image.Resampling.BILINEAR,
    Resample.BICUBIC: Image.Resampling.BICUBIC,
    Resample.NEAREST: Image.Resampling.NEAREST,
    Resample.BOX: Image.Resampling.BOX,
    Resample.HAMMING: Image.Resampling.HAMMING,
    Resample.LANCZOS: Image.Resampling.LANCZOS,
}
_LONG = 16
"""How many times as long as wide a picture is before its ends, which no crop shows, go."""


def prepare(pixels: NDArray[np.uint8], spec: Input) -> NDArray[np.float32]:
    """Turn a picture into one input of a graph, without its batch axis.

    Args:
        pixels: uint8 RGB of shape (height, width, 3).
        spec: the input, from the model's card.

    Returns:
        float32 RGB in 0..255 of shape (*spec.size, 3), C-contiguous.

    Raises:
        ImageError: TOO_MANY_PIXELS for a side beyond any real picture's, which would take filters
            of gigabytes to resize.
    """
    if max(pixels.shape[:2]) > MAX_SIDE:
        reason = f"a side of {max(pixels.shape[:2]):,} pixels, over {MAX_SIDE:,}"
        raise ImageError(Status.TOO_MANY_PIXELS, reason)
    if spec.fit is Fit.SHORTEST_EDGE:
        pixels, resize = _kept_in_shape(pixels, spec.resize[0])
    else:
        resize = spec.resize
    cropped = _centre_crop(_resized(pixels, resize, spec.resample), spec.size)
    if spec.jpeg_quality is not None:
        cropped = _jpeg_round_trip(cropped, spec.jpeg_quality)
    return np.ascontiguousarray(cropped, dtype=np.float32)


def _kept_in_shape(
    pixels: NDArray[np.uint8], shorter: int
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """What is to be resized, and to what: the shorter side to a length, the longer as it falls.

    The longer is int(shorter * long / short), as transformers and torchvision have it. Of a line of
    a million pixels that would be gigabytes of which the middle is shown, so its ends go first.
    """
    height, width = pixels.shape[:2]
    short, long = sorted((height, width))
    if long > _LONG * short:
        ends = (long - _LONG * short) // 2
        middle = slice(ends, ends + _LONG * short)
        pixels = pixels[:, middle] if width > height else pixels[middle]
        long = _LONG * short
    longer = int(shorter * long / short)
    return pixels, (shorter, longer) if width > height else (longer, shorter)


def _resized(pixels: NDArray[np.uint8], size: tuple[int, int], resample: Resample) -> NDArray[Any]:
    """A picture of the size (height, width): float32 with corners aligned, else uint8."""
    if resample is Resample.BILINEAR_ALIGN_CORNERS:
        return resize_align_corners(pixels, size)
    picture = Image.fromarray(pixels).resize(size[::-1], _PILLOW_FILTERS[resample])
    return np.asarray(picture)


def resize_align_corners(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
    """Resize bilinearly with corner pixels on corner pixels, in float, without antialiasing.

    The source coordinate of output pixel i of S is i*(n-1)/(S-1), in float32, as in TensorFlow's
    ResizeBilinear with align_corners=True.

    Args:
        pixels: uint8 of shape (height, width, channels).
        size: (height, width) of the result.

    Returns:
        float32 of shape (*size, channels), in 0..255.
    """
    top, bottom, down = _taps(pixels.shape[0], size[0])
    left, right, along = _taps(pixels.shape[1], size[1])
    weight = down[:, None, None]
    if pixels.shape[1] <= _WIDE * size[1]:
        # Whole rows are contiguous, which is fastest, but takes memory by the picture's width.
        rows = _blend(pixels.take(top, axis=0), pixels.take(bottom, axis=0), weight)
        west, east = rows.take(left, axis=1), rows.take(right, axis=1)
    else:
        above, below = top[:, None], bottom[:, None]
        west = _blend(pixels[above, left], pixels[below, left], weight)
        east = _blend(pixels[above, right], pixels[below, right], weight)
    return _blend(west, east, along[:, None])


def _blend(
    low: NDArray[Any], high: NDArray[Any], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """low + (high - low) * weight, in float32."""
    result: NDArray[np.float32] = np.subtract(high, low, dtype=np.float32)
    result *= weight
    result += low
    return result


@lru_cache(maxsize=512)  # photos come in a few sizes; an entry is a few kilobytes
def _taps(length: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """The lower and upper source index and the upper one's weight for each output index."""
    step = np.float32((length - 1) / (size - 1)) if size > 1 else np.float32(0)
    position = np.arange(size, dtype=np.float32) * step
    low = np.minimum(np.floor(position), length - 1)
    lower = low.astype(np.intp)
    return lower, np.minimum(lower + 1, length - 1), position - low


def _centre_crop(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    top = (pixels.shape[0] - size[0]) // 2
    left = (pixels.shape[1] - size[1]) // 2
    return pixels[top : top + size[0], left : left + size[1]]


def _jpeg_round_trip(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    # Pillow's encoder on purpose: another one moves the scores (by up to .31 for open_nsfw). Both
    # decode with libjpeg-turbo to the same pixels; simplejpeg takes half the time.
    with io.BytesIO() as buffer:
        Image.fromarray(pixels).save(buffer, format="JPEG", quality=quality)
        decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(buffer.getvalue(), "RGB")
    return decoded
