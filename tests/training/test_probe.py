"""The head on features: its penalty, its scale, its folds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from figleaf.metrics.losses import log_loss
from figleaf.training import logistic
from figleaf.training.class_weights import ClassWeights
from figleaf.training.probe import (
    PENALTIES,
    Probe,
    Scale,
    Table,
    fit_with_folds,
    fit_with_part,
    take_roots,
)
from figleaf.training.rules import TrainRules
from figleaf.training.temperature import fit_temperature, softmax

RULES = TrainRules()


def table(images: int, seed: int = 0, width: int = 12, apart: float = 1.0) -> Table:
    """Three classes in features of very different sizes."""
    random = np.random.default_rng(seed)
    labels = np.arange(images) % 3
    centres = np.random.default_rng(99).normal(0, apart, (3, width))
    sizes = np.geomspace(0.01, 100, width)
    features = (centres[labels] + random.normal(0, 1, (images, width))) * sizes + 5
    return Table(features.astype(np.float32), labels.astype(np.int64))


def numbers(images: int, folds: int = 5) -> NDArray[np.int64]:
    return np.random.default_rng(7).integers(0, folds, images)


def with_folds(some: Table, folds: NDArray[np.int64], rules: TrainRules = RULES) -> Probe:
    own = Table(some.features.copy(), some.labels, some.blocks)
    return fit_with_folds(own, folds, 3, rules, lambda: None)


def with_part(some: Table, unseen: Table, rules: TrainRules = RULES) -> Probe:
    own = Table(some.features.copy(), some.labels, some.blocks)
    return fit_with_part(own, unseen, 3, rules, lambda: None)


def assert_equal(one: Any, other: Any) -> None:
    """To the bit."""
    for name in ("mean", "deviation", "weight", "bias"):
        left, right = getattr(one.head, name), getattr(other.head, name)
        np.testing.assert_array_equal(left, right, strict=True)
    np.testing.assert_array_equal(one.logits, other.logits)
    assert (one.l2, list(one.tried)) == (other.l2, list(other.tried))


def test_folds_give_the_same_bits_twice() -> None:
    some, folds = table(150), numbers(150)
    assert_equal(with_folds(some, folds), with_folds(some, folds))


def test_a_part_gives_the_same_bits_twice() -> None:
    assert_equal(with_part(table(150), table(60, 1)), with_part(table(150), table(60, 1)))


def test_the_penalty_is_the_best_of_those_tried() -> None:
    for found in (with_folds(table(120), numbers(120)), with_part(table(90), table(60, 1))):
        losses = {one.l2: one.log_loss for one in found.tried}
        assert found.l2 == min(losses, key=losses.__getitem__)
        assert list(losses) == list(PENALTIES[: len(losses)])
        probabilities = softmax(found.logits, fit_temperature(found.logits, found.labels))
        assert log_loss(found.labels, probabilities) == pytest.approx(losses[found.l2])
        accuracy = {one.l2: one.accuracy for one in found.tried}[found.l2]
        assert accuracy == (found.logits.argmax(axis=1) == found.labels).mean()


def test_the_search_ends_when_two_in_a_row_or_more_were_worse() -> None:
    found = with_folds(table(60, apart=0.3), numbers(60))  # hardly to be told apart: 10 is best
    losses = [one.log_loss for one in found.tried]
    best = losses.index(min(losses))
    assert len(losses) < len(PENALTIES)
    assert len(losses) - 1 - best >= 2


def test_a_weak_penalty_is_found_where_images_are_many() -> None:
    found = with_folds(table(3000, apart=0.4, width=4), numbers(3000))
    assert found.l2 < 0.1


def test_a_given_penalty_is_taken() -> None:
    rules = replace(RULES, l2=0.25)
    for found in (
        with_folds(table(90), numbers(90), rules),
        with_part(table(90), table(30, 1), rules),
    ):
        assert found.l2 == 0.25
        assert [one.l2 for one in found.tried] == [0.25]


def test_logits_of_folds_are_of_fits_that_had_not_seen_them() -> None:
    """A label changed in a fold changes nothing of that fold's own logits."""
    some, folds = table(90), numbers(90)
    rules = replace(RULES, l2=0.1)
    before = with_folds(some, folds, rules)
    labels = some.labels.copy()
    own = folds == 3
    labels[own] = (labels[own] + 1) % 3
    after = with_folds(Table(some.features, labels), folds, rules)
    np.testing.assert_array_equal(after.logits[own], before.logits[own])
    assert np.abs(after.logits[~own] - before.logits[~own]).max() > 0.01


