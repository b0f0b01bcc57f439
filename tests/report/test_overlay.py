"""The PNG of an explanation: its colours, and what of the picture is left under them."""

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from figleaf.classify.explanation import Explanation, Heat, Method
from figleaf.classify.showing import Part
from figleaf.images.box import Box
from figleaf.report.overlay import colours, overlay
from figleaf.report.thumbnails import CELLS

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Of linear RGB (ITU-R BT.709)."""


def noise(height: int = 60, width: int = 90, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def explained(picture: NDArray[np.uint8], **other: Any) -> Explanation:
    height, width = picture.shape[:2]
    whole = Box(0, 0, width, height)
    values = np.array([[0, 1], [0.25, 0.5]], np.float32)
    given: dict[str, Any] = {
        "label": "unsafe",
        "score": 0.25,
        "method": Method.PLACES,
        "heats": (Heat(values, whole, whole, "image"),),
        "size": (height, width),
        "part": Part(),
        "small": picture,
        "model": "m@1",
    }
    return Explanation(**given | other)


def opened(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.array(image.convert("RGB"))


def drawn(found: Explanation, **options: Any) -> NDArray[np.uint8]:
    """The part of the PNG that has the picture, drawn 512 pixels wide."""
    height = round(found.size[0] * 512 / max(found.size))
    return opened(overlay(found, "a.jpg", **options))[12 : 12 + height, 12 : 12 + 512]


def test_each_colour_is_lighter_than_the_one_before() -> None:
    steps = colours(np.linspace(0, 1, 101, dtype=np.float32)) / 255
    linear = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    assert (np.diff(linear @ LUMINANCE) > 0).all()


def test_beyond_the_scale_and_unknown_values_have_its_ends() -> None:
    values = np.array([-1, 0, 1, 2, np.nan], np.float32)
    below, zero, one, above, unknown = colours(values).tolist()
    assert below == zero == unknown
    assert one == above != zero


def test_the_map_lies_where_the_values_are() -> None:
    found = explained(np.full((60, 90, 3), 128, np.uint8))
    shown = drawn(found).astype(int)
    light = shown.sum(axis=2)
    assert light[20, 490] > light[320, 490] > light[320, 20] > light[20, 20]
    expected = 0.6 * colours(np.ones(1, np.float32))[0] + 0.4 * 136  # the nearest of 16 greys
    np.testing.assert_allclose(shown[20, 490], expected, atol=3)


def test_no_more_of_the_picture_is_left_than_of_a_destroyed_thumbnail() -> None:
    """Two pictures whose cells are alike give the same PNG, whatever is in them."""
    picture = noise(64, 64)
    other = picture.copy()
    for row in range(CELLS):
        for column in range(CELLS):
            cell = other[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
            cell[:] = cell[::-1, ::-1].copy()
    assert not np.array_equal(picture, other)
    assert overlay(explained(picture), "a") == overlay(explained(other), "a")
    plain = [overlay(explained(one), "a", unblurred=True) for one in (picture, other)]
    assert plain[0] != plain[1]


def test_unblurred_the_picture_is_there_in_grey() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 32:] = 255
    flat = Heat(np.zeros((1, 1), np.float32), Box(0, 0, 64, 64), Box(0, 0, 64, 64))
    shown = drawn(explained(picture, heats=(flat,)), unblurred=True).astype(int)
    difference = shown[:, 300].mean(axis=0) - shown[:, 200].mean(axis=0)
    np.testing.assert_allclose(difference, 0.4 * 255, atol=2)


def test_what_the_model_was_not_shown_has_no_colour() -> None:
    picture = np.full((64, 64, 3), 128, np.uint8)
    seen = Box(16, 0, 64, 64)
    heat = Heat(np.ones((1, 1), np.float32), seen, seen)
    shown = drawn(explained(picture, heats=(heat,))).astype(int)
    assert np.ptp(shown[200, 60]) == 0
    assert np.ptp(shown[200, 300]) > 20


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (2000, 3)])
def test_any_shape_can_be_drawn(size: tuple[int, int]) -> None:
    page = opened(overlay(explained(noise(*size)), "a"))
    assert page.shape[1] >= 320


def test_the_caption_says_what_is_shown() -> None:
    """It cannot be read here, but each fact changes what is drawn."""
    picture = noise()
    pages = [
        overlay(explained(picture, **other), name)
        for name, other in (
            ("a.jpg", {}),
            ("b.jpg", {}),
            ("a.jpg", {"score": 0.5}),
            ("a.jpg", {"label": "sexy"}),
            ("a.jpg", {"model": "n@2"}),
            ("a.jpg", {"method": Method.OCCLUSION}),
            ("a.jpg", {"part": Part(seconds=2.0)}),
            ("a.jpg", {"part": Part(box=Box(10, 10, 50, 50))}),
            ("고양이\x1b[31m" * 40, {}),
        )
    ]
    assert len(set(pages)) == len(pages)
