"""Which labels are corrected without a person: pure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf.auditing.judging import Judged
from figleaf.curate.splitting.rules import Part

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Choice:
    """What is relabelled.

    Attributes:
        rows: bool of shape (images,).
        spared: classes whose images all keep their labels: train would have none of them left.
    """

    rows: Mask
    spared: tuple[str, ...] = ()


def choose(
    judged: Judged,
    names: tuple[str, ...],
    settled: Mask,
    apply: float | None,
    trained: Mapping[str, int],
) -> Choice:
    """The images to relabel: of train and validation, and doubted as much as is asked for.

    None of test is: a test set that was corrected by the model that it tests flatters it.

    Args:
        judged: the images.
        names: of the classes.
        settled: of shape (images,): a person has said what they are.
        apply: the doubt from which on; None for nothing.
        trained: class -> images in train.
    """
    if apply is None:
        return Choice(np.zeros(len(settled), bool))
    parts = np.array([str(part) for part in judged.parts])
    rows = (judged.doubts.doubt >= apply) & judged.fair & ~settled & (parts != Part.TEST)
    # Of two that are as likely neither is the better label.
    rows &= judged.doubts.chance > judged.doubts.given
    spared = []
    for number, name in enumerate(names):
        own = judged.examples.labels == number
        if trained[name] and (rows & own & (parts == Part.TRAIN)).sum() >= trained[name]:
            rows &= ~own
            spared.append(name)
    return Choice(rows, tuple(spared))
