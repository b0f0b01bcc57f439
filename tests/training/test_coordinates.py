from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from figleaf.training import logistic
from figleaf.training.coordinates import Coordinates, covariance_of
from figleaf.training.logistic import Threads
from figleaf.training.temperature import softmax

CLASSES = 3
IMAGES, WIDTH = 3000, 40


@pytest.fixture(scope="module")
def features() -> NDArray[np.float32]:
    """Standardised and correlated: a few directions have most of what varies, as a net's do."""
    chance = np.random.default_rng(0)
    mixed = chance.normal(size=(IMAGES, WIDTH)) * np.logspace(0, -1.5, WIDTH)
    mixed = mixed @ np.linalg.qr(chance.normal(size=(WIDTH, WIDTH)))[0]
    found: NDArray[np.float32] = (mixed - mixed.mean(axis=0)) / mixed.std(axis=0)
    return found.astype(np.float32)


@pytest.fixture(scope="module")
def labels(features: NDArray[np.float32]) -> NDArray[np.int64]:
    chance = np.random.default_rng(1)
    logits = features @ chance.normal(size=(WIDTH, CLASSES)) + chance.gumbel(size=(IMAGES, CLASSES))
    found: NDArray[np.int64] = logits.argmax(axis=1)
    return found


def fit(
    features: NDArray[np.float32], labels: NDArray[np.int64], **how: object
) -> logistic.Coefficients:
    start = logistic.zeros(WIDTH, CLASSES)
    weights = np.linspace(0.5, 1.5, IMAGES, dtype=np.float32)
    return logistic.fit(features, labels, weights, 1e-3, start, **how)  # type: ignore[arg-type]


def test_the_minimum_is_the_same_and_sooner_found(
    features: NDArray[np.float32], labels: NDArray[np.int64]
) -> None:
    plain = fit(features, labels)
    straight = fit(features, labels, covariance=covariance_of(features))
    assert plain.converged
    assert straight.converged
    assert straight.iterations * 2 < plain.iterations
    assert np.abs(straight.logits(features) - plain.logits(features)).max() < 0.02


def test_the_minimum_is_scikit_learns(
    features: NDArray[np.float32], labels: NDArray[np.int64]
) -> None:
    ours = fit(features, labels, covariance=covariance_of(features))
    theirs = LogisticRegression(C=1 / (1e-3 * IMAGES), tol=1e-6, max_iter=2000)
    theirs.fit(features.astype(np.float64), labels, np.linspace(0.5, 1.5, IMAGES))
    ours_chances, theirs_chances = softmax(ours.logits(features)), theirs.predict_proba(features)
    assert np.abs(ours_chances - theirs_chances).max() < 2e-3


def test_threads_change_nothing_but_the_last_digits(
    features: NDArray[np.float32], labels: NDArray[np.int64]
) -> None:
    covariance = covariance_of(features)
    alone = fit(features, labels, covariance=covariance)
    with ThreadPoolExecutor(3) as executor:
        shared = fit(features, labels, covariance=covariance, threads=Threads(executor, 3))
        again = fit(features, labels, covariance=covariance, threads=Threads(executor, 3))
    np.testing.assert_allclose(shared.weight, alone.weight, atol=2e-3)
    np.testing.assert_array_equal(shared.weight, again.weight)


def test_there_and_back_again(features: NDArray[np.float32]) -> None:
    inner = Coordinates.of(covariance_of(features), CLASSES, 0.01)
    solved = np.random.default_rng(2).normal(size=(WIDTH + 1, CLASSES))
    np.testing.assert_allclose(inner.outwards(inner.inwards(solved)), solved, rtol=1e-6, atol=1e-9)


def test_the_gradient_is_that_by_the_inner_coordinates(features: NDArray[np.float32]) -> None:
    """Of a linear function: what it changes by, when an inner coordinate is moved."""
    inner = Coordinates.of(covariance_of(features), CLASSES, 0.01)
    chance = np.random.default_rng(3)
    slope, move = chance.normal(size=(2, WIDTH + 1, CLASSES))
    change = np.vdot(slope, inner.outwards(move))
    assert np.vdot(inner.gradient(slope), move) == pytest.approx(change)


def test_the_hessian_at_the_start_becomes_the_identity(features: NDArray[np.float32]) -> None:
    covariance = covariance_of(features)
    inner = Coordinates.of(covariance, CLASSES, 0.01)
    hessian = covariance / CLASSES + 0.01 * np.eye(WIDTH)
    solved = inner.outwards(np.eye(WIDTH + 1)[:, :WIDTH])[:-1]
    np.testing.assert_allclose(solved.T @ hessian @ solved, np.eye(WIDTH), atol=1e-9)


def test_a_covariance_is_that_of_some_of_the_rows() -> None:
    chance = np.random.default_rng(4)
    features = (chance.normal(size=(40_000, 3)) @ chance.normal(size=(3, 3))).astype(np.float32)
    expected = np.cov(features.T, bias=True)
    np.testing.assert_allclose(covariance_of(features), expected, rtol=0.1, atol=0.05)
