"""What comes out, at which size, and what is refused as an argument."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from figleaf.errors import InputError, Status
from figleaf.images import Limits, decode

from .samples import (
    FORMATS,
    each_format,
    encode,
    exif,
    photo,
    refused,
    sample,
)


@each_format
def test_pixels_are_those_of_pillow(kind: str) -> None:
    data = sample(kind)
    picture = decode(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    assert picture.format == FORMATS[kind][0]
    assert (picture.width, picture.height) == (160, 120)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    assert not picture.pixels.flags.writeable
    np.testing.assert_array_equal(picture.pixels, expected)


@pytest.mark.parametrize("quality", [30, 75, 95])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (17, 33), (160, 120)])
def test_jpeg_equals_pillow(quality: int, subsampling: int, size: tuple[int, int]) -> None:
    data = encode(photo(size), "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(decode(data).pixels, np.asarray(image))


def test_grey_jpeg() -> None:
    data = encode(photo().convert("L"), "JPEG")
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(decode(data).pixels, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk(name: str) -> None:
    # Pillow writes CMYK JPEGs inverted, with Adobe's marker.
    data = encode(photo().convert("CMYK"), name)
    pixels = decode(data).pixels.astype(int)
    assert abs(pixels - np.asarray(photo(), dtype=int)).mean() < 4


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "memoryview"])
def test_any_bytes(kind: str) -> None:
    data = sample("baseline")
    wrapped: dict[str, Any] = {
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
    }
    np.testing.assert_array_equal(decode(wrapped[kind]).pixels, decode(data).pixels)


def test_first_frame() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue")]
    for name in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        data = encode(frames[0], name, save_all=True, append_images=frames[1:])
        pixels = decode(data).pixels
        assert pixels.shape == (10, 20, 3)
        assert abs(pixels.astype(int) - (255, 0, 0)).max() < 12, name


def test_mpo_is_a_jpeg() -> None:
    data = encode(photo(), "MPO", save_all=True, append_images=[photo((80, 60))])
    picture = decode(data)
    assert (picture.format, picture.width) == ("jpeg", 160)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 1)])
@each_format
def test_extreme_shapes(kind: str, size: tuple[int, int]) -> None:
    data = sample(kind, Image.new("RGB", size, "white"))
    assert decode(data).pixels.shape == (size[1], size[0], 3)


@pytest.mark.parametrize("orientation", [1, 6])
def test_at_least(orientation: int) -> None:
    data = encode(photo((1600, 900)), "JPEG", exif=exif(orientation))
    full = decode(data)
    scaled = decode(data, at_least=(224, 224))
    assert (scaled.width, scaled.height) == (full.width, full.height)
    assert min(scaled.pixels.shape[:2]) >= 224
    assert scaled.pixels.shape[0] <= full.height // 2
    height, width = scaled.pixels.shape[:2]
    small = np.asarray(Image.fromarray(full.pixels).resize((width, height), Image.Resampling.BOX))
    assert abs(small.astype(int) - scaled.pixels).mean() < 2


@pytest.mark.parametrize("orientation", [1, 6])
def test_at_least_is_in_upright_terms(orientation: int) -> None:
    upright = photo((400, 1600))
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose.ROTATE_90)
    data = encode(stored, "JPEG", exif=exif(orientation))
    assert decode(data, at_least=(800, 200)).pixels.shape == (800, 200, 3)
    assert decode(data, at_least=(200, 400)).pixels.shape == (1600, 400, 3)


def test_at_least_never_enlarges() -> None:
    data = sample("baseline")
    assert decode(data, at_least=(1000, 1000)).pixels.shape == (120, 160, 3)
    assert decode(sample("png"), at_least=(10, 10)).pixels.shape == (120, 160, 3)


def test_limits_of_bytes_and_pixels() -> None:
    data = sample("png")
    error = refused(data, limits=Limits(max_bytes=100))
    assert error.status is Status.TOO_MANY_BYTES
    assert "100" in error.reason
    assert "max_bytes" in error.reason
    error = refused(data, limits=Limits(max_pixels=160 * 120 - 1))
    assert error.status is Status.TOO_MANY_PIXELS
    assert "160x120" in error.reason
    assert decode(data, limits=Limits(max_bytes=len(data), max_pixels=160 * 120)).width == 160


def test_no_pixels() -> None:
    data = bytearray(sample("gif"))
    data[6:10] = bytes(4)
    frame = data.index(b"\x2c\0\0\0\0", 13 + 3 * 256)
    data[frame + 5 : frame + 9] = bytes(4)
    assert refused(bytes(data)).status in (Status.CORRUPT, Status.TRUNCATED)


@pytest.mark.parametrize("limit", [0, -1])
def test_bad_limits(limit: int) -> None:
    with pytest.raises(InputError, match="max_bytes"):
        Limits(max_bytes=limit)
    with pytest.raises(InputError, match="max_pixels"):
        Limits(max_pixels=limit)


@pytest.mark.parametrize("data", ["photo.jpg", None, 5, Path("photo.jpg")])
def test_not_bytes(data: Any) -> None:
    with pytest.raises(InputError, match="read the file first"):
        decode(data)


def test_bad_arguments() -> None:
    data: Any = sample("png")
    for background in [(1, 2), (1, 2, 300), (-1, 0, 0)]:
        with pytest.raises(InputError, match="background"):
            decode(data, background=background)  # type: ignore[arg-type]
    for size in [(0, 5), (5,), (-1, 2)]:
        with pytest.raises(InputError, match="at_least"):
            decode(data, at_least=size)  # type: ignore[arg-type]
