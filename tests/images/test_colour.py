"""Transparency, depth and colour: from every mode to 8-bit RGB."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from figleaf.images import decode, from_pil

from .samples import (
    chunk,
    encode,
    half_transparent,
    photo,
)


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF", "AVIF", "GIF"])
@pytest.mark.parametrize("background", [(255, 255, 255), (10, 20, 30)])
def test_alpha_over_background(name: str, background: tuple[int, int, int]) -> None:
    options = {"lossless": True} if name == "WEBP" else {}
    pixels = decode(encode(half_transparent(), name, **options), background=background).pixels
    assert abs(pixels[:, 25:].astype(int) - background).max() <= 3
    assert abs(pixels[:, :15].astype(int) - (200, 0, 0)).max() <= 6


def test_partial_alpha_rounds_exactly() -> None:
    image = Image.fromarray(np.arange(256 * 4, dtype=np.uint32).astype(np.uint8).reshape(16, 16, 4))
    pixels = np.asarray(image, dtype=float)
    alpha = pixels[..., 3:] / 255
    expected = pixels[..., :3] * alpha + 255 * (1 - alpha)
    assert abs(decode(encode(image, "PNG")).pixels - expected).max() <= 0.51


@pytest.mark.parametrize("mode", ["LA", "PA", "La", "RGBa"])
def test_other_alpha_modes(mode: str) -> None:
    image = half_transparent()
    if mode == "PA":
        alpha = image.getchannel("A")
        image = image.convert("RGB").convert("P")
        image.putalpha(alpha)
    else:
        image = image.convert("LA").convert("La") if mode == "La" else image.convert(mode)
    assert image.mode == mode
    pixels = from_pil(image, background=(1, 2, 3))
    assert (pixels[:, 20:] == (1, 2, 3)).all()
    assert (pixels[:, :20] != (1, 2, 3)).any()


def test_transparent_colour_in_palette_grey_and_rgb() -> None:
    palette = Image.new("P", (4, 2), 1)
    palette.putpalette([0, 0, 0, 9, 99, 199])
    cases: list[tuple[Image.Image, Any]] = [
        (palette, 1),
        (palette, b"\xff\x00"),
        (Image.new("L", (4, 2), 77), 77),
        (Image.new("RGB", (4, 2), (9, 8, 7)), (9, 8, 7)),
        (Image.new("I;16", (4, 2), 7777), 7777),
        (Image.new("1", (4, 2), 1), 255),
    ]
    for image, key in cases:
        data = encode(image, "PNG", transparency=key)
        assert (decode(data, background=(50, 60, 70)).pixels == (50, 60, 70)).all(), image.mode
        assert (decode(encode(image, "PNG")).pixels != (50, 60, 70)).all(), image.mode


def test_sixteen_bit_grey_keeps_its_range() -> None:
    ramp = np.linspace(0, 65535, 512).astype(np.uint16).reshape(16, 32)
    for name in ("PNG", "TIFF"):
        pixels = decode(encode(Image.fromarray(ramp), name)).pixels
        np.testing.assert_array_equal(pixels[..., 0], ramp >> 8)
        assert (pixels == pixels[..., :1]).all()


def test_sixteen_bit_big_endian_tiff() -> None:
    ramp = np.linspace(0, 65535, 64).astype(">u2").reshape(8, 8)
    entries = [
        (256, 3, 8),
        (257, 3, 8),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (277, 3, 1),
        (278, 3, 8),
    ]
    raw = ramp.tobytes()
    directory = [struct.pack(">HHIHH", tag, kind, 1, value, 0) for tag, kind, value in entries]
    directory.append(struct.pack(">HHII", 273, 4, 1, 8))
    directory.append(struct.pack(">HHII", 279, 4, 1, len(raw)))
    directory.sort()
    body = struct.pack(">H", len(directory)) + b"".join(directory) + bytes(4)
    data = b"MM\0*" + struct.pack(">I", 8 + len(raw)) + raw + body
    np.testing.assert_array_equal(decode(data).pixels[..., 0], ramp >> 8)


def sixteen_bit_png(values: NDArray[Any], transparent: tuple[int, ...] = ()) -> bytes:
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    body = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0))
    if transparent:
        body += chunk(b"tRNS", struct.pack(">HHH", *transparent))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_sixteen_bit_rgb_png() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (6, 5, 3))
    np.testing.assert_array_equal(decode(sixteen_bit_png(values)).pixels, values >> 8)


@pytest.mark.parametrize("key", [(7777, 300, 60000), (256, 0, 0), (0, 0, 0), (65535,) * 3])
def test_transparent_colour_in_sixteen_bit_rgb(key: tuple[int, int, int]) -> None:
    values = np.full((2, 3, 3), 30_000)
    values[0] = key
    pixels = decode(sixteen_bit_png(values, key), background=(50, 60, 70)).pixels
    assert (pixels[0] == (50, 60, 70)).all()
    assert (pixels[1] == 30_000 >> 8).all()
    with Image.open(io.BytesIO(sixteen_bit_png(values, key))) as image:
        np.testing.assert_array_equal(from_pil(image, background=(50, 60, 70)), pixels)
        assert image.info["transparency"] == key, "the argument is left alone"


def test_a_tall_picture_is_converted_in_strips() -> None:
    values = np.random.default_rng(0).integers(0, 256, (3000, 401, 4)).astype(np.uint8)
    pixels = from_pil(Image.fromarray(values), background=(10, 20, 30))
    alpha = values[..., 3:] / 255
    expected = values[..., :3] * alpha + np.array((10, 20, 30)) * (1 - alpha)
    assert abs(pixels - expected).max() <= 0.51
    ramp = np.linspace(-1, 1, 3000 * 401, dtype=np.float32).reshape(3000, 401)
    grey = from_pil(Image.fromarray(ramp))[..., 0]
    assert abs(grey - (ramp + 1) / 2 * 255).max() <= 0.51


def test_floats_and_wide_integers_are_stretched() -> None:
    ramp = np.linspace(-3, 5, 64).reshape(8, 8)
    for array in (ramp.astype(np.float32), (ramp * 2**20).astype(np.int32)):
        pixels = decode(encode(Image.fromarray(array), "TIFF")).pixels
        assert (pixels.min(), pixels.max()) == (0, 255)
        assert (np.diff(pixels[..., 0].astype(int).ravel()) >= 0).all()
    odd = np.array([[np.nan, np.inf], [-np.inf, 1]], np.float32)
    assert decode(encode(Image.fromarray(odd), "TIFF")).pixels.max() == 255
    flat = np.full((2, 2), 3e38, np.float32)
    assert decode(encode(Image.fromarray(flat), "TIFF")).pixels.max() == 0


@pytest.mark.parametrize("mode", ["1", "P", "L", "LAB", "YCbCr", "HSV", "RGBX", "CMYK"])
def test_from_pil_takes_every_mode(mode: str) -> None:
    source = photo()
    if mode == "LAB":
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(rgb, lab, "RGB", "LAB")
        image = ImageCms.applyTransform(source, transform)
        assert image is not None
    else:
        image = source.convert(mode)
    pixels = from_pil(image)
    assert pixels.shape == (120, 160, 3)
    if mode == "1":
        assert set(np.unique(pixels)) == {0, 255}
    elif mode == "L":
        assert (pixels == pixels[..., :1]).all()
    else:
        difference = abs(pixels.astype(int) - np.asarray(source, dtype=int)).mean()
        assert difference < (20 if mode == "P" else 4)
