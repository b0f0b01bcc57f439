"""Pictures from memory are those from files; what cannot be read is left out."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from figleaf.images import decode
from figleaf.models.card import Input, Resample
from figleaf.models.preprocess import prepare
from figleaf.training.examples import Examples
from figleaf.training.finetune.pictures import Memory, Pictures

SPEC = Input("image", (48, 48), Resample.BICUBIC, (64, 64), background=(0, 0, 0))


@pytest.fixture
def paths(pictures: Path, tmp_path: Path) -> list[Path]:
    """A photo, a small picture, a transparent one, and a file that is none."""
    small, clear, none = (tmp_path / name for name in ("small.png", "clear.png", "none.jpg"))
    Image.new("RGB", (30, 20), (1, 2, 3)).save(small)
    Image.new("RGBA", (90, 90), (255, 255, 255, 0)).save(clear)
    none.write_bytes(b"no picture")
    return [pictures / "rocket.jpg", small, clear, none]


def album(paths: list[Path], most: int = 2**30) -> Pictures:
    """Of files as they are; one that is not there has a hash of its own."""
    data = [path.read_bytes() if path.exists() else b"" for path in paths]
    numbers = np.arange(len(paths))
    hashes = [hashlib.sha256(one).digest() for one in data]
    return Pictures(Examples(paths, hashes, numbers, numbers), SPEC, Memory(most), "a")


def test_prepared_as_a_model_gets_them(paths: list[Path]) -> None:
    made = album(paths)
    for row in range(3):
        whole = decode(paths[row].read_bytes(), background=SPEC.background).pixels
        for _ in range(2):  # from the file, and from memory
            prepared = made.prepared(row)
            assert prepared is not None
            assert prepared.dtype == np.float32
            np.testing.assert_array_equal(prepared, prepare(whole, SPEC))


def test_held_pictures_are_no_larger_than_needed(paths: list[Path]) -> None:
    made = album(paths)
    photo, small = made.pixels(0), made.pixels(1)
    assert photo is not None
    assert small is not None
    assert min(photo.shape[:2]) == 80  # 5/4 of the side that is resized to
    assert photo.shape[1] / photo.shape[0] == pytest.approx(640 / 427, rel=0.02)
    assert small.shape == (20, 30, 3)


def test_memory_changes_nothing_but_time(paths: list[Path]) -> None:
    rich, poor = (album(paths, most) for most in (2**30, 0))
    for row in range(3):
        for made in (rich, poor):
            made.pixels(row)
        first, second = rich.pixels(row), poor.pixels(row)
        assert first is not None
        assert second is not None
        assert rich.pixels(row) is first
        assert poor.pixels(row) is not second
        np.testing.assert_array_equal(first, second)


def test_memory_is_bounded() -> None:
    memory = Memory(250)
    for row in range(3):
        memory.put(("a", row), np.zeros(100, np.uint8))
    assert memory.get(("a", 1)) is not None
    assert memory.get(("a", 2)) is None
    memory.put(("b", 0), np.zeros(50, np.uint8))
    assert memory.get(("b", 0)) is not None


def test_what_cannot_be_read_is_none(paths: list[Path]) -> None:
    made = album([*paths, Path("gone.jpg")])
    for row in (3, 4):
        assert made.pixels(row) is None
        assert made.prepared(row) is None


def test_another_picture_under_a_known_name_is_none(paths: list[Path], tmp_path: Path) -> None:
    """It would be learnt from as what the first one was labelled."""
    path = tmp_path / "known.png"
    path.write_bytes(paths[1].read_bytes())
    made = album([path])
    path.write_bytes(paths[2].read_bytes())
    assert made.pixels(0) is None
    assert made.prepared(0) is None
