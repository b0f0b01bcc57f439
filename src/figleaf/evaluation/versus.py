"""Two models on the same labelled images: pure, from what they say to figures and intervals.

Differences are always the second model's figure less the first one's. Their intervals come from the
same draws of whole groups of duplicates for both (`metrics.resampling`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figleaf.evaluation.figures import Draws, plain
from figleaf.evaluation.truth import number_labels
from figleaf.metrics import checks
from figleaf.metrics.calibration import BINS
from figleaf.metrics.curves import Ranking
from figleaf.metrics.intervals import Interval
from figleaf.metrics.losses import log_losses
from figleaf.metrics.paired import McNemar, mcnemar
from figleaf.metrics.ratios import ratio

_FIGURES = ("accuracy", "log_loss", "calibration_error")

CHANCE = 0.05
"""How likely a difference between equal models may be, at most, to be called one."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model answers for images whose class is known.

    Attributes:
        classes: the model's.
        predicted: the number of the most probable class, int64 of shape (images,); of equal ones
            the first.
        right: whether that is the image's class, bool of shape (images,).
        confidence: the probability of the predicted class, float64 of shape (images,).
        losses: minus the logarithm of the probability of the image's class, likewise.
    """

    classes: tuple[str, ...]
    predicted: NDArray[np.int64]
    right: NDArray[np.bool_]
    confidence: NDArray[np.float64]
    losses: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.predicted)

    @property
    def ranking(self) -> Ranking | None:
        """The images by the probability of the second of two classes.

        None where there are more classes, or where all images are of one of the two.
        """
        is_second = np.where(self.right, self.predicted, 1 - self.predicted) == 1
        if len(self.classes) != 2 or is_second.all() or not is_second.any():
            return None
        score = np.where(self.predicted == 1, self.confidence, 1 - self.confidence)
        return Ranking(is_second, score)


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of two models.

    Attributes:
        a: that of the first one; nan where it has none.
        b: that of the second one.
        interval: where the difference, b - a, may lie; nan where there is nothing to tell by.
    """

    a: float
    b: float
    interval: Interval

    @property
    def value(self) -> float:
        """The difference: b - a."""
        return self.b - self.a

    @property
    def is_clear(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.interval.low > 0 or self.interval.high < 0

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types; null for nan."""
        found = {"a": self.a, "b": self.b, "difference": self.value}
        return {name: plain(value) for name, value in (found | asdict(self.interval)).items()}


@dataclass(frozen=True, slots=True)
class Recall:
    """The share of a class's images that is found.

    Attributes:
        label: the class.
        images: how many it has.
        recall: of both models.
    """

    label: str
    images: int
    recall: Difference


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two models are right, together and alone: images each.

    `both_wrong_alike` have the same wrong answer, `both_wrong` two different ones.
    """

    both_right: int
    only_a: int
    only_b: int
    both_wrong_alike: int
    both_wrong: int


@dataclass(frozen=True, slots=True)
class View:
    """Two models on the same images.

    Attributes:
        classes: the images' classes, those with images alone.
        images: how many there are.
        groups: of how many groups of duplicates.
        accuracy: the share that is right.
        log_loss: the mean log-loss.
        calibration_error: the expected calibration error of the predicted class.
        auc: the area under the ROC; None where not both models have two classes, or all images
            are of one of the two.
        recalls: the share that is right, by class.
        agreement: who is right how often.
        test: McNemar's.
    """

    classes: tuple[str, ...]
    images: int
    groups: int
    accuracy: Difference
    log_loss: Difference
    calibration_error: Difference
    auc: Difference | None
    recalls: tuple[Recall, ...]
    agreement: Agreement
    test: McNemar

    @property
    def is_more_than_chance(self) -> bool:
        """Whether one model is right more often, by the test and by the interval.

        The test takes images for independent, the interval draws whole groups of duplicates, and is
        rough where few images differ: neither is enough alone.
        """
        return self.test.p < CHANCE and self.accuracy.is_clear

    @property
    def differences(self) -> int:
        """How many differences there are, each with an interval."""
        return len(_FIGURES) + (self.auc is not None) + len(self.recalls)

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        figures = {name: getattr(self, name).to_dict() for name in _FIGURES}
        return {
            "images": self.images,
            "groups": self.groups,
            **figures,
            "auc": self.auc.to_dict() if self.auc else None,
            "recall": {
                one.label: {"images": one.images} | one.recall.to_dict() for one in self.recalls
            },
            "agreement": asdict(self.agreement),
            "mcnemar": plain(asdict(self.test)),
            "more_than_chance": self.is_more_than_chance,
        }


def answers(classes: Sequence[str], probabilities: ArrayLike, true: NDArray[np.int64]) -> Answers:
    """What a model answers.

    Args:
        classes: the model's.
        probabilities: floats of shape (images, classes), 0..1, rows that sum to 1.
        true: the number of each image's class among the model's, of shape (images,).

    Raises:
        InputError: no image, another shape, a number out of range, nan.
    """
    shares = checks.probabilities(probabilities)
    losses = log_losses(true, shares)
    predicted = shares.argmax(axis=1).astype(np.int64)
    confidence = shares.max(axis=1).astype(np.float64)
    return Answers(tuple(classes), predicted, predicted == true, confidence, losses)


def versus(a: Answers, b: Answers, labels: Sequence[str], draws: Draws) -> View:
    """Two models' answers beside each other.

    Args:
        a: the first model's.
        b: the second one's, of the same images.
        labels: the class of each image, at least one.
        draws: for the intervals; the same for both models.

    Raises:
        InputError: lengths that differ.
    """
    checks.same_length([a, b, labels, draws.groups], "the answers, labels and groups")
    classes, true = np.unique(np.array(labels), return_inverse=True)
    rankings = [one.ranking for one in (a, b)]
    has_auc = None not in rankings
    both = [
        _Figures(one, true.astype(np.int64), len(classes), ranking if has_auc else None)
        for one, ranking in zip((a, b), rankings, strict=True)
    ]
    first, second = (one.of(np.ones(len(true), np.int64)) for one in both)
    drawn = draws.of(lambda weights: both[1].of(weights) - both[0].of(weights))
    # Of accuracy, and after log-loss and the rest, of recalls: shares of these images are right.
    shares = {0: np.ones(len(true), bool)}
    shares |= {len(first) - len(classes) + own: true == own for own in range(len(classes))}
    accuracy, loss, error, *others = (
        _difference(float(first[n]), float(second[n]), drawn[:, n], shares.get(n), draws)
        for n in range(len(first))
    )
    names, counts = tuple(map(str, classes)), np.bincount(true).tolist()
    agreement = agree(a, b)
    return View(
        classes=names,
        images=len(true),
        groups=len(np.unique(draws.groups)),
        accuracy=accuracy,
        log_loss=loss,
        calibration_error=error,
        auc=others[0] if has_auc else None,
        recalls=tuple(map(Recall, names, counts, others[int(has_auc) :])),
        agreement=agreement,
        test=mcnemar(agreement.only_a, agreement.only_b),
    )


def _difference(
    a: float,
    b: float,
    drawn: NDArray[np.float64],
    among: NDArray[np.bool_] | None,
    draws: Draws,
) -> Difference:
    """A figure of two models; `among` which images it is a share of, None where it is none."""
    if among is None:
        return Difference(a, b, draws.figure(b - a, drawn).interval)
    return Difference(a, b, draws.bounded(b - a, among, drawn, least=-1.0))


def agree(a: Answers, b: Answers) -> Agreement:
    """How often two models are right, together and alone."""
    wrong = ~a.right & ~b.right
    alike = number_labels(b.classes, a.classes)[b.predicted] == a.predicted
    return Agreement(
        both_right=int((a.right & b.right).sum()),
        only_a=int((a.right & ~b.right).sum()),
        only_b=int((~a.right & b.right).sum()),
        both_wrong_alike=int((wrong & alike).sum()),
        both_wrong=int((wrong & ~alike).sum()),
    )


class _Figures:
    """A model's figures: accuracy, log-loss, calibration error, AUC, the recall of each class.

    All are made of sums over the images, so that a draw is no more than a weight for each.
    """

    def __init__(
        self, found: Answers, true: NDArray[np.int64], classes: int, ranking: Ranking | None
    ) -> None:
        self._found, self._true, self._classes, self._ranking = found, true, classes, ranking
        place = np.searchsorted(np.linspace(0, 1, BINS + 1), found.confidence, side="left") - 1
        self._bin_of = np.clip(place, 0, BINS - 1)  # as `metrics.calibration` has it
        self._gap = found.right - found.confidence

    def of(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """The figures, float64 of shape (3 + classes,), or (4 + classes,) with an AUC.

        A class that does not come has nan, and so has the AUC then.

        Args:
            weights: how often each image comes, of shape (images,).
        """
        total = weights.sum()
        right = weights * self._found.right
        gaps = np.bincount(self._bin_of, weights=weights * self._gap, minlength=BINS)
        images = np.bincount(self._true, weights=weights, minlength=self._classes)
        found = np.bincount(self._true, weights=right, minlength=self._classes)
        # No dot product: for large ones BLAS starts threads, which wait for busy cores.
        loss = (weights * self._found.losses).sum()
        means = np.array([right.sum(), loss, np.abs(gaps).sum()]) / total
        auc = [self._ranking.sweep(weights).auc()] if self._ranking else []
        return np.concatenate([means, auc, ratio(found, images)])
