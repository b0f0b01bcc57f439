"""Destroyed thumbnails: what is left, and that it is no more than that."""

import io
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from figleaf.errors import Status
from figleaf.report.thumbnails import CELLS, destroyed, mosaic, thumbnails

from .datasets import picture


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


@pytest.mark.parametrize(
    ("size", "left"),
    [
        ((600, 400), (4, 3)), ((400, 600), (3, 4)), ((4000, 30), (4, 1)), ((1, 1), (1, 1)),
        ((3, 2), (3, 2)), ((6000, 6000), (4, 4)),
    ],
)  # fmt: skip  # pairs
def test_four_cells_are_left_on_the_longer_side(
    size: tuple[int, int], left: tuple[int, int]
) -> None:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    assert mosaic(pixels).shape == (left[1], left[0], 3)


def test_a_cell_is_the_rounded_mean_of_its_part() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:16, :16] = 100
    pixels[:16, 16:32:2] = 100
    found = mosaic(pixels)
    assert found[0, 0].tolist() == [102] * 3
    assert found[0, 1].tolist() == [51] * 3
    assert not found[1:].any()


def test_sixteen_levels_are_left() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    assert set(np.unique(mosaic(noise))) <= set(range(0, 256, 17))


def test_nothing_else_of_a_picture_is_in_the_png(photo: Path) -> None:
    png = destroyed(photo.read_bytes())
    assert len(png) < 250
    assert max(opened(png).size) == CELLS
    assert not opened(png).info


def test_files_that_are_no_pictures_have_a_status(tmp_path: Path, photo: Path) -> None:
    good, empty, text, cut = (tmp_path / name for name in ("good", "empty", "text", "cut"))
    good.write_bytes(picture(1))
    empty.write_bytes(b"")
    text.write_text("<!DOCTYPE html>")
    cut.write_bytes(photo.read_bytes()[:50_000])
    found = thumbnails([good, empty, text, cut, tmp_path / "gone", tmp_path])
    assert [one.status for one in found] == [
        Status.OK,
        Status.EMPTY,
        Status.NOT_AN_IMAGE,
        Status.TRUNCATED,
        Status.NOT_FOUND,
        Status.UNREADABLE,
    ]
    assert [bool(one.png) for one in found] == [True, *[False] * 5]
    kind, _, data = found[0].uri.partition(",")
    assert kind == "data:image/png;base64"
    assert opened(b64decode(data)).size == (4, 3)
    assert found[1].uri == ""
