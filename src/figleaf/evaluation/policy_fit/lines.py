"""Thresholds for rates and recalls, and what each does to the pictures that it was chosen on."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.prediction import Decision
from figleaf.evaluation.figures import Draws, Figure, plain
from figleaf.evaluation.operating import Aim
from figleaf.evaluation.policy_fit.bounds import clustered
from figleaf.evaluation.policy_fit.rules import FitRules
from figleaf.metrics.curves import Ranking, Sweep, sweep
from figleaf.metrics.intervals import Interval
from figleaf.metrics.thresholds import (
    Expected,
    per_ten_thousand,
    reaching_recall,
    within_false_positive_rate,
)

_DIGITS = range(4, 16)


@dataclass(frozen=True, slots=True)
class Line:
    """A threshold on the unsafe score, and what it does.

    Attributes:
        aim: what it was chosen for, a false-positive rate or a recall.
        target: the rate, or the recall.
        decision: what the policy decides from it on; None where it is only looked at.
        threshold: from which score on a picture is flagged, as the policy file has it; nan where
            the highest safe score is 1, and nothing can be above it. The interval is that of
            choosing it anew in each draw of the bootstrap.
        flagged: safe images that it flags.
        false_positive_rate: their share. The interval is the exact one, see `bounds`.
        caught: unsafe images that it flags.
        recall: their share; the interval is that of the bootstrap. nan without unsafe images.
        expected: what is to be expected of 10,000 pictures at the stated base rate; nan for what
            unsafe images would have to tell.
        is_kept: whether the upper end of the interval of the rate is within the target.
    """

    aim: Aim
    target: float
    decision: Decision | None
    threshold: Figure
    flagged: int
    false_positive_rate: Figure
    caught: int
    recall: Figure
    expected: Expected
    is_kept: bool

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types; null for nan."""
        return {
            "aim": str(self.aim),
            "target": self.target,
            "decision": self.decision and str(self.decision),
            # Not rounded to six decimals, as other figures: it may need more.
            "threshold": plain(self.threshold) | {"value": _number(self.threshold.value)},
            "flagged": self.flagged,
            "false_positive_rate": plain(self.false_positive_rate),
            "caught": self.caught,
            "recall": plain(self.recall),
            "per_10000": plain(asdict(self.expected)),
            "is_kept": self.is_kept,
        }


@dataclass(frozen=True, slots=True)
class Scores:
    """Unsafe scores of pictures that are known to be safe, or unsafe.

    Attributes:
        truth: which are unsafe, booleans of shape (images,); at least one is not.
        scores: 0..1, of shape (images,).
        groups: int64 of shape (images,), the same for near duplicates.
    """

    truth: NDArray[np.bool_]
    scores: NDArray[np.float64]
    groups: NDArray[np.int64]


def lines(of: Scores, rules: FitRules) -> tuple[Line, ...]:
    """A line for each rate and for the recall, from the lowest threshold to the highest.

    Raises:
        InputError: scores of another shape, or out of range.
    """
    made = [_line(of, rules, *aim) for aim in _aims(rules)]
    return tuple(sorted(made, key=lambda line: _sortable(line.threshold.value)))


def _aims(rules: FitRules) -> Iterator[tuple[Aim, float]]:
    for rate in rules.fpr:
        yield Aim.FALSE_POSITIVE_RATE, rate
    if rules.recall is not None:
        yield Aim.RECALL, rules.recall


def _line(of: Scores, rules: FitRules, aim: Aim, target: float) -> Line:
    ranking = Ranking(of.truth, of.scores)
    draws = Draws(of.groups, rules.repeats, rules.level, rules.seed)
    limit = _limit(of, target, rules.level) if rules.assured and aim is not Aim.RECALL else target
    threshold = _clear(_chosen(ranking.sweep(), aim, limit), of)
    flagged = of.scores >= threshold  # nothing, of nan

    def drawn(weights: NDArray[np.int64]) -> NDArray[np.float64]:
        caught = float((weights * (flagged & of.truth)).sum())
        unsafe = float((weights * of.truth).sum())
        chosen = _chosen(ranking.sweep(weights), aim, limit)
        return np.array([min(chosen, 1.0), caught / unsafe if unsafe else math.nan])

    found = draws.of(drawn)
    safe = ~of.truth
    rate = float(flagged[safe].mean())
    recall = draws.share(flagged, of.truth, found[:, 1])
    alarms = Figure(rate, clustered(flagged[safe], of.groups[safe], rules.level))
    if math.isnan(threshold):
        nowhere = Interval(math.nan, math.nan, rules.level)
        recall = alarms = Figure(math.nan, nowhere)
    return Line(
        aim=aim,
        target=target,
        decision=None,
        threshold=draws.figure(threshold, found[:, 0]),
        flagged=int(flagged[safe].sum()),
        false_positive_rate=alarms,
        caught=int(flagged[of.truth].sum()),
        recall=recall,
        expected=_expected(recall.value, alarms.value, rules.base_rate),
        is_kept=aim is Aim.RECALL or alarms.interval.high <= target,
    )


def _chosen(swept: Sweep, aim: Aim, limit: float) -> float:
    """The threshold that `metrics.thresholds` chooses; infinity to flag nothing."""
    if aim is Aim.RECALL:
        return reaching_recall(swept, limit).threshold
    return within_false_positive_rate(swept, limit).threshold


def _limit(of: Scores, target: float, level: float) -> float:
    """The highest observed rate whose interval ends within the target; 0 where none does."""
    safe, groups = of.scores[~of.truth], of.groups[~of.truth]
    lowest = within_false_positive_rate(sweep(np.zeros(len(safe), bool), safe), target).threshold
    for threshold in np.unique(safe[safe >= lowest]):
        hits = safe >= threshold
        if clustered(hits, groups, level).high <= target:
            return float(hits.mean())
    return 0.0


def _clear(threshold: float, of: Scores) -> float:
    """A threshold that flags the same images, a little below the lowest of them.

    In as few digits as keep it away from the scores on both sides: sums of the same probabilities
    in another order, or from another processor, differ in their last ones. Infinity becomes what
    is just above all safe scores; nan where that would be above 1, or where there is none.
    """
    if math.isnan(threshold):
        return math.nan
    if math.isinf(threshold):
        return _just_above(float(of.scores.max()))
    below = float(of.scores[of.scores < threshold].max(initial=-1.0))
    for digits in _DIGITS:
        scale = 10.0**digits
        margin = 0.1 / scale
        found = math.floor((threshold - margin) * scale) / scale
        if found >= max(below + margin, 0.0):
            return round(found, digits)
    return threshold


def _just_above(highest: float) -> float:
    """The next higher number, in as few digits as there is room for; nan above 1."""
    for digits in _DIGITS:
        scale = 10.0**digits
        found = round((math.floor(highest * scale) + 1) / scale, digits)
        if highest < found < 1:
            return found
    return math.nan


def _expected(recall: float, alarms: float, base_rate: float) -> Expected:
    """Of 10,000 pictures, as far as it can be told."""
    if math.isnan(alarms):
        return Expected(*[math.nan] * 5)
    if not math.isnan(recall):
        return per_ten_thousand(recall, alarms, base_rate)
    found = per_ten_thousand(0.0, alarms, base_rate)
    return Expected(math.nan, math.nan, found.false_alarms, found.passed, math.nan)


def _sortable(threshold: float) -> float:
    return math.inf if math.isnan(threshold) else threshold


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
