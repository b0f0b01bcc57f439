"""The generated pictures: distinct to a perceptual hash, the same for the same seed, ordinary."""

import io

import numpy as np
import pytest
from PIL import Image

from figleaf import labels
from figleaf.images.border import find_border
from figleaf.images.phash import MATCH_DISTANCE, MIN_QUALITY, pdq_and_mirrored
from figleaf.practice.canvas import jpeg
from figleaf.practice.pictures import STAND_INS, Scene, picture

EACH = 20


@pytest.fixture(scope="module")
def pictures() -> dict[Scene, list[Image.Image]]:
    return {scene: [picture(scene, number) for number in range(EACH)] for scene in Scene}


def _bits(hashes: list[bytes]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    packed = np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 32)
    return np.unpackbits(packed, axis=1).astype(np.int64)


def test_no_two_are_near_duplicates_mirrored_or_not(
    pictures: dict[Scene, list[Image.Image]],
) -> None:
    pairs = [pdq_and_mirrored(np.asarray(one)) for some in pictures.values() for one in some]
    upright = _bits([pair.upright.bits for pair in pairs])
    for other in (upright, _bits([pair.mirrored.bits for pair in pairs])):
        distances = upright @ (1 - other).T + (1 - upright) @ other.T
        np.fill_diagonal(distances, 256)  # one's own mirror image is the same picture
        assert distances.min() > MATCH_DISTANCE


def test_the_pictures_of_a_class_can_be_compared(pictures: dict[Scene, list[Image.Image]]) -> None:
    for scene in STAND_INS.values():
        hashes = [pdq_and_mirrored(np.asarray(one)).upright for one in pictures[scene]]
        assert min(one.quality for one in hashes) >= MIN_QUALITY


def test_none_has_a_border(pictures: dict[Scene, list[Image.Image]]) -> None:
    found = [find_border(np.asarray(one)) for some in pictures.values() for one in some]
    assert found == [None] * len(found)


def test_they_are_of_an_ordinary_size(pictures: dict[Scene, list[Image.Image]]) -> None:
    for one in (one for some in pictures.values() for one in some):
        assert one.mode == "RGB"
        assert 320 <= min(one.size) <= max(one.size) <= 640
        assert 8_000 < len(jpeg(one)) < 200_000


@pytest.mark.parametrize("scene", Scene)
def test_the_same_arguments_give_the_same_picture_and_others_another(scene: Scene) -> None:
    first = picture(scene, 3, seed=5).tobytes()
    assert picture(scene, 3, seed=5).tobytes() == first
    assert picture(scene, 4, seed=5).tobytes() != first
    assert picture(scene, 3, seed=6).tobytes() != first


def test_each_class_has_a_scene_of_its_own() -> None:
    assert set(STAND_INS) == {label.name for label in labels.FIVE}
    assert len(set(STAND_INS.values())) == len(STAND_INS)
    assert Scene.FLOOR not in STAND_INS.values()


def test_a_jpeg_can_be_read_again() -> None:
    image = picture(Scene.INK, 0)
    with Image.open(io.BytesIO(jpeg(image))) as opened:
        assert (opened.format, opened.size) == ("JPEG", image.size)
