"""EXIF says which way up."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from figleaf.images import decode

from .samples import (
    encode,
    exif,
    marked,
    sample,
)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["baseline", "png", "webp lossless", "tiff", "tiff lzw", "avif"])
def test_exif_orientation(kind: str, orientation: int) -> None:
    data = sample(kind, marked(), exif=exif(orientation))
    picture = decode(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(picture.pixels, expected)
    assert (picture.height, picture.width) == expected.shape[:2]
    assert picture.width == (32 if orientation >= 5 else 64)


@pytest.mark.parametrize(
    ("orientation", "corners"),
    [  # where the stored red, green, blue and white quarters go, by the EXIF specification
        (1, "rgbw"),
        (2, "grwb"),
        (3, "wbgr"),
        (4, "bwrg"),
        (5, "rbgw"),
        (6, "brwg"),
        (7, "wgbr"),
        (8, "gwrb"),
    ],
)
def test_orientation_by_the_specification(orientation: int, corners: str) -> None:
    pixels = decode(encode(marked(), "PNG", exif=exif(orientation))).pixels
    names = {(255, 0, 0): "r", (0, 255, 0): "g", (0, 0, 255): "b", (255, 255, 255): "w"}
    seen = [names[tuple(pixels[y, x].tolist())] for y in (2, -3) for x in (2, -3)]
    assert "".join(seen) == corners


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_makes_no_sense_is_none(orientation: int) -> None:
    assert decode(sample("baseline", exif=exif(orientation))).width == 160


def test_damaged_exif_does_not_cost_the_picture() -> None:
    for block in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + bytes(range(200))):
        assert decode(sample("baseline", exif=block)).width == 160
