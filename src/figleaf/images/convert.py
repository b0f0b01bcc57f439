"""From any mode that Pillow has to 8-bit RGB."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[int, int, int]
"""Red, green and blue, each 0..255."""

_TRANSPARENT_MODES = frozenset({"LA", "PA", "RGBA", "La", "RGBa"})
_WIDE_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I", "F"})


def to_rgb(image: Image.Image, background: Colour) -> NDArray[np.uint8]:
    """Convert a loaded picture to RGB: alpha over `background`, wide samples scaled to 8 bits.

    16-bit grey keeps its high byte, as Pillow does for 16-bit RGB. 32-bit integers and floats have
    no agreed range: they are stretched from their least to their greatest value. Colour profiles
    are not applied; CMYK is converted without one.

    Args:
        image: any mode.
        background: what shows through transparent pixels.

    Returns:
        uint8 RGB of shape (height, width, 3), C-contiguous.
    """
    convert = _converter(image, background)
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for top, strip in _strips(image):
        rgb[top : top + strip.height] = convert(strip)
    return rgb


def flatten_array(pixels: NDArray[np.uint8], background: Colour) -> NDArray[np.uint8]:
    """Lay uint8 RGBA of shape (height, width, 4) over `background`: uint8 RGB."""
    return to_rgb(Image.fromarray(np.ascontiguousarray(pixels), "RGBA"), background)


_STRIP_PIXELS = 2**18


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Cut into strips of whole rows: the first row's number and the strip.

    Each conversion makes a copy or three. So they are copies of a strip, which is also faster, as
    it stays in the processor's cache.
    """
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _converter(image: Image.Image, background: Colour) -> Callable[[Image.Image], NDArray[Any]]:
    """Choose what turns a strip into uint8 RGB, or into grey with one channel."""
    if image.mode in _WIDE_MODES:
        return _wide_converter(image, background)
    if _is_transparent(image):
        return lambda strip: np.asarray(_flatten(strip, background))
    return lambda strip: np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in _TRANSPARENT_MODES or "transparency" in image.info


def _flatten(image: Image.Image, background: Colour) -> Image.Image:
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert(image.mode[:-1] + "A")
    if image.mode == "RGB":
        image.info["transparency"] = _eight_bits(image.info["transparency"])
    image = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, background)
    canvas.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return canvas


def _eight_bits(key: Any) -> Any:
    """The see-through colour of a 16-bit PNG, cut to the high bytes as Pillow cut its pixels.

    That the PNG had 16 bits shows only in a key above 255: another key of them is taken for one of
    8 bits, which matches nothing but black.
    """
    if isinstance(key, tuple) and max(key) > 255:
        return tuple(part >> 8 for part in key)
    return key


def _wide_converter(
    image: Image.Image, background: Colour
) -> Callable[[Image.Image], NDArray[np.uint8]]:
    narrow = _high_byte if image.mode.startswith("I;16") else _stretcher(image)
    transparent = image.info.get("transparency")

    def convert(strip: Image.Image) -> NDArray[np.uint8]:
        samples = np.asarray(strip)
        rgb = np.repeat(narrow(samples)[:, :, None], 3, axis=2)
        if isinstance(transparent, int):  # PNG's tRNS: one grey level is see-through
            rgb[samples == transparent] = background
        return rgb

    return convert


def _high_byte(samples: NDArray[Any]) -> NDArray[np.uint8]:
    return (samples >> 8).astype(np.uint8)


def _stretcher(image: Image.Image) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
    """Map the least value to 0 and the greatest to 255; a flat picture becomes black."""
    ranges = [_range(np.asarray(strip)) for _, strip in _strips(image)]
    least, greatest = min(low for low, _ in ranges), max(high for _, high in ranges)
    # In float64: the span of the widest floats does not overflow, nor do integers lose digits.
    span = greatest - least

    def stretch(samples: NDArray[Any]) -> NDArray[np.uint8]:
        if span == 0:
            return np.zeros(samples.shape, np.uint8)
        stretched = (_finite(samples) - least) / span * 255
        return np.asarray(np.rint(stretched), dtype=np.uint8)

    return stretch


def _range(samples: NDArray[Any]) -> tuple[float, float]:
    values = _finite(samples)
    return float(values.min()), float(values.max())


def _finite(samples: NDArray[Any]) -> NDArray[np.float64]:
    return np.nan_to_num(samples.astype(np.float64), posinf=0.0, neginf=0.0)
