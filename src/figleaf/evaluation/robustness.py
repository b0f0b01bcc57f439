"""What happens to pictures on their way: recompressed, resized, framed, in grey, blurred, mirrored.

Each change is a pure function of uint8 RGB of shape (height, width, 3) to the same, of another size
where it says so. What a model says of the changed picture should be what it said of the first.
"""

import io
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels], Pixels]

_WHITE, _BLACK = 255, 0
_BLUR = 0.01  # of the shorter side: what a thumbnail that was enlarged has lost


def recompress(pixels: Pixels, quality: int) -> Pixels:
    """The picture after a JPEG of some quality, 1..100, with Pillow's encoder (4:2:0)."""
    with io.BytesIO() as buffer:
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
        return np.array(Image.open(buffer))


def resize(pixels: Pixels, factor: float) -> Pixels:
    """The picture at a multiple of its width and height, at least 1 pixel: Pillow's bicubic."""
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


def frame(pixels: Pixels, share: float, value: int) -> Pixels:
    """The picture in a border of one shade, 0..255, on each side that share of its width or height.

    It is larger by twice that.
    """
    down, along = (round(side * share) for side in pixels.shape[:2])
    return np.pad(pixels, ((down, down), (along, along), (0, 0)), constant_values=value)


def grey(pixels: Pixels) -> Pixels:
    """The picture without colour: the luma of ITU-R BT.601 in all three channels."""
    return np.array(Image.fromarray(pixels).convert("L").convert("RGB"))


def blur(pixels: Pixels) -> Pixels:
    """The picture under a Gaussian; its deviation is 1 % of the shorter side, at least a pixel."""
    radius = max(1.0, _BLUR * min(pixels.shape[:2]))
    return np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def mirror(pixels: Pixels) -> Pixels:
    """The picture with left and right exchanged."""
    return np.ascontiguousarray(pixels[:, ::-1])


CHANGES: Mapping[str, Change] = MappingProxyType(
    {
        "jpeg_90": partial(recompress, quality=90),
        "jpeg_50": partial(recompress, quality=50),
        "jpeg_20": partial(recompress, quality=20),
        "half": partial(resize, factor=0.5),
        "quarter": partial(resize, factor=0.25),
        "double": partial(resize, factor=2.0),
        "white_border_10": partial(frame, share=0.1, value=_WHITE),
        "black_border_10": partial(frame, share=0.1, value=_BLACK),
        "white_border_25": partial(frame, share=0.25, value=_WHITE),
        "black_border_25": partial(frame, share=0.25, value=_BLACK),
        "grey": grey,
        "blur": blur,
        "mirror": mirror,
    }
)
"""Every change by its name, in the order of the tables."""