def test_logits_of_folds_are_of_their_own_scale() -> None:
    """No mean or deviation of an unseen image leaks into the fit."""
    some, folds = table(90), numbers(90)
    rules = replace(RULES, l2=0.1)
    before = with_folds(some, folds, rules)
    features = some.features.copy()
    first = np.flatnonzero(folds == 2)[0]
    features[first] *= 1000
    after = with_folds(Table(features, some.labels), folds, rules)
    others = (folds == 2) & (np.arange(90) != first)
    np.testing.assert_array_equal(after.logits[others], before.logits[others])


def test_the_last_fit_sees_all_images_and_equals_scikit_learns() -> None:
    some = table(150)
    found = with_folds(some, numbers(150), replace(RULES, l2=0.05))
    assert found.trained == 150
    scaled = StandardScaler().fit(some.features.astype(np.float64))
    np.testing.assert_allclose(found.head.mean, scaled.mean_, rtol=1e-5)
    np.testing.assert_allclose(found.head.deviation, scaled.scale_, rtol=1e-5)
    model = LogisticRegression(C=1 / (0.05 * 150), tol=1e-8, max_iter=5000)
    model.fit(scaled.transform(some.features.astype(np.float64)), some.labels)
    np.testing.assert_allclose(found.head.weight, model.coef_.T, atol=5e-3)
    expected = model.predict_proba(scaled.transform(some.features.astype(np.float64)))
    np.testing.assert_allclose(softmax(found.head.logits(some.features)), expected, atol=5e-3)


def test_a_part_is_judged_by_the_head_itself() -> None:
    unseen = table(40, 1)
    features = unseen.features.copy()
    found = with_part(table(120), unseen)
    assert found.trained == 120
    np.testing.assert_array_equal(found.labels, unseen.labels)
    np.testing.assert_allclose(found.head.logits(features), found.logits, atol=1e-3)


def test_of_many_images_a_part_gives_scikit_learns_head() -> None:
    """Where the fit goes by other coordinates, on all cores."""
    some = table(6_000, width=5, apart=0.4)
    found = with_part(some, table(600, 1, width=5, apart=0.4))
    assert found.converged
    features = some.features.astype(np.float64)
    scaled = StandardScaler().fit(features)
    model = LogisticRegression(C=1 / (found.l2 * 6_000), tol=1e-9, max_iter=5000)
    model.fit(scaled.transform(features), some.labels)
    np.testing.assert_allclose(found.head.weight, model.coef_.T, atol=6e-3)
    expected = model.predict_proba(scaled.transform(features))
    np.testing.assert_allclose(softmax(found.head.logits(some.features)), expected, atol=5e-3)
    other = with_part(some, table(600, 1, width=5, apart=0.4))
    assert_equal(found, other)


def test_class_weights_raise_the_recall_of_rare_classes() -> None:
    random = np.random.default_rng(0)
    places = np.arange(600) % 20
    labels = np.where(places == 0, 2, places > 10).astype(np.int64)
    features = random.normal(0, 1, (600, 3)).astype(np.float32)
    features[:, 0] += labels / 2
    some, folds = Table(features, labels), numbers(600)
    shares = {}
    for kind in (ClassWeights.NONE, ClassWeights.SQRT, ClassWeights.BALANCED):
        found = with_folds(some, folds, replace(RULES, class_weights=kind, l2=0.01))
        predicted = found.head.logits(features).argmax(axis=1)
        shares[kind] = float((predicted[labels == 2] == 2).mean())
    assert shares[ClassWeights.NONE] < shares[ClassWeights.SQRT] < shares[ClassWeights.BALANCED]


def test_features_that_never_change_do_no_harm() -> None:
    some = table(60)
    features = np.column_stack([some.features, np.full((60, 2), 4096, np.float32)])
    found = with_folds(Table(features, some.labels), numbers(60))
    assert np.isfinite(found.head.weight).all()
    assert not found.head.weight[-2:].any()
    assert (found.head.deviation > 0).all()


