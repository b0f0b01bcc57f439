import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from figleaf.errors import ImageError, Status
from figleaf.models.card import Fit, Input, Resample
from figleaf.models.preprocess import prepare, resize_align_corners


def naive(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """TensorFlow's ResizeBilinear with align_corners, pixel by pixel, in float64."""
    height, width, channels = pixels.shape
    result = np.zeros((*size, channels))
    for row in range(size[0]):
        for column in range(size[1]):
            y = row * (height - 1) / (size[0] - 1) if size[0] > 1 else 0
            x = column * (width - 1) / (size[1] - 1) if size[1] > 1 else 0
            top, left = int(y), int(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            above = pixels[top, left] * (1 - (x - left)) + pixels[top, right] * (x - left)
            below = pixels[bottom, left] * (1 - (x - left)) + pixels[bottom, right] * (x - left)
            result[row, column] = above * (1 - (y - top)) + below * (y - top)
    return result


sides = st.integers(1, 40)


@given(st.integers(0, 99), sides, sides, sides, sides)
def test_resize_is_that_of_tensorflow(
    seed: int, height: int, width: int, new_height: int, new_width: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    resized = resize_align_corners(pixels, (new_height, new_width))
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, naive(pixels, (new_height, new_width)), atol=2e-3)


def test_corners_stay_and_the_same_size_changes_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (31, 47, 3), np.uint8)
    resized = resize_align_corners(pixels, (224, 224))
    corners = np.ix_([0, -1], [0, -1])
    np.testing.assert_allclose(resized[corners], pixels[corners], atol=1e-2)
    np.testing.assert_array_equal(resize_align_corners(pixels, (31, 47)), pixels)


@pytest.mark.parametrize("resample", list(Resample))
def test_prepare_gives_float_rgb_of_the_size(resample: Resample) -> None:
    pixels = np.zeros((50, 70, 3), np.uint8)
    pixels[..., 0] = 200
    prepared = prepare(pixels, Input("image", (20, 30), resample, (24, 40)))
    assert prepared.shape == (20, 30, 3)
    assert prepared.dtype == np.float32
    assert prepared.flags.c_contiguous
    np.testing.assert_array_equal(prepared[0, 0], [200, 0, 0])


def test_the_crop_is_taken_from_the_centre() -> None:
    pixels = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8, 1).repeat(3, 2)
    prepared = prepare(pixels, Input("image", (2, 4), Resample.BILINEAR, (6, 8)))
    np.testing.assert_array_equal(prepared, pixels[2:4, 2:6])


@pytest.mark.parametrize("shape", [(31, 47), (47, 31), (40, 40), (20, 20), (7, 100), (100, 7)])
@pytest.mark.parametrize("resample", [one for one in Resample if "align" not in one])
def test_the_shortest_edge_keeps_the_shape(shape: tuple[int, int], resample: Resample) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (*shape, 3), np.uint8)
    spec = Input("image", (16, 13), resample, (20, 20), fit=Fit.SHORTEST_EDGE)
    height, width = (int(20 * side / min(shape)) for side in shape)
    how = Image.Resampling[resample.name]
    resized = np.asarray(Image.fromarray(pixels).resize((width, height), how))
    top, left = (height - 16) // 2, (width - 13) // 2
    expected = resized[top : top + 16, left : left + 13]
    np.testing.assert_array_equal(prepare(pixels, spec), expected)


@pytest.mark.parametrize("turn", [False, True])
def test_of_a_very_long_picture_the_middle_is_kept(turn: bool) -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 4000)[None, :, None], (40, 4000, 3))
    pixels = ramp.astype(np.uint8)
    spec = Input("image", (20, 20), Resample.BILINEAR, (20, 20), fit=Fit.SHORTEST_EDGE)
    turned = np.ascontiguousarray(pixels.swapaxes(0, 1)) if turn else pixels
    expected = np.asarray(Image.fromarray(pixels).resize((2000, 20), Image.Resampling.BILINEAR))
    prepared = prepare(turned, spec)
    np.testing.assert_allclose(
        prepared.swapaxes(0, 1) if turn else prepared, expected[:, 990:1010], atol=1
    )


def test_the_jpeg_round_trip_is_pillows() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    prepared = prepare(pixels, Input("image", (16, 16), Resample.BILINEAR, (16, 16), 75))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    np.testing.assert_array_equal(prepared, np.asarray(Image.open(buffer)))
    assert not np.array_equal(prepared, pixels)


@pytest.mark.parametrize("shape", [(1, 100_000), (100_000, 1), (3, 2000), (2**20, 1), (1, 2**20)])
def test_long_pictures_take_little_memory(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    tracemalloc.start()
    resized = resize_align_corners(pixels, (299, 299))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6
    rows = np.linspace(0, shape[0] - 1, 299).round(3)
    columns = np.linspace(0, shape[1] - 1, 299).round(3)
    for row, column in ((0, 0), (298, 298), (0, 298)):
        expected = pixels[int(rows[row]), int(columns[column])]
        np.testing.assert_allclose(resized[row, column], expected, atol=20)


@pytest.mark.parametrize("resample", list(Resample))
@pytest.mark.parametrize("shape", [(2**20 + 1, 1), (1, 2**25)])
def test_a_side_beyond_any_picture_is_a_status(resample: Resample, shape: tuple[int, int]) -> None:
    spec = Input("image", (224, 224), resample, (224, 224))
    with pytest.raises(ImageError) as raised:
        prepare(np.zeros((*shape, 3), np.uint8), spec)
    assert raised.value.status is Status.TOO_MANY_PIXELS


def test_wide_and_narrow_pictures_are_resized_alike() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 200, 3), np.uint8)
    for width in (20, 40, 49, 50, 51):  # on both sides of where the way changes
        narrow = resize_align_corners(pixels, (30, width))
        np.testing.assert_allclose(narrow, naive(pixels, (30, width)), atol=5e-3)
