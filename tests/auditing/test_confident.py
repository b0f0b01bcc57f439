"""Confident learning, by hand and beside cleanlab."""

import numpy as np
import pytest
from numpy.typing import NDArray

from figleaf.auditing.confident import (
    Doubts,
    confident_classes,
    confident_joint,
    label_errors,
    thresholds,
)

GIVEN = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.7, 0.2, 0.1],
        [0.2, 0.8, 0.0],  # has the class 0, and is of the class 1
        [0.1, 0.8, 0.1],
        [0.1, 0.6, 0.3],
        [0.3, 0.3, 0.4],
    ]
)
LABELS = np.array([0, 0, 0, 1, 1, 2])


def test_a_threshold_is_the_mean_of_a_class_for_itself() -> None:
    assert thresholds(GIVEN, LABELS) == pytest.approx([0.6, 0.7, 0.4])


def test_a_class_without_images_has_no_threshold() -> None:
    assert thresholds(GIVEN[:3], LABELS[:3])[2] == np.inf


def test_an_image_is_of_the_likeliest_class_above_its_threshold() -> None:
    least = np.array([0.6, 0.7, 0.4])
    assert confident_classes(GIVEN, least).tolist() == [0, 0, 1, 1, -1, 2]
    # The likeliest class is not above its threshold, two others are.
    odd = np.array([[0.5, 0.2, 0.3]])
    assert confident_classes(odd, np.array([0.6, 0.1, 0.2])).tolist() == [2]


def test_the_joint_keeps_the_size_of_every_class() -> None:
    joint = confident_joint(np.array([0, 0, 1, 1, -1, 2]), LABELS, 3)
    assert joint.tolist() == [[2, 0, 0], [1, 2, 0], [0, 0, 1]]


def test_a_class_that_no_image_is_confidently_of_is_taken_to_be_right() -> None:
    joint = confident_joint(np.array([-1, -1, 1]), np.array([0, 0, 1]), 3)
    assert joint.tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_doubts_are_margins() -> None:
    found = Doubts.of(GIVEN, LABELS)
    assert found.doubt.tolist() == pytest.approx([0.1, 0.25, 0.8, 0.15, 0.35, 0.45])
    assert found.suggested.tolist() == [1, 1, 1, 0, 2, 0]
    assert found.given[2] == 0.2
    assert found.chance[2] == 0.8


def test_what_the_model_takes_for_its_own_class_is_no_error() -> None:
    # Confidently of the class 1, whose threshold is low, and yet likelier of the class 0.
    odd, labels = np.array([[0.6, 0.4]]), np.array([0])
    confident = confident_classes(odd, np.array([0.9, 0.3]))
    assert confident.tolist() == [1]
    assert not label_errors(confident, Doubts.of(odd, labels), labels).any()


def made(
    seed: int, images: int, classes: int, wrong: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities of a model that is mostly right, and labels of which some are wrong."""
    random = np.random.default_rng(seed)
    true = random.choice(classes, images, p=random.dirichlet(np.full(classes, 5)))
    logits = random.normal(0, 1, (images, classes))
    logits[np.arange(images), true] += 4
    odds = np.exp(logits)
    labels = np.where(random.random(images) < wrong, random.integers(0, classes, images), true)
    return odds / odds.sum(axis=1, keepdims=True), labels


@pytest.mark.filterwarnings("ignore")  # cleanlab's own affair
@pytest.mark.parametrize(
    ("seed", "images", "classes", "wrong"),
    [(0, 500, 5, 0.1), (1, 2_000, 3, 0.3), (2, 1_000, 12, 0.05), (3, 60, 4, 0.2), (4, 400, 2, 0.1)],
)
def test_cleanlab_finds_the_same(seed: int, images: int, classes: int, wrong: float) -> None:
    pytest.importorskip("cleanlab")
    from cleanlab.count import compute_confident_joint
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    probabilities, labels = made(seed, images, classes, wrong)
    confident = confident_classes(probabilities, thresholds(probabilities, labels))
    # Where several classes are confident, but not the likeliest, cleanlab takes that one all the
    # same: it is not what the paper has, and does not happen here.
    assert (confident == probabilities.argmax(axis=1))[confident >= 0].all()
    joint = confident_joint(confident, labels, classes).T
    theirs = compute_confident_joint(labels, probabilities)
    assert joint.sum(axis=1).tolist() == theirs.sum(axis=1).tolist()
    # Where remainders are equal, one or another cell is rounded up.
    assert np.abs(joint - theirs).max() <= 1
    counted = compute_confident_joint(labels, probabilities, calibrate=False)
    shares = counted / counted.sum(axis=1, keepdims=True)
    assert np.abs(joint - shares * joint.sum(axis=1, keepdims=True)).max() < 1

    doubts = Doubts.of(probabilities, labels)
    quality = get_label_quality_scores(
        labels, probabilities, method="normalized_margin", adjust_pred_probs=False
    )
    assert 1 - doubts.doubt == pytest.approx(quality, abs=1e-12)
    mask = find_label_issues(
        labels, probabilities, filter_by="confident_learning", min_examples_per_class=0, n_jobs=1
    )
    assert label_errors(confident, doubts, labels).tolist() == mask.tolist()
    ranked = find_label_issues(
        labels,
        probabilities,
        filter_by="confident_learning",
        return_indices_ranked_by="normalized_margin",
        min_examples_per_class=0,
        n_jobs=1,
    )
    ours = np.flatnonzero(label_errors(confident, doubts, labels))
    assert ours[np.argsort(-doubts.doubt[ours], kind="stable")].tolist() == ranked.tolist()
