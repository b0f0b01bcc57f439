from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from figleaf.models.card import Input, Resample
from figleaf.models.preprocess import prepare
from figleaf.training.finetune.augment import View, random_view, seen
from figleaf.training.finetune.rules import FinetuneRules

RULES = FinetuneRules()
SPEC = Input("image", (24, 32), Resample.BICUBIC, (30, 40))
WHOLE = View((0, 0, 1, 1), False, 1, 1, 1)


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((80, 60), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("resample", [Resample.BILINEAR, Resample.BICUBIC])
@pytest.mark.parametrize("quality", [None, 75])
def test_the_whole_picture_is_as_it_is_prepared(
    pixels: NDArray[np.uint8], resample: Resample, quality: int | None
) -> None:
    spec = replace(SPEC, resample=resample, resize=SPEC.size, jpeg_quality=quality)
    np.testing.assert_array_equal(seen(pixels, spec, WHOLE), prepare(pixels, spec))


def test_the_centre_is_nearly_as_it_is_prepared(pixels: NDArray[np.uint8]) -> None:
    view = replace(WHOLE, box=(0.1, 0.1, 0.9, 0.9))
    assert abs(seen(pixels, SPEC, view) - prepare(pixels, SPEC)).mean() < 2


def test_a_mirror_image(pixels: NDArray[np.uint8]) -> None:
    mirrored = seen(pixels, SPEC, replace(WHOLE, mirrored=True))
    np.testing.assert_array_equal(mirrored, seen(pixels, SPEC, WHOLE)[:, ::-1])


def test_tones() -> None:
    pixels = np.full((24, 32, 3), (100, 50, 200), np.uint8)
    grey = 0.299 * 100 + 0.587 * 50 + 0.114 * 200
    brighter = seen(pixels, SPEC, replace(WHOLE, brightness=1.2))
    assert brighter[0, 0].tolist() == [120, 60, 240]
    paler = seen(pixels, SPEC, replace(WHOLE, saturation=0.5))
    expected = np.rint([(100 + grey) / 2, (50 + grey) / 2, (200 + grey) / 2])
    assert paler[0, 0].tolist() == expected.tolist()
    flat = seen(pixels, SPEC, replace(WHOLE, contrast=0.5))
    assert flat[0, 0].tolist() == expected.tolist()  # its mean is its grey


def test_views_keep_to_the_rules() -> None:
    random = np.random.default_rng(0)
    views = [random_view(RULES, random) for _ in range(500)]
    boxes = np.array([view.box for view in views])
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert boxes.min() >= 0
    assert boxes.max() <= 1 + 1e-12
    # Where a side would be longer than the picture, it is cut, and the area with it.
    assert (width * height).min() > RULES.least_area / np.sqrt(RULES.stretch)
    assert 0.7 < (width * height).mean() < 0.8
    assert np.abs(np.log(width / height)).max() <= np.log(RULES.stretch)
    assert 200 < sum(view.mirrored for view in views) < 300
    tones = np.array([(view.brightness, view.contrast, view.saturation) for view in views])
    assert tones.min() >= 1 - RULES.jitter
    assert tones.max() <= 1 + RULES.jitter
    assert tones.std(axis=0).min() > RULES.jitter / 3


def test_all_of_it_can_be_switched_off() -> None:
    off = replace(RULES, least_area=1, stretch=1, flip=False, jitter=0)
    assert random_view(off, np.random.default_rng(1)) == WHOLE
