"""Calibration: temperatures found again, and figures that are honest about it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from figleaf.errors import InputError
from figleaf.metrics.calibration import calibration_error
from figleaf.metrics.losses import log_loss
from figleaf.training.results import calibrate
from figleaf.training.temperature import calibrated, fit_temperature, softmax


def drawn(
    images: int, temperature: float, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits, and labels that are drawn from their softmax at a temperature."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (images, 4)).astype(np.float32)
    shares = softmax(logits, temperature).cumsum(axis=1)
    labels = (random.uniform(size=(images, 1)) > shares).sum(axis=1)
    return logits, labels.astype(np.int64)


@pytest.mark.parametrize("planted", [0.4, 1.0, 3.0])
def test_a_planted_temperature_is_found(planted: float) -> None:
    logits, labels = drawn(20_000, planted)
    assert fit_temperature(logits, labels) == pytest.approx(planted, rel=0.06)


def test_no_other_temperature_has_less_loss() -> None:
    logits, labels = drawn(500, 2.0)
    best = fit_temperature(logits, labels)
    least = log_loss(labels, softmax(logits, best))
    for other in np.geomspace(0.1, 20, 50):
        assert log_loss(labels, softmax(logits, float(other))) >= least - 1e-5


@pytest.mark.parametrize("images", [10, 100, 1000])
def test_a_few_images_that_are_all_right_make_nothing_certain(images: int) -> None:
    labels = np.arange(images) % 4
    logits = (3 * np.eye(4)[labels]).astype(np.float32)
    sure = softmax(logits, fit_temperature(logits, labels)).max()
    assert 1 - 2 / images < sure < 1 - 0.25 / images


def test_calibration_lowers_the_error_of_overconfident_logits() -> None:
    logits, labels = drawn(3_000, 1.0)
    found = calibrate(6 * logits, labels, calibrated(6 * logits, labels))
    assert found.temperature == pytest.approx(6, rel=0.15)
    assert found.images == 3_000
    assert found.before > 0.15
    assert found.after < 0.04


def test_the_order_of_classes_stays() -> None:
    logits, labels = drawn(300, 1.0)
    after = softmax(logits, fit_temperature(3 * logits, labels))
    np.testing.assert_array_equal(after.argsort(axis=1), softmax(logits).argsort(axis=1))


def test_each_row_is_calibrated_by_others() -> None:
    """Another label of an image changes what others get, and never what it gets itself."""
    logits, labels = drawn(60, 1.0)
    before = calibrated(logits, labels)
    for row in (0, 17, 59):
        changed = labels.copy()
        changed[row] = (changed[row] + 1) % 4
        after = calibrated(logits, changed)
        np.testing.assert_array_equal(after[row], before[row])
        assert np.abs(after - before).max() > 0


def test_it_is_honest_where_the_temperature_fits_chance() -> None:
    """Labels by lot: in-sample the loss can only be better than of others' temperatures."""
    logits = np.random.default_rng(5).normal(0, 2, (12, 3)).astype(np.float32)
    labels = np.random.default_rng(6).integers(0, 3, 12)
    in_sample = log_loss(labels, softmax(logits, fit_temperature(logits, labels)))
    assert log_loss(labels, calibrated(logits, labels)) > in_sample


@pytest.mark.parametrize("images", [1, 2, 3, 7])
def test_few_images(images: int) -> None:
    logits, labels = drawn(images, 1.0)
    found = calibrated(logits, labels)
    assert found.shape == (images, 4)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_softmax_does_not_overflow() -> None:
    huge = np.array([[3e38, -3e38, 0], [0, 0, 0]], np.float32)
    expected = np.array([[1, 0, 0], [1 / 3] * 3])
    np.testing.assert_allclose(softmax(huge, 0.02), expected)


def test_logits_that_are_no_numbers_are_refused() -> None:
    logits, labels = drawn(5, 1.0)
    logits[2, 1] = np.nan
    with pytest.raises(InputError):
        fit_temperature(logits, labels)


def test_calibrated_rows_are_what_the_error_is_of() -> None:
    logits, labels = drawn(400, 2.0)
    unseen = calibrated(logits, labels)
    assert calibrate(logits, labels, unseen).after == calibration_error(labels, unseen)
