"""Which view is possible, and what is true in it."""

import pytest

from figleaf.classify.policy import load_policy, parse_policy
from figleaf.errors import InputError
from figleaf.evaluation.truth import Truth, number_labels, truth_of

from .fakes import FIVE

BALANCED = load_policy("balanced")


def truth(data: list[str], classes: tuple[str, ...]) -> Truth:
    return truth_of(data, classes, BALANCED, "fake@1")


def test_the_same_classes_have_both_views() -> None:
    found = truth(["neutral", "porn", "drawings"], FIVE)
    assert found.classes is not None
    assert found.classes.tolist() == [2, 3, 0]
    assert found.unsafe is not None
    assert found.unsafe.tolist() == [False, True, False]
    assert (found.others, found.own) == ((), ())


def test_other_names_of_a_class_are_understood() -> None:
    assert number_labels(["Drawing", "NEUTRAL", "SFW"], FIVE).tolist() == [0, 2, -1]
    assert number_labels(["safe", "unsafe"], ("sfw", "nsfw")).tolist() == [0, 1]
    assert number_labels(["drawing", "drawings"], ("drawing", "drawings")).tolist() == [0, 1]
    assert number_labels(["Dress"], ("hat", "dress")).tolist() == [1]


@pytest.mark.parametrize(
    ("data", "classes", "unsafe"),
    [
        (["neutral", "sexy"], ("sfw", "nsfw"), [False, True]),
        (["sfw", "unsafe"], FIVE, [False, True]),
        (["neutral", "dress"], FIVE, [False, False]),
    ],
)
def test_other_classes_have_the_view_of_safe_and_unsafe(
    data: list[str], classes: tuple[str, ...], unsafe: list[bool]
) -> None:
    found = truth(data, classes)
    assert found.classes is None
    assert found.unsafe is not None
    assert found.unsafe.tolist() == unsafe
    assert found.others


def test_a_label_of_ones_own_counts_as_safe_and_is_told() -> None:
    found = truth(["neutral", "dress", "hat"], FIVE)
    assert found.own == ("dress", "hat")
    assert truth(["sfw", "drawings"], FIVE).own == ()


def test_a_model_of_ones_own_classes_has_no_view_of_unsafe() -> None:
    found = truth(["dress", "hat"], ("dress", "hat"))
    assert found.unsafe is None
    assert found.classes is not None


def test_which_classes_are_unsafe_is_policy() -> None:
    table = {
        **{"format": 1, "name": "mine", "version": 1, "description": "", "unreadable": "review"},
        "sums": {"unsafe": {"classes": ["dress"], "review": 0.5}},
    }
    found = truth_of(["dress", "hat"], ("dress", "hat"), parse_policy(table), "fake@1")
    assert found.unsafe is not None
    assert found.unsafe.tolist() == [True, False]
    assert found.own == ("hat",)


def test_capitals_make_no_image_safe() -> None:
    """What the model and the policy call gore is unsafe where the data call it Gore."""
    table = {
        **{"format": 1, "name": "mine", "version": 1, "description": "", "unreadable": "review"},
        "sums": {"unsafe": {"classes": ["gore"], "review": 0.5}},
    }
    found = truth_of(["Gore", "cat"], ("cat", "gore"), parse_policy(table), "fake@1")
    assert found.unsafe is not None
    assert found.unsafe.tolist() == [True, False]
    assert found.own == ("cat",)


def test_neither_view_is_an_error() -> None:
    with pytest.raises(InputError, match=r"fake@1 tells dress, hat; it has no class neutral, porn"):
        truth(["neutral", "porn"], ("dress", "hat"))
    with pytest.raises(InputError, match="or only such"):
        truth(["neutral"], ("porn", "sexy"))
