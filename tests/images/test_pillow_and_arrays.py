"""Pictures that somebody else has decoded."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from figleaf.errors import ImageError, InputError, Status
from figleaf.images import Limits, decode, from_array, from_pil

from .samples import (
    ORIENTATION,
    encode,
    exif,
    half_transparent,
    photo,
    sample,
)


def test_from_array() -> None:
    rgb = np.asarray(photo())
    np.testing.assert_array_equal(from_array(rgb), rgb)
    np.testing.assert_array_equal(from_array(rgb[:, :, ::-1], channels="BGR"), rgb)
    grey = rgb[..., 0]
    for array in (grey, grey[..., None]):
        np.testing.assert_array_equal(from_array(array), np.stack([grey] * 3, axis=2))


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_from_array_with_alpha(channels: Any) -> None:
    rgba = np.asarray(half_transparent())
    array = rgba if channels == "RGB" else rgba[:, :, [2, 1, 0, 3]]
    pixels = from_array(array, channels=channels, background=(1, 2, 3))
    assert (pixels[:, :20] == (200, 0, 0)).all()
    assert (pixels[:, 20:] == (1, 2, 3)).all()


def test_from_array_is_contiguous() -> None:
    rgb = np.asarray(photo())
    for array in (rgb[::2, ::-1], np.asfortranarray(rgb), rgb[..., 0].T):
        assert from_array(array).flags.c_contiguous


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 5, 3)), ["(4, 5, 3)", "float64", "astype"]),
        (np.zeros((4, 5, 3), bool), ["bool", "uint8"]),
        (np.zeros((3, 4, 5), np.uint8), ["(3, 4, 5)", "transpose"]),
        (np.zeros((2, 4, 5, 3), np.uint8), ["(2, 4, 5, 3)", "one by one"]),
        (np.zeros((4, 5, 2), np.uint8), ["(4, 5, 2)"]),
        (np.zeros(4, np.uint8), ["(4,)"]),
        (np.zeros((0, 5, 3), np.uint8), ["no pixels"]),
        ([[1, 2], [3, 4]], ["list"]),
    ],
)
def test_arrays_that_it_cannot_take(array: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        from_array(array)
    for word in words:
        assert word in str(caught.value)


def test_unknown_channels() -> None:
    wrong: Any = "GBR"
    with pytest.raises(InputError, match="GBR"):
        from_array(np.zeros((2, 2, 3), np.uint8), channels=wrong)


def test_from_pil_equals_decode() -> None:
    for orientation in range(1, 9):
        data = encode(half_transparent(), "PNG", exif=exif(orientation))
        with Image.open(io.BytesIO(data)) as image:
            pixels = from_pil(image, background=(9, 9, 9))
        np.testing.assert_array_equal(pixels, decode(data, background=(9, 9, 9)).pixels)


def test_from_pil_leaves_its_argument_alone() -> None:
    image = Image.open(io.BytesIO(sample("baseline", exif=exif(6))))
    from_pil(image)
    assert (image.size, image.mode, image.getexif()[ORIENTATION]) == ((160, 120), "RGB", 6)


def test_from_pil_refuses() -> None:
    with pytest.raises(ImageError) as caught:
        from_pil(photo(), limits=Limits(max_pixels=100))
    assert caught.value.status is Status.TOO_MANY_PIXELS
    with (
        Image.open(io.BytesIO(sample("png")[:3000])) as image,
        pytest.raises(ImageError) as caught,
    ):
        from_pil(image)
    assert caught.value.status is Status.TRUNCATED
    wrong: Any = np.zeros((2, 2, 3), np.uint8)
    with pytest.raises(InputError, match="ndarray"):
        from_pil(wrong)


@pytest.mark.parametrize("name", ["WEBP", "TIFF"])
def test_from_pil_does_not_call_all_damage_truncation(name: str) -> None:
    # Without the file's bytes, only the error can say whether it ended early.
    with Image.open(io.BytesIO(encode(photo(), name))) as image:

        def fail() -> None:
            raise OSError("broken data stream")

        image.load = fail  # type: ignore[method-assign]
        with pytest.raises(ImageError) as caught:
            from_pil(image)
    assert caught.value.status is Status.CORRUPT
