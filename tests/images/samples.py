"""Small pictures of every format, and what the decoder makes of them."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from PIL import Image

from figleaf.errors import ImageError, Status
from figleaf.images import decode

PHOTO = Path(skimage.__file__).parent / "data" / "astronaut.png"
ORIENTATION = 0x0112


def photo(size: tuple[int, int] = (160, 120)) -> Image.Image:
    with Image.open(PHOTO) as image:
        small = image.convert("RGB").resize(size)
    small.info.clear()  # its colour profile would be written behind the pixels of some formats
    return small


def encode(image: Image.Image, name: str, **options: Any) -> bytes:
    with io.BytesIO() as stream:
        image.save(stream, name, **options)
        return stream.getvalue()


def refused(data: bytes, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(data, **options)
    assert "\n" not in caught.value.reason
    assert " at 0x" not in caught.value.reason
    return caught.value


def outcome(data: bytes, **options: Any) -> NDArray[np.uint8] | tuple[Status, str]:
    try:
        return decode(data, **options).pixels
    except ImageError as error:
        return error.status, error.reason


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


FORMATS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "baseline": ("jpeg", "JPEG", {"quality": 90}),
    "progressive": ("jpeg", "JPEG", {"quality": 90, "progressive": True}),
    "png": ("png", "PNG", {}),
    "webp": ("webp", "WEBP", {}),
    "webp lossless": ("webp", "WEBP", {"lossless": True}),
    "avif": ("avif", "AVIF", {}),
    "bmp": ("bmp", "BMP", {}),
    "tiff": ("tiff", "TIFF", {}),
    "tiff lzw": ("tiff", "TIFF", {"compression": "tiff_lzw"}),
    "tiff deflate": ("tiff", "TIFF", {"compression": "tiff_adobe_deflate"}),
    "gif": ("gif", "GIF", {}),
}
each_format = pytest.mark.parametrize("kind", FORMATS)


def sample(kind: str, image: Image.Image | None = None, **more: Any) -> bytes:
    _, name, options = FORMATS[kind]
    return encode(image or photo(), name, **options, **more)


def marked() -> Image.Image:
    """A wide picture with a different colour in each quarter."""
    image = Image.new("RGB", (64, 32))
    for box, colour in {
        (0, 0, 32, 16): "red",
        (32, 0, 64, 16): "lime",
        (0, 16, 32, 32): "blue",
        (32, 16, 64, 32): "white",
    }.items():
        image.paste(colour, box)
    return image


def half_transparent() -> Image.Image:
    image = Image.new("RGBA", (40, 20), (200, 0, 0, 255))
    image.paste((0, 200, 0, 0), (20, 0, 40, 20))
    return image


def warning_tiff() -> bytes:
    """A TIFF at which Pillow warns: a tag whose data lies beyond the end."""
    data = bytearray(encode(photo(), "TIFF", software="x" * 40))
    at = data.index(struct.pack("<HH", 305, 2))
    data[at + 8 : at + 12] = struct.pack("<I", len(data) + 10)
    return bytes(data)


def chunk(kind: bytes, body: bytes) -> bytes:
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def grey_png(width: int, height: int, rows: bytes, *, depth: int = 8, colour: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
