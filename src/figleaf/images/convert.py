"""From any mode that Pillow has to 8-bit RGB."""

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
        uint8 RGB of shape (height, width, 3), C-contiguous. It may be read-only.
    """
    if image.mode in _WIDE_MODES:
        return _wide_to_rgb(image, background)
    if _is_transparent(image):
        return np.asarray(_flatten(image, background))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def flatten_array(pixels: NDArray[np.uint8], background: Colour) -> NDArray[np.uint8]:
    """Lay uint8 RGBA of shape (height, width, 4) over `background`: uint8 RGB."""
    return np.asarray(_flatten(Image.fromarray(np.ascontiguousarray(pixels), "RGBA"), background))


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in _TRANSPARENT_MODES or "transparency" in image.info


def _flatten(image: Image.Image, background: Colour) -> Image.Image:
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert(image.mode[:-1] + "A")
    image = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, background)
    canvas.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return canvas


def _wide_to_rgb(image: Image.Image, background: Colour) -> NDArray[np.uint8]:
    samples = np.asarray(image)
    grey = (samples >> 8).astype(np.uint8) if samples.dtype.itemsize == 2 else _stretch(samples)
    rgb = np.repeat(grey[:, :, None], 3, axis=2)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):  # PNG's tRNS: one grey level is see-through
        rgb[samples == transparent] = background
    return rgb


def _stretch(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Map the least value to 0 and the greatest to 255; a flat picture becomes black."""
    values = np.nan_to_num(samples.astype(np.float64), posinf=0.0, neginf=0.0)
    least, greatest = float(values.min()), float(values.max())
    # Halved, so that the span of the widest floats does not overflow.
    span = greatest / 2 - least / 2
    if span == 0:
        return np.zeros(values.shape, np.uint8)
    stretched = (values / 2 - least / 2) / span * 255
    return np.asarray(np.rint(stretched), dtype=np.uint8)
