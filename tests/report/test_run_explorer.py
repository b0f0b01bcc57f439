"""The explorer's counts: what the metrics say at each threshold, and nothing that HTML reads."""

import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from figleaf.evaluation.evaluate import Evaluation
from figleaf.labels import Language
from figleaf.metrics.thresholds import at, per_ten_thousand
from figleaf.report.run_explorer import MOST, STEPS, data, start, table, targets
from figleaf.report.texts import LANGUAGES, Words

from ..evaluation.fakes import evaluated, guesses

FIVE = ("drawings", "hentai", "neutral", "porn", "sexy")
HOSTILE = "</script><!--&\x7f\"'"


def some(images: int = 200) -> tuple[NDArray[np.int64], NDArray[np.float32], Evaluation]:
    true, shares = guesses(len(FIVE), images)
    return true, shares, evaluated([FIVE[n] for n in true], shares.tolist())


def test_unsafe_comes_first_then_the_classes() -> None:
    _, _, one = some()
    assert [(target.name, target.is_sum) for target in targets(one)] == [
        ("unsafe", True),
        *((name, False) for name in FIVE),
    ]


@pytest.mark.parametrize("step", [0, 1, 250, 500, 612, 999, 1000])
def test_a_threshold_does_what_the_metrics_say(step: int) -> None:
    true, shares, one = some()
    unsafe = np.isin(true, [1, 3, 4])
    truths = [unsafe, *(true == n for n in range(len(FIVE)))]
    assert one.scored.unsafe is not None
    scores = [one.scored.unsafe, *shares.T]
    for target, truth, score in zip(targets(one), truths, scores, strict=True):
        found = at(truth, score, step / STEPS)
        assert target.rates(step) == pytest.approx(
            (found.recall, found.false_positive_rate, found.precision), nan_ok=True
        )
        expected = target.expected(step, 0.03)
        assert expected == per_ten_thousand(found.recall, found.false_positive_rate, 0.03)


def test_a_score_on_a_threshold_is_flagged() -> None:
    shares = np.array([[0.5, 0.5], [0.25, 0.75]])
    found = evaluated(["neutral", "porn"], shares.tolist(), ("neutral", "porn"))
    porn = next(target for target in targets(found) if target.name == "porn")
    assert (porn.caught[750], porn.caught[751]) == (1, 0)
    assert (porn.alarms[500], porn.alarms[501]) == (1, 0)


def test_what_is_not_there_has_no_rate() -> None:
    one = evaluated(["neutral"] * 3, [[0.1, 0, 0.8, 0.1, 0]] * 3)
    unsafe = targets(one)[0]
    recall, alarms, precision = unsafe.rates(500)
    assert math.isnan(recall)
    assert alarms == 0
    assert math.isnan(precision)
    assert unsafe.expected(500, 0.01) is None
    json.loads(data(one, Words("en")))
    assert "nan" not in str(table(one, Words("en")))


def test_of_many_classes_the_largest_can_be_moved() -> None:
    names = [f"c{n:02}" for n in range(MOST + 5)]
    true, shares = guesses(len(names), 3000)
    labels = [names[min(n, MOST - 1)] for n in true]
    one = evaluated(labels, shares.tolist(), names)
    assert [target.name for target in targets(one)] == names[:MOST]
    assert len(data(one, Words("en"))) < 300_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_data_may_stand_in_a_page(language: Language) -> None:
    names = ("neutral", HOSTILE)
    one = evaluated(names * 5, [[0.6, 0.4], [0.3, 0.7]] * 5, names, name="a\n<b>\u2028")
    text = data(one, Words(language))
    assert text.isascii()
    assert not set("<>&\n") & set(text)
    found = json.loads(text)
    assert [one["name"] for one in found["targets"]] == list(names)
    assert sum(found["targets"][1]["caught"]) == 5
    assert "\n" not in "".join(found["policy"]["from"])


def test_the_differences_sum_to_the_counts() -> None:
    _, _, one = some()
    (first, *_) = targets(one)
    (given, *_) = json.loads(data(one, Words("en")))["targets"]
    assert list(np.cumsum(given["caught"][::-1])[::-1]) == list(first.caught)
    assert list(np.cumsum(given["alarms"][::-1])[::-1]) == list(first.alarms)
    assert (first.caught[0], first.alarms[0]) == (first.positives, first.negatives)


def test_it_begins_with_the_policy() -> None:
    _, _, one = some()
    assert start(one) == 500
    true, shares = guesses(len(FIVE), 50)
    strict = evaluated([FIVE[n] for n in true], shares.tolist(), policy="strict")
    assert start(strict) == 200


def test_the_table_has_the_same_figures() -> None:
    _, _, one = some()
    rows = table(one, Words("en")).rows
    assert len(rows) == 5 * 6
    recall, alarms, _ = targets(one)[0].rates(700)
    assert rows[3][1:4] == ("0.700", f"{100 * recall:.1f}%", f"{100 * alarms:.1f}%")
