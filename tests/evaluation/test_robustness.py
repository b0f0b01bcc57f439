"""Changes of pictures, as functions; and what they do to answers."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import figleaf
from figleaf.evaluation.changed import choose, robustness, score_changed
from figleaf.evaluation.robustness import CHANGES, blur, frame, grey, mirror, recompress, resize


@pytest.fixture(scope="module")
def pixels(pictures: Path) -> np.ndarray:
    found = np.asarray(Image.open(pictures / "coffee.png").convert("RGB"))[:120, :90]
    found.setflags(write=False)
    return found


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_a_picture_and_leaves_the_first_alone(name: str, pixels: np.ndarray) -> None:
    before = pixels.copy()
    found = CHANGES[name](pixels)
    assert found.dtype == np.uint8
    assert (found.ndim, found.shape[2]) == (3, 3)
    assert np.array_equal(found, CHANGES[name](pixels))
    assert np.array_equal(pixels, before)
    assert found.shape != pixels.shape or not np.array_equal(found, pixels)


@pytest.mark.parametrize("name", CHANGES)
def test_one_pixel_is_enough(name: str) -> None:
    assert CHANGES[name](np.full((1, 1, 3), 200, np.uint8)).size >= 3


def test_sizes(pixels: np.ndarray) -> None:
    assert resize(pixels, 0.5).shape == (60, 45, 3)
    assert resize(pixels, 0.25).shape == (30, 22, 3)
    assert resize(pixels, 2).shape == (240, 180, 3)
    assert frame(pixels, 0.1, 255).shape == (144, 108, 3)
    assert recompress(pixels, 50).shape == pixels.shape


def test_what_each_does(pixels: np.ndarray) -> None:
    framed = frame(pixels, 0.25, 0)
    assert (framed[:30] == 0).all()
    assert np.array_equal(framed[30:-30, 22:-22], pixels)
    assert np.array_equal(mirror(mirror(pixels)), pixels)
    assert (grey(pixels).std(axis=2) == 0).all()
    rough = [np.abs(np.diff(one.astype(int), axis=1)).mean() for one in (pixels, blur(pixels))]
    assert rough[1] < 0.8 * rough[0]
    errors = [
        np.abs(recompress(pixels, quality).astype(int) - pixels).mean() for quality in (90, 50, 20)
    ]
    assert errors[0] < errors[1] < errors[2]


def test_a_picture_as_it_is_has_the_scores_that_it_has(
    classifier: figleaf.Classifier, pictures: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"none")
    paths = [pictures / "rocket.jpg", broken, pictures / "coffee.png"]
    told: list[int] = []
    changes = {"mirror": mirror, "grey": grey}
    found = score_changed(classifier, paths, scaled=False, changes=changes, done=told.append)
    assert found.shape == (3, 3, 5)
    assert np.isnan(found[1]).all()
    assert told == [1, 2, 3]
    one = classifier.classify(paths[2])
    plain = [one.scores[name] for name in classifier.model.card.labels]
    assert found[2, 0].tolist() == pytest.approx(plain, abs=1e-6)
    pixels = np.asarray(Image.open(paths[2]).convert("RGB"))
    mirrored = classifier.classify(mirror(pixels))
    expected = [mirrored.scores[name] for name in classifier.model.card.labels]
    assert found[2, 1].tolist() == pytest.approx(expected, abs=1e-6)


def test_flips_are_counted() -> None:
    safe, unsafe = [0.9, 0.1], [0.2, 0.8]
    rows = [[safe, unsafe], [unsafe, safe], [unsafe, unsafe], [safe, safe], [[math.nan] * 2] * 2]
    (found,) = robustness(
        np.array(rows, np.float32),
        ["blur"],
        true=np.array([0, 1, 1, 1, 0]),
        unsafe=np.array([False, True]),
        threshold=0.5,
    )
    assert (found.change, found.images) == ("blur", 4)
    assert (found.safe_to_unsafe, found.called_safe) == (1, 2)
    assert (found.unsafe_to_safe, found.called_unsafe) == (1, 2)
    assert (found.accuracy_before, found.accuracy, found.same_class) == (0.75, 0.25, 0.5)
    assert found.shift == pytest.approx(0.35)
    (other,) = robustness(
        np.array(rows, np.float32), ["blur"], true=None, unsafe=None, threshold=0.5
    )
    assert other.safe_to_unsafe is None
    assert math.isnan(other.accuracy)
    assert other.to_dict()["accuracy"] is None


def test_the_same_images_are_chosen_anywhere() -> None:
    hashes = [f"{n:064x}" for n in range(100)]
    chosen = choose(hashes, 10, 0)
    assert chosen.tolist() == sorted(chosen.tolist())
    assert len(set(chosen.tolist())) == 10
    reordered = choose(hashes[::-1], 10, 0)
    assert {hashes[n] for n in chosen} == {hashes[::-1][n] for n in reordered}
    assert chosen.tolist() != choose(hashes, 10, 1).tolist()
    assert choose(hashes, 1000, 0).tolist() == list(range(100))
