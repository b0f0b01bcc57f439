"""What the scenes are made with: gradients, smooth noise, grain, and the JPEG at the end."""

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[float, float, float]
Pixels = NDArray[np.float32]

_BLOCK = 16
"""Sides are multiples of it, as those of cameras are."""
_LONGER, _SHORTER = (26, 41), (20, 28)
"""Of the sides, in blocks: 416..640 and 320..432 pixels."""
_TILE = 768
_GRAIN_SEED = 20_260_101


def any_size(random: np.random.Generator) -> tuple[int, int]:
    """A width and a height: mostly landscape format, both within 320..640."""
    long, short = random.integers(*_LONGER), random.integers(*_SHORTER)
    sides = int(long) * _BLOCK, int(short) * _BLOCK
    return sides if random.random() < 0.7 else sides[::-1]


def half_of(size: tuple[int, int]) -> tuple[int, int]:
    """The size that `developed` doubles."""
    return size[0] // 2, size[1] // 2


def any_colour(random: np.random.Generator, low: float = 0.0, high: float = 255.0) -> Colour:
    """A colour, each channel drawn evenly from a range."""
    red, green, blue = random.uniform(low, high, 3).tolist()
    return red, green, blue


def gradient(size: tuple[int, int], ends: tuple[Colour, Colour], angle: float) -> Pixels:
    """A plane that goes from one colour to another.

    Args:
        size: width and height.
        ends: the two colours, 0..255.
        angle: the direction, in radians.

    Returns:
        float32 of shape (height, width, 3), 0..255.
    """
    width, height = size
    along = np.cos(angle) * np.linspace(-1, 1, width, dtype=np.float32)
    down = np.sin(angle) * np.linspace(-1, 1, height, dtype=np.float32)
    share = (along + down[:, None]) / (abs(np.cos(angle)) + abs(np.sin(angle))) / 2 + 0.5
    first, last = np.array(ends, np.float32)
    plane: Pixels = first + share[..., None].astype(np.float32) * (last - first)
    return plane


def smooth_noise(random: np.random.Generator, size: tuple[int, int], cells: int) -> Pixels:
    """Noise that changes over a few cells a side, and finer at half the strength.

    Returns:
        float32 of shape (height, width), about -1..1.
    """
    coarse = random.uniform(-1, 1, (cells, cells)).astype(np.float32)
    fine = random.uniform(-0.5, 0.5, (3 * cells, 3 * cells)).astype(np.float32)
    return _stretched(coarse, size) + _stretched(fine, size)


def _stretched(cells: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC), np.float32)


def developed(random: np.random.Generator, pixels: Pixels, strength: int) -> Image.Image:
    """A picture of float pixels, at twice their size, with the grain of a sensor.

    Painting at half the size takes a quarter of the time, and the grain hides it.

    Args:
        random: says which part of the grain.
        pixels: shape (height, width, 3), 0..255 and a little beyond.
        strength: standard deviation of the grain, on that scale.
    """
    height, width = 2 * pixels.shape[0], 2 * pixels.shape[1]
    small = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    large = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    top, left = random.integers(0, (_TILE - height, _TILE - width))
    grain = _grain(strength)[top : top + height, left : left + width, None]
    return Image.fromarray(np.clip(large + grain, 0, 255).astype(np.uint8))


@cache
def _grain(strength: int) -> NDArray[np.int16]:
    """The same for every picture, that takes a part of its own of it: drawing it costs more."""
    random = np.random.default_rng(_GRAIN_SEED)
    return np.rint(strength * random.standard_normal((_TILE, _TILE))).astype(np.int16)


def jpeg(image: Image.Image, quality: int = 88) -> bytes:
    """An image as a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
