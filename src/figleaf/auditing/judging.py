"""Judging the images of a split: by heads that had not seen them.

Images of train and validation are judged by folds of those two; images of test by a head that has
seen all of these. Nothing of test has a part in judging train.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figleaf.auditing.confident import (
    Doubts,
    confident_classes,
    confident_joint,
    label_errors,
    thresholds,
)
from figleaf.auditing.outliers import Landscape, Places
from figleaf.auditing.rules import AuditRules
from figleaf.curate.splitting.rules import Part
from figleaf.curate.watch import Watch
from figleaf.training.backbones.opening import open_backbones
from figleaf.training.examples import Examples
from figleaf.training.features import Features, computing
from figleaf.training.material import Material
from figleaf.training.out_of_fold import OutOfFold, in_pieces, out_of_fold
from figleaf.training.probe import Table
from figleaf.training.temperature import calibrated, fit_temperature, softmax

_LEARNT = (Part.TRAIN, Part.VALIDATION)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the judge says of some images.

    Attributes:
        examples: the images.
        parts: the part of each.
        doubts: of their labels.
        wrong: bool of shape (images,): confident learning finds the label wrong.
        fair: bool likewise: False where no other image of its class could teach the judge.
        nearest: int64 likewise: the class that it is least far from.
        deviations: float64 likewise: how far that is, in robust standard deviations.
        joint: int64 of shape (classes, classes), see `confident.confident_joint`.
    """

    examples: Examples
    parts: Sequence[Part]
    doubts: Doubts
    wrong: NDArray[np.bool_]
    fair: NDArray[np.bool_]
    nearest: NDArray[np.int64]
    deviations: NDArray[np.float64]
    joint: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that is judged, and how.

    Attributes:
        learnt: of train and validation.
        test: of test.
        probabilities: float64 of shape (images, classes), of the images of `learnt`.
        backbone: the backbones' names, joined by "+".
        precision: that features were computed in.
        unreadable: how many images could not be read.
        accuracy: of the judge on `learnt`, 0..1.
        temperature: that calibrates it.
        l2: the penalty of the heads.
    """

    learnt: Judged
    test: Judged
    probabilities: NDArray[np.float64]
    backbone: str
    precision: str
    unreadable: int
    accuracy: float
    temperature: float
    l2: float

    @property
    def everything(self) -> Judged:
        """The images of all parts; the joint is the sum of both."""
        one, other = self.learnt, self.test
        return Judged(
            examples=together([one.examples, other.examples]),
            parts=[*one.parts, *other.parts],
            doubts=one.doubts.and_those_of(other.doubts),
            wrong=np.concatenate([one.wrong, other.wrong]),
            fair=np.concatenate([one.fair, other.fair]),
            nearest=np.concatenate([one.nearest, other.nearest]),
            deviations=np.concatenate([one.deviations, other.deviations]),
            joint=one.joint + other.joint,
        )


def judge(material: Material, rules: AuditRules, caches: Path, watch: Watch) -> Judgement:
    """Compute the features that are missing, and judge all images.

    Args:
        material: the split's images.
        rules: how.
        caches: the folder of features.
        watch: is told how it goes.

    Raises:
        DatasetError: too few images can be read.
        ModelError, InputError, MissingExtraError: the backbones cannot be opened.
    """
    how = computing(fast=rules.fast)
    features = Features(caches, open_backbones(rules.backbone), how)
    everything = together([material.parts[part] for part in Part])
    watch.start("features", int(features.missing(everything).sum()))
    features.compute(everything, watch.done)
    parts = {part: features.readable_of(some) for part, some in material.parts.items()}

    learnt, test = together([parts[part] for part in _LEARNT]), parts[Part.TEST]
    classes = len(material.labels)
    found = out_of_fold(features, learnt, classes, rules.training, count=rules.folds, watch=watch)
    seen = _seen(found, learnt, classes)
    table = Table(features.matrix(learnt), learnt.labels)
    landscape, places = Landscape.of(table, classes)
    del table  # perhaps gigabytes
    their_parts = [part for part in _LEARNT for _ in range(len(parts[part]))]
    return Judgement(
        learnt=seen.judged(seen.probabilities, learnt, their_parts, places),
        test=_judged_test(seen, features, found, landscape, test),
        probabilities=seen.probabilities,
        backbone="+".join(one.name for one in features.backbones),
        precision=str(how.precision),
        unreadable=len(everything) - len(learnt) - len(test),
        accuracy=float((found.logits.argmax(axis=1) == learnt.labels).mean()),
        temperature=seen.temperature,
        l2=found.l2,
    )


def together(parts: Sequence[Examples]) -> Examples:
    """Parts as one: groups stay what they are, and those of two parts are never the same."""
    groups, start = [], 0
    for part in parts:
        groups.append(part.groups + start)
        start += int(part.groups.max(initial=-1)) + 1
    return Examples(
        [path for part in parts for path in part.paths],
        [sha256 for part in parts for sha256 in part.hashes],
        np.concatenate([part.labels for part in parts]),
        np.concatenate(groups),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What train and validation say of themselves, and so of others.

    Attributes:
        probabilities: of their images.
        least: the thresholds of the classes.
        fair: bool of shape (classes,): the class has images in several folds.
        temperature: that calibrates others.
    """

    probabilities: NDArray[np.float64]
    least: NDArray[np.float64]
    fair: NDArray[np.bool_]
    temperature: float

    def judged(
        self,
        probabilities: NDArray[np.float64],
        examples: Examples,
        parts: Sequence[Part],
        places: Places,
    ) -> Judged:
        """What that makes of some images."""
        labels, classes = examples.labels, len(self.least)
        confident = confident_classes(probabilities, self.least)
        fair = self.fair[labels]
        confident = np.where(fair, confident, -1)
        doubts = Doubts.of(probabilities, labels)
        return Judged(
            examples=examples,
            parts=parts,
            doubts=doubts,
            wrong=label_errors(confident, doubts, labels),
            fair=fair,
            nearest=places.nearest,
            deviations=places.deviations,
            joint=confident_joint(confident, labels, classes),
        )


def _seen(found: OutOfFold, learnt: Examples, classes: int) -> _Seen:
    labels = learnt.labels
    probabilities = calibrated(found.logits, labels)
    # A class that is all in one fold is unknown to the head that judges it.
    fair = np.array([len(np.unique(found.folds[labels == one])) > 1 for one in range(classes)])
    least = np.where(fair, thresholds(probabilities, labels), np.inf)
    return _Seen(probabilities, least, fair, fit_temperature(found.logits, labels))


def _judged_test(
    seen: _Seen, features: Features, found: OutOfFold, landscape: Landscape, test: Examples
) -> Judged:
    classes = len(seen.least)
    logits = in_pieces(found.head.logits, features, test, classes)
    places = landscape.places(features.matrix(test))
    probabilities = softmax(logits, seen.temperature)
    return seen.judged(probabilities, test, [Part.TEST] * len(test), places)
