"""The view of safe and unsafe: where to draw the line, and what comes of it."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.policy import Policy
from figleaf.evaluation.classes import reliability_dict
from figleaf.evaluation.figures import Draws, Figure, plain
from figleaf.evaluation.rules import EvaluateRules
from figleaf.metrics.calibration import Reliability, reliability_of_score
from figleaf.metrics.curves import Ranking, Sweep
from figleaf.metrics.intervals import Interval
from figleaf.metrics.losses import log_loss
from figleaf.metrics.thresholds import (
    Expected,
    at,
    per_ten_thousand,
    reaching_recall,
    within_false_positive_rate,
)

SAFE, UNSAFE = "safe", "unsafe"
_BEYOND = 2.0  # above every score


class Aim(StrEnum):
    """Why a threshold is looked at."""

    THRESHOLD = "threshold"
    """The one of the rules."""
    REVIEW = "review"
    """The policy's, on the unsafe score alone."""
    BLOCK = "block"
    """Likewise."""
    FALSE_POSITIVE_RATE = "false_positive_rate"
    """The lowest one whose false-positive rate does not exceed an aim."""
    RECALL = "recall"
    """The highest one whose recall reaches an aim."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold on the unsafe score does.

    Attributes:
        aim: why it is looked at.
        target: the rate or recall that it was chosen for; None where it was given.
        threshold: from which score on an image is flagged; infinity where nothing may be, nan where
            there is nothing to choose by. A chosen one's interval is that of choosing it anew in
            each draw; a given one has none.
        recall: the share of unsafe images that is flagged; the interval is for this threshold.
        false_positive_rate: the share of safe images that is flagged; likewise.
        precision: the share of flagged images that is unsafe, in these data.
        expected: what is to be expected of 10,000 images at the stated base rate.
        is_too_fine: the rate aimed at is lower than one image of those that there are.
    """

    aim: Aim
    target: float | None
    threshold: Figure
    recall: Figure
    false_positive_rate: Figure
    precision: float
    expected: Expected
    is_too_fine: bool

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        return {
            "aim": str(self.aim),
            "target": self.target,
            "threshold": plain(self.threshold),
            "flags_nothing": math.isinf(self.threshold.value),
            "recall": plain(self.recall),
            "false_positive_rate": plain(self.false_positive_rate),
            "precision": plain(self.precision),
            "per_10000": plain(asdict(self.expected)),
            "too_few_images": self.is_too_fine,
        }


