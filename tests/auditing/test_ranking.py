"""What people are shown, and what is relabelled: by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from figleaf.auditing.confident import Doubts
from figleaf.auditing.correcting import choose
from figleaf.auditing.judging import Judged
from figleaf.auditing.outliers import FAR
from figleaf.auditing.ranking import LEAST_DOUBT, outliers, suspects
from figleaf.curate.splitting.rules import Part
from figleaf.training.examples import Examples

NAMES = ("a", "b")


def judged(given: list[float], labels: list[int], parts: list[Part] | None = None) -> Judged:
    """Images by the probability of their own class; wrong below one half, all near some class."""
    count = len(given)
    own, numbers = np.array(given), np.array(labels)
    probabilities = np.stack([own, 1 - own], axis=1)
    probabilities[numbers == 1] = probabilities[numbers == 1, ::-1]
    return Judged(
        examples=Examples(
            [Path(f"{number}.jpg") for number in range(count)],
            [(count - number).to_bytes(32, "big") for number in range(count)],
            numbers,
            np.arange(count),
        ),
        parts=parts or [Part.TRAIN] * count,
        doubts=Doubts.of(probabilities, numbers),
        wrong=own < 0.5,
        fair=np.ones(count, bool),
        nearest=np.zeros(count, np.int64),
        deviations=np.zeros(count),
        joint=np.array([[count, 0], [0, 0]]),
    )


def none_of(images: Judged) -> "np.typing.NDArray[np.bool_]":
    return np.zeros(len(images.examples), bool)


def test_suspects_are_ranked_and_the_sure_ones_left_out() -> None:
    some = judged([0.9, 0.2, 0.6, 0.1], [0, 1, 0, 0])
    found = suspects(some, NAMES, none_of(some), none_of(some))
    assert [one.path for one in found] == ["3.jpg", "1.jpg", "2.jpg"]
    assert [one.listed for one in found] == [True, True, False]
    assert [one.suggested for one in found] == ["b", "a", "b"]
    assert found[2].doubt == 0.4 > LEAST_DOUBT


def test_equal_doubts_are_in_the_order_of_hashes() -> None:
    some = judged([0.2, 0.2, 0.2], [0, 0, 0])
    found = suspects(some, NAMES, none_of(some), none_of(some))
    assert [one.path for one in found] == ["2.jpg", "1.jpg", "0.jpg"]


def test_of_the_unsure_as_many_are_kept_as_there_may_be_errors() -> None:
    some = judged([0.6] * 400, [0] * 400)
    assert len(suspects(some, NAMES, none_of(some), none_of(some))) == 100
    many = replace(some, joint=np.array([[240, 160], [0, 0]]))
    assert len(suspects(many, NAMES, none_of(many), none_of(many))) == 320
    assert len(suspects(judged([0.1] * 300, [0] * 300), NAMES, *2 * [np.zeros(300, bool)])) == 300


def test_settled_and_unfair_ones_are_no_suspects() -> None:
    some = replace(judged([0.2, 0.1, 0.3], [0, 0, 0]), fair=np.array([True, True, False]))
    settled = np.array([True, False, False])
    found = suspects(some, NAMES, settled, none_of(some))
    assert [one.path for one in found] == ["1.jpg"]
    assert choose(some, NAMES, settled, 0.5, {"a": 9, "b": 9}).rows.tolist() == [False, True, False]


def test_outliers_are_those_beyond_the_limit() -> None:
    some = judged([0.9] * 4, [0] * 4)
    some = replace(some, deviations=np.array([FAR, FAR + 1, 50, FAR + 1]))
    found = outliers(some, NAMES, np.array([False, False, False, True]))
    assert [one.path for one in found] == ["2.jpg", "1.jpg"]


def test_what_is_relabelled() -> None:
    parts = [Part.TRAIN, Part.VALIDATION, Part.TEST, Part.TRAIN, Part.TRAIN]
    some = judged([0.1, 0.1, 0.1, 0.4, 0.5], [0, 1, 0, 0, 0], parts)
    trained = {"a": 9, "b": 9}
    by = {doubt: choose(some, NAMES, none_of(some), doubt, trained) for doubt in (None, 0.5, 0.8)}
    assert by[None].rows.tolist() == [False] * 5
    # The last one is as likely of the one class as of the other.
    assert by[0.5].rows.tolist() == [True, True, False, True, False]
    assert by[0.8].rows.tolist() == [True, True, False, False, False]
    assert by[0.8].spared == ()


def test_a_class_that_train_would_have_none_of_is_spared() -> None:
    parts = [Part.TRAIN, Part.TRAIN, Part.VALIDATION, Part.TRAIN]
    some = judged([0.1, 0.1, 0.1, 0.1], [0, 0, 0, 1], parts)
    found = choose(some, NAMES, none_of(some), 0.5, {"a": 2, "b": 7})
    assert found.rows.tolist() == [False, False, False, True]
    assert found.spared == ("a",)
    # An image of it that cannot be read is left.
    assert choose(some, NAMES, none_of(some), 0.5, {"a": 3, "b": 7}).spared == ()
