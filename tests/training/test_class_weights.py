import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from figleaf.errors import InputError
from figleaf.training.class_weights import ClassWeights, class_weights

LABELS = np.repeat([0, 1, 2], [80, 15, 5])


def test_balanced_is_scikit_learns() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    np.testing.assert_allclose(class_weights(LABELS, 3, "balanced"), expected, rtol=1e-6)


def test_none_is_one() -> None:
    assert class_weights(LABELS, 3, "none").tolist() == [1, 1, 1]


def test_sqrt_is_the_root_of_balanced_up_to_a_factor() -> None:
    ratio = class_weights(LABELS, 3, "sqrt") / np.sqrt(class_weights(LABELS, 3, "balanced"))
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)


@pytest.mark.parametrize(("power", "same"), [(0.0, "none"), (0.5, "sqrt"), (1.0, "balanced")])
def test_a_power_has_the_others_as_its_cases(power: float, same: str) -> None:
    expected = class_weights(LABELS, 3, same)
    np.testing.assert_allclose(class_weights(LABELS, 3, "power", power), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", list(ClassWeights))
def test_the_mean_over_the_examples_is_one(kind: str) -> None:
    weights = class_weights(LABELS, 4, kind, 1.3)
    assert weights.dtype == np.float32
    assert weights[LABELS].mean() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("kind", list(ClassWeights))
def test_a_class_without_examples_has_one(kind: str) -> None:
    assert class_weights(LABELS, 4, kind)[3] == 1


@pytest.mark.parametrize(
    ("labels", "classes", "kind", "power"),
    [
        (LABELS, 3, "root", 0.5),
        (LABELS, 3, "power", 2.5),
        (LABELS, 2, "none", 0.5),
        (-LABELS, 3, "none", 0.5),
        (LABELS[:0], 3, "none", 0.5),
        (LABELS / 2, 3, "none", 0.5),
    ],
)
def test_what_makes_no_sense_is_refused(
    labels: np.ndarray[tuple[int], np.dtype[np.int64]], classes: int, kind: str, power: float
) -> None:
    with pytest.raises(InputError):
        class_weights(labels, classes, kind, power)