@dataclass(frozen=True, slots=True)
class SafetyView:
    """How a model tells unsafe images from safe ones, by the policy's unsafe score.

    Attributes:
        unsafe_classes: of the model, those in the sum.
        unsafe_labels: of the data, those that count as unsafe.
        safe, unsafe: images that are.
        threshold: the rules'.
        matrix: int64 of shape (2, 2): safe, unsafe by called safe, called unsafe, at `threshold`.
        auc: the area under the ROC of the unsafe score.
        average_precision: likewise.
        log_loss: of the unsafe score, natural logarithm.
        points: thresholds, and what they do.
        decisions: "safe", "unsafe" -> decision of the whole policy -> images.
        base_rate: the share of unsafe images that `Point.expected` is for.
        reliability: the unsafe score against the share that is unsafe, in 15 bins.
        sweep: of the unsafe score, for its curves.
    """

    unsafe_classes: tuple[str, ...]
    unsafe_labels: tuple[str, ...]
    safe: int
    unsafe: int
    threshold: float
    matrix: NDArray[np.int64]
    auc: Figure
    average_precision: float
    log_loss: float
    points: tuple[Point, ...]
    decisions: Mapping[str, Mapping[str, int]]
    base_rate: float
    reliability: Reliability
    sweep: Sweep

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types; the curves are elsewhere."""
        return {
            "unsafe_classes": list(self.unsafe_classes),
            "unsafe_labels": list(self.unsafe_labels),
            SAFE: self.safe,
            UNSAFE: self.unsafe,
            "threshold": self.threshold,
            "matrix": plain(self.matrix),
            "auc": plain(self.auc),
            "average_precision": plain(self.average_precision),
            "log_loss": plain(self.log_loss),
            "base_rate": self.base_rate,
            "points": [one.to_dict() for one in self.points],
            "decisions": plain(self.decisions),
            "calibration": reliability_dict(self.reliability),
        }


def safety_view(
    truth: NDArray[np.bool_],
    scores: NDArray[np.float64],
    policy: Policy,
    rules: EvaluateRules,
    draws: Draws,
    *,
    decisions: Mapping[str, Mapping[str, int]],
    unsafe_classes: Sequence[str] = (),
    unsafe_labels: Sequence[str] = (),
) -> SafetyView:
    """All figures of some images.

    Args:
        truth: which images are unsafe, of shape (images,), at least one.
        scores: the unsafe score of each, 0..1.
        policy: its thresholds on the unsafe score are looked at.
        rules: the aims, the base rate, the threshold.
        draws: for the intervals.
        decisions: see `SafetyView`, from `decide`.
        unsafe_classes: likewise.
        unsafe_labels: likewise.
    """
    ranking = Ranking(truth, scores)
    swept = ranking.sweep()
    aims = list(_aims(swept, policy, rules))
    negatives, positives = int((~truth).sum()), int(truth.sum())

    def statistics(weights: NDArray[np.int64]) -> NDArray[np.float64]:
        drawn = ranking.sweep(weights)
        rates = [_rates(drawn, threshold) for _, _, threshold in aims]
        chosen = [_chosen(drawn, aim, target, threshold) for aim, target, threshold in aims]
        return np.array([drawn.auc(), *(rate for both in rates for rate in both), *chosen])

    drawn = draws.of(statistics)
    rates = drawn[:, 1 : 1 + 2 * len(aims)].reshape(len(drawn), len(aims), 2)
    thresholds = drawn[:, 1 + 2 * len(aims) :]
    points = []
    for n, (aim, target, threshold) in enumerate(aims):
        flagged = scores >= threshold
        recall = draws.share(flagged, truth, rates[:, n, 0])
        alarms = draws.share(flagged, ~truth, rates[:, n, 1])
        if math.isnan(threshold):
            recall, alarms = (draws.figure(math.nan, rates[:, n, 0]) for _ in range(2))
        points.append(
            Point(
                aim=aim,
                target=target,
                threshold=_threshold(threshold, thresholds[:, n], draws),
                recall=recall,
                false_positive_rate=alarms,
                precision=_precision(truth, scores, threshold),
                expected=_expected(recall.value, alarms.value, rules.base_rate),
                is_too_fine=_is_too_fine(aim, target, negatives, positives),
            )
        )
    called = scores >= rules.threshold
    # float32, as probabilities are: what a mistake of score 1 loses depends on the type.
    shares = np.stack([1 - scores, scores], axis=1).astype(np.float32)
    return SafetyView(
        unsafe_classes=tuple(unsafe_classes),
        unsafe_labels=tuple(unsafe_labels),
        safe=negatives,
        unsafe=positives,
        threshold=rules.threshold,
        matrix=np.array(
            [
                [int(((truth == own) & (called == other)).sum()) for other in (0, 1)]
                for own in (0, 1)
            ]
        ),
        auc=draws.figure(swept.auc(), drawn[:, 0]),
        average_precision=swept.average_precision(),
        log_loss=log_loss(truth.astype(np.int64), shares),
        points=tuple(points),
        decisions=decisions,
        base_rate=rules.base_rate,
        reliability=reliability_of_score(truth, scores),
        sweep=swept,
    )


def decide(
    truth: NDArray[np.bool_],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    policy: Policy,
) -> dict[str, dict[str, int]]:
    """What a policy decides of safe and of unsafe images: "safe" -> "review" -> images, and so on.

    Nothing where it has no threshold for any of the classes.

    Args:
        truth: which images are unsafe, of shape (images,).
        probabilities: of shape (images, classes).
        classes: their names.
        policy: what decides.
    """
    found: dict[str, Counter[str]] = {SAFE: Counter(), UNSAFE: Counter()}
    for is_unsafe, row in zip(truth, probabilities.tolist(), strict=True):
        decision, _ = policy.decide(dict(zip(classes, row, strict=True)))
        if decision is not None:
            found[UNSAFE if is_unsafe else SAFE][str(decision)] += 1
    return {name: dict(sorted(counts.items())) for name, counts in found.items()}


def _aims(
    swept: Sweep, policy: Policy, rules: EvaluateRules
) -> Iterator[tuple[Aim, float | None, float]]:
    """Aim, target and threshold of every point."""
    yield Aim.THRESHOLD, None, rules.threshold
    rule = next(one for one in policy.rules if one.name == UNSAFE)
    for aim, threshold in ((Aim.REVIEW, rule.review), (Aim.BLOCK, rule.block)):
        if threshold is not None:
            yield aim, None, threshold
    for rate in rules.target_fpr:
        found = within_false_positive_rate(swept, rate)
        yield Aim.FALSE_POSITIVE_RATE, rate, found.threshold
    for recall in rules.target_recall:
        yield Aim.RECALL, recall, reaching_recall(swept, recall).threshold


def _rates(swept: Sweep, threshold: float) -> tuple[float, float]:
    """Recall and false-positive rate of a threshold; nan where there is nothing to divide by."""
    flagging = int(np.searchsorted(-swept.thresholds, -threshold, side="right"))
    caught = int(swept.caught[flagging - 1]) if flagging else 0
    alarms = int(swept.false_alarms[flagging - 1]) if flagging else 0
    return (
        caught / swept.positives if swept.positives else math.nan,
        alarms / swept.negatives if swept.negatives else math.nan,
    )


def _chosen(swept: Sweep, aim: Aim, target: float | None, threshold: float) -> float:
    """The threshold that would be chosen in a draw."""
    if target is None:
        return threshold
    if aim is Aim.RECALL:
        return reaching_recall(swept, target).threshold
    return within_false_positive_rate(swept, target).threshold


def _threshold(value: float, drawn: NDArray[np.float64], draws: Draws) -> Figure:
    """A threshold with its interval; infinity cannot be interpolated to: it is what is above 1."""
    found = draws.figure(value, np.minimum(drawn, _BEYOND))
    low, high = (math.inf if end > 1 else end for end in (found.interval.low, found.interval.high))
    return Figure(value, Interval(low, high, found.interval.level))


def _precision(truth: NDArray[np.bool_], scores: NDArray[np.float64], threshold: float) -> float:
    return math.nan if math.isnan(threshold) else at(truth, scores, threshold).precision


def _expected(recall: float, alarms: float, base_rate: float) -> Expected:
    """Of 10,000 images, as far as it can be told: one kind may be missing."""
    found = per_ten_thousand(_or_zero(recall), _or_zero(alarms), base_rate)
    missing = math.isnan(recall), math.isnan(alarms)
    return Expected(
        caught=math.nan if missing[0] else found.caught,
        missed=math.nan if missing[0] else found.missed,
        false_alarms=math.nan if missing[1] else found.false_alarms,
        passed=math.nan if missing[1] else found.passed,
        precision=math.nan if any(missing) else found.precision,
    )


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _is_too_fine(aim: Aim, target: float | None, negatives: int, positives: int) -> bool:
    """Whether an aim is for less than one image.

    Quotients, as thresholds are chosen by: 10 * (1 - .9) is below 1, and yet 9 of 10 are .9.
    """
    if target is None:
        return False
    if aim is Aim.RECALL:
        return positives > 0 and (positives - 1) / positives < target < 1
    return negatives > 0 and 0 < target < 1 / negatives