def test_the_scale_of_features_far_from_zero() -> None:
    features = np.random.default_rng(0).normal(1e4, 0.5, (500, 3)).astype(np.float32)
    scale = Scale.of(features)
    expected = features.astype(np.float64).std(axis=0)
    np.testing.assert_allclose(scale.deviation, expected, rtol=1e-4)


def test_every_fit_is_counted() -> None:
    steps: list[int] = []
    some, folds = table(60), numbers(60)
    found = fit_with_folds(some, folds, 3, RULES, lambda: steps.append(1))
    assert len(steps) == 5 * len(found.tried) + 1


@pytest.mark.parametrize("folds", [[0, 0, 0, 1, 1, 1], [0, 1, 2, 3, 4, 0]])
def test_a_class_that_some_fold_alone_has(folds: list[int]) -> None:
    features = np.random.default_rng(0).normal(0, 1, (6, 4)).astype(np.float32)
    some = Table(features, np.array([0, 0, 1, 1, 1, 2]))
    found = with_folds(some, np.array(folds))
    assert np.isfinite(found.logits).all()


def positive(images: int, seed: int = 0) -> Table:
    """Features as behind a ReLU: the first one tells the class by its root."""
    random = np.random.default_rng(seed)
    labels = np.arange(images) % 2
    features = random.exponential(1, (images, 6))
    features[:, 0] = (random.uniform(0, 2, images) + labels) ** 4
    return Table(features.astype(np.float32), labels.astype(np.int64))


def test_roots_are_taken_where_nothing_is_negative() -> None:
    some = positive(60)
    roots = np.sqrt(some.features)
    assert take_roots(some)
    np.testing.assert_allclose(some.features, roots)
    before = table(60)
    kept = before.features.copy()
    assert not take_roots(before, some)
    np.testing.assert_array_equal(before.features, kept)


def test_a_head_of_roots_takes_them_itself() -> None:
    unseen = positive(80, 1)
    features = unseen.features.copy()
    found = with_part(positive(200), unseen)
    assert found.head.of_roots
    np.testing.assert_allclose(found.head.logits(features), found.logits, atol=1e-3)
    features[0] = -1  # where another runtime gives what training never saw
    assert np.isfinite(found.head.logits(features)).all()


def blocks(images: int, seed: int) -> Table:
    """Two backbones: the first says what the class is, the second is noise, of negatives too."""
    random = np.random.default_rng(seed)
    labels = np.arange(images) % 3
    told = np.eye(3)[labels] * 2 + random.normal(0, 1, (images, 3))
    features = np.hstack([told, random.normal(0, 1, (images, 60))])
    return Table(features.astype(np.float32), labels.astype(np.int64), (3, 60))


@pytest.mark.parametrize("by", ["folds", "part"])
def test_a_backbone_that_says_nothing_counts_less(by: str) -> None:
    some, unseen = blocks(150, 0), blocks(90, 1)
    features = some.features.copy()
    found = with_folds(some, numbers(150)) if by == "folds" else with_part(some, unseen)
    assert found.shares == (1.0, 0.5)
    assert [one.shares for one in found.tried[-2:]] == [(0.5, 1.0), (1.0, 0.5)]
    best = min(found.tried, key=lambda one: one.log_loss)
    assert (best.l2, best.shares) == (found.l2, found.shares)
    ratio = found.head.deviation / features.std(axis=0)
    np.testing.assert_allclose(ratio[:3], 1, rtol=1e-3)
    np.testing.assert_allclose(ratio[3:], 2, rtol=1e-3)


def test_shares_leave_the_fit_what_it_is() -> None:
    """The head with a share is that of the features multiplied beforehand."""
    some, rules = blocks(150, 0), replace(RULES, l2=0.1)
    scaled = blocks(150, 0)
    scaled.features[:] = (scaled.features - scaled.features.mean(axis=0)) / scaled.features.std(0)
    scaled.features[:, 3:] *= 0.5
    weight = np.full(150, 1, np.float32)
    start = logistic.zeros(63, 3)
    expected = logistic.fit(scaled.features, scaled.labels, weight, 0.1, start)
    features = some.features.copy()
    found = with_folds(some, numbers(150), rules)
    assert found.shares == (1.0, 0.5)
    np.testing.assert_allclose(
        found.head.logits(features), expected.logits(scaled.features), atol=0.01
    )
