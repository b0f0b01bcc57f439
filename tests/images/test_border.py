"""Borders of one colour: found around real photos, and not where there is none."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from figleaf.images.border import Border, find_border
from figleaf.images.phash import MATCH_DISTANCE, distance, pdq

from .samples import photo

Pixels = NDArray[np.uint8]
Sides = tuple[int, int, int, int]
"""Top, bottom, left, right."""


def pixels_of(size: tuple[int, int] = (160, 120)) -> Pixels:
    """A photo of (width, height)."""
    return np.array(photo(size))


def framed(pixels: Pixels, sides: Sides, colour: Any = (255, 255, 255)) -> Pixels:
    top, bottom, left, right = sides
    height, width = pixels.shape[:2]
    around = np.empty((height + top + bottom, width + left + right, 3), np.uint8)
    around[:] = colour
    around[top : top + height, left : left + width] = pixels
    return around


def as_jpeg(pixels: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 90)])
@pytest.mark.parametrize(
    "sides", [(20, 20, 0, 0), (0, 0, 30, 30), (10, 12, 14, 16), (25, 0, 0, 0), (0, 0, 0, 9)]
)
def test_a_border_is_found_to_the_pixel(sides: Sides, colour: tuple[int, int, int]) -> None:
    inner = pixels_of()
    whole = framed(inner, sides, colour)
    found = find_border(whole)
    assert found == Border(*sides)
    assert np.array_equal(found.inner(whole), inner)
    assert np.shares_memory(found.inner(whole), whole)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255)])
@pytest.mark.parametrize("quality", [50, 75, 95])
def test_a_border_in_a_jpeg_is_found_well_enough_for_the_hash(
    quality: int, colour: tuple[int, int, int]
) -> None:
    inner = pixels_of((320, 240))
    whole = as_jpeg(framed(inner, (37, 29, 21, 13), colour), quality)
    found = find_border(whole)
    assert found is not None
    assert distance(pdq(found.inner(whole)).bits, pdq(inner).bits) <= MATCH_DISTANCE
    assert distance(pdq(whole).bits, pdq(inner).bits) > MATCH_DISTANCE


def test_dust_on_the_border_does_not_hide_it() -> None:
    whole = framed(pixels_of(), (20, 20, 20, 20))
    whole[5, 50] = whole[130, 7] = whole[70, 3] = 0
    assert find_border(whole) == Border(20, 20, 20, 20)


def test_each_side_may_have_its_own_colour() -> None:
    whole = framed(framed(pixels_of(), (20, 0, 0, 0), 0), (0, 20, 0, 0), (9, 200, 9))
    assert find_border(whole) == Border(20, 20, 0, 0)


def test_bars_beside_the_picture_may_have_another_colour_than_those_above_it() -> None:
    whole = framed(framed(pixels_of(), (0, 0, 20, 20), 0), (20, 20, 0, 0), 255)
    assert find_border(whole) == Border(20, 20, 20, 20)


@pytest.mark.parametrize(
    "whole",
    [
        pixels_of(),
        framed(pixels_of(), (1, 1, 1, 1)),  # too little to matter
        np.full((50, 60, 3), 7, np.uint8),  # nothing but border
        framed(pixels_of((20, 20)), (80, 80, 80, 80)),  # a small thing on a plain ground
        framed(pixels_of((160, 20)), (80, 80, 0, 0)),
        np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((1, 500, 3), np.uint8),
        np.zeros((500, 1, 3), np.uint8),
    ],
)
def test_no_border(whole: Pixels) -> None:
    assert find_border(whole) is None


def test_a_gradient_is_no_border() -> None:
    sky = np.linspace(255, 100, 60).astype(np.uint8)[:, None, None].repeat(160, 1).repeat(3, 2)
    found = find_border(np.concatenate([sky, pixels_of()]))
    assert found is None or found.top <= 6  # what of it is within the tolerance


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.integers(0, 40)] * 4),
    st.tuples(*[st.integers(0, 255)] * 3),
    st.tuples(st.integers(24, 80), st.integers(24, 80)),
)
def test_what_is_found_lies_within_the_picture(
    sides: Sides, colour: tuple[int, int, int], size: tuple[int, int]
) -> None:
    whole = framed(pixels_of(size), sides, colour)
    found = find_border(whole)
    if found is not None:
        height, width = found.inner(whole).shape[:2]
        assert height > 0.2 * whole.shape[0]
        assert width > 0.2 * whole.shape[1]
        # Of the frame nothing is left, but what is within the tolerance may go as well.
        assert found.top >= sides[0] or found.top == 0


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**16))
def test_tiny_pictures(height: int, width: int, seed: int) -> None:
    levels = np.random.default_rng(seed).integers(0, 2, (height, width, 1)) * 255
    whole = levels.repeat(3, axis=2).astype(np.uint8)
    found = find_border(whole)
    assert found is None or found.inner(whole).size
