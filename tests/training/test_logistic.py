"""The head's fit, held to scikit-learn's and to finite differences."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from figleaf.training import logistic
from figleaf.training.logistic import Coefficients, Threads, _Objective, fit, zeros


def made(
    images: int, width: int, classes: int, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Overlapping classes, every one with an image."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), random.integers(0, classes, images - classes)])
    centres = random.normal(0, 0.7, (classes, width))
    features = centres[labels] + random.normal(0, 1, (images, width))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    return features.astype(np.float32), labels


def ones(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.ones(len(labels), np.float32)


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def reference(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    l2: float,
    weights: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """scikit-learn's coefficients: its C weighs a sum of losses, ours is of a mean."""
    total = len(labels) if weights is None else float(weights.sum())
    model = LogisticRegression(C=1 / (l2 * total), tol=1e-10, max_iter=20_000)
    model.fit(features.astype(np.float64), labels, sample_weight=weights)
    return model.coef_.T, model.intercept_


def assert_same(
    found: Coefficients, expected: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> None:
    weight, bias = expected
    np.testing.assert_allclose(found.weight, weight, atol=4e-3)
    # All biases may be moved by one number: the softmax is the same.
    np.testing.assert_allclose(found.bias - found.bias.mean(), bias - bias.mean(), atol=4e-3)


@pytest.mark.parametrize(("images", "width", "classes"), [(300, 8, 4), (30, 60, 3)])
@pytest.mark.parametrize("l2", [1.0, 0.03])
def test_coefficients_are_scikit_learns(images: int, width: int, classes: int, l2: float) -> None:
    features, labels = made(images, width, classes)
    found = fit(features, labels, ones(labels), l2, zeros(width, classes))
    assert found.converged
    assert 0 < found.iterations < logistic.MOST_ITERATIONS
    assert_same(found, reference(features, labels, l2))


def test_weighted_images_count_as_scikit_learns_do() -> None:
    features, labels = made(200, 6, 3)
    weights = np.random.default_rng(1).uniform(0.1, 3, 200).astype(np.float32)
    found = fit(features, labels, weights, 0.05, zeros(6, 3))
    assert_same(found, reference(features, labels, 0.05, weights))
    alike = fit(features, labels, ones(labels), 0.05, zeros(6, 3))
    assert np.abs(alike.weight - found.weight).max() > 0.02


def test_only_the_proportion_of_weights_counts() -> None:
    features, labels = made(80, 5, 3)
    weights = np.random.default_rng(2).uniform(0.5, 2, 80).astype(np.float32)
    one, other = (fit(features, labels, w, 0.1, zeros(5, 3)) for w in (weights, 64 * weights))
    np.testing.assert_allclose(one.weight, other.weight, atol=1e-4)


def test_a_weight_of_two_is_an_image_twice() -> None:
    features, labels = made(60, 5, 3)
    weights = ones(labels)
    weights[:20] = 2
    rows = np.concatenate([np.arange(60), np.arange(20)])
    found = fit(features, labels, weights, 0.1, zeros(5, 3))
    twice = fit(features[rows], labels[rows], ones(rows), 0.1, zeros(5, 3))
    np.testing.assert_allclose(found.weight, twice.weight, atol=2e-3)


def test_the_gradient_is_that_of_finite_differences() -> None:
    features, labels = made(40, 7, 4)
    weights = np.random.default_rng(3).uniform(0.5, 2, 40).astype(np.float32)
    objective = _Objective(features, labels, weights / weights.sum(), 0.3, (7, 4), None)
    point = np.random.default_rng(4).normal(0, 0.5, 8 * 4)
    found = objective(point.reshape(8, 4))

    def exact(flat: NDArray[np.float64]) -> float:
        """The formula of the docstring, in float64."""
        weight, bias = flat.reshape(8, 4)[:-1], flat.reshape(8, 4)[-1]
        own = softmax(features @ weight + bias)[np.arange(40), labels]
        loss = -(weights * np.log(own)).sum() / weights.sum()
        return float(loss + 0.3 / 2 * (weight**2).sum())

    assert found.loss == pytest.approx(exact(point), abs=1e-6)
    step = 1e-6
    steps = np.eye(len(point)) * step
    slopes = [(exact(point + one) - exact(point - one)) / (2 * step) for one in steps]
    np.testing.assert_allclose(found.gradient.ravel(), slopes, atol=2e-6)


def test_where_it_starts_changes_little() -> None:
    features, labels = made(150, 10, 3)
    cold = fit(features, labels, ones(labels), 0.01, zeros(10, 3))
    stronger = fit(features, labels, ones(labels), 1.0, zeros(10, 3))
    warm = fit(features, labels, ones(labels), 0.01, stronger)
    np.testing.assert_allclose(warm.weight, cold.weight, atol=5e-3)
    done = fit(features, labels, ones(labels), 0.01, cold)
    assert done.iterations <= 2


def test_a_start_is_left_as_it_was() -> None:
    features, labels = made(50, 4, 3)
    start = zeros(4, 3)
    fit(features, labels, ones(labels), 0.1, start)
    assert not start.weight.any()
    assert not start.bias.any()


def test_constant_features_get_no_weight() -> None:
    features, labels = made(90, 5, 3)
    features[:, 2] = 0  # as `Scale` leaves a feature that never changes
    found = fit(features, labels, ones(labels), 0.0, zeros(5, 3))
    assert not found.weight[2].any()
    assert np.isfinite(found.weight).all()


def test_one_image_a_class() -> None:
    features = np.eye(4, dtype=np.float32)
    labels = np.arange(4)
    found = fit(features, labels, ones(labels), 0.01, zeros(4, 4))
    assert (found.logits(features).argmax(axis=1) == labels).all()
    np.testing.assert_allclose(found.bias, 0, atol=1e-4)


def test_a_class_without_images_becomes_unlikely() -> None:
    features, labels = made(60, 4, 2)
    found = fit(features, labels, ones(labels), 0.1, zeros(4, 3))
    assert np.isfinite(found.bias).all()
    assert softmax(found.logits(features))[:, 2].max() < 0.01


def test_without_a_penalty() -> None:
    """Of classes that overlap, the coefficients are those of scikit-learn; of others, finite."""
    features, labels = made(400, 3, 3)
    found = fit(features, labels, ones(labels), 0.0, zeros(3, 3))
    expected = reference(features, labels, 1e-9)
    # Without a penalty all classes' weights may be moved together, too.
    mine, theirs = (w - w.mean(axis=1, keepdims=True) for w in (found.weight, expected[0]))
    np.testing.assert_allclose(mine, theirs, atol=5e-3)

    apart = fit(np.eye(3, dtype=np.float32), np.arange(3), ones(labels[:3]), 0.0, zeros(3, 3))
    assert np.isfinite(apart.weight).all()


def test_iterations_that_run_out_are_told() -> None:
    features, labels = made(200, 20, 4)
    found = fit(features, labels, ones(labels), 1e-4, zeros(20, 4), iterations=3)
    assert (found.iterations, found.converged) == (3, False)


def test_large_logits_do_not_overflow() -> None:
    features, labels = made(50, 4, 3)
    start = Coefficients(np.full((4, 3), 1e4) * [1, -1, 0], np.zeros(3))
    objective = _Objective(features, labels, np.full(50, 0.02, np.float32), 0.0, (4, 3), None)
    found = objective(np.concatenate([start.weight, start.bias[None]]))
    assert np.isfinite(found.loss)
    assert np.isfinite(found.gradient).all()


@pytest.mark.parametrize(("images", "width"), [(5_000, 12), (400, 60), (40, 60)])
@pytest.mark.parametrize("l2", [1.0, 0.01])
def test_other_coordinates_and_threads_end_where_the_plain_way_does(
    images: int, width: int, l2: float
) -> None:
    """Features that go along with each other, and one that never changes."""
    features, labels = made(images, width, 3)
    features[:, 1] = 0.9 * features[:, 0] + 0.1 * features[:, 1]
    features[:, 2] = 0
    weights = np.random.default_rng(5).uniform(0.5, 2, images).astype(np.float32)
    covariance = np.cov(features.T.astype(np.float64), bias=True)
    with ThreadPoolExecutor(3) as executor:
        found = fit(
            features,
            labels,
            weights,
            l2,
            zeros(width, 3),
            covariance=covariance,
            threads=Threads(executor, 3),
        )
    assert found.converged
    assert_same(found, reference(features, labels, l2, weights))
    assert not np.abs(found.weight[2]).max() > 1e-9
    warm = fit(features, labels, weights, l2, found, covariance=covariance)
    np.testing.assert_allclose(warm.weight, found.weight, atol=4e-3)


def test_threads_more_than_rows() -> None:
    features, labels = made(5, 3, 2)
    with ThreadPoolExecutor(8) as executor:
        shared = fit(features, labels, ones(labels), 0.1, zeros(3, 2), threads=Threads(executor, 8))
    plain = fit(features, labels, ones(labels), 0.1, zeros(3, 2))
    np.testing.assert_allclose(shared.weight, plain.weight, atol=1e-3)
