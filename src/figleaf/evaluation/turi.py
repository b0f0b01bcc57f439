"""Figures under the names that Turi Create's image classifier gave them.

`accuracy`, `auc`, `precision`, `recall`, `f1_score` (means over the classes), `log_loss`,
`confusion_matrix` and `roc_curve`, the last two as rows. Of a model whose classes are not the
data's they are those of unsafe against safe.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.evaluation.classes import ClassView
from figleaf.evaluation.figures import plain
from figleaf.evaluation.operating import SAFE, UNSAFE, SafetyView
from figleaf.metrics import counts
from figleaf.metrics.curves import Sweep

_POINTS = 500  # of a curve's, evenly among those that there are: the areas are of all of them


def figures(classes: ClassView | None, safety: SafetyView | None) -> dict[str, Any]:
    """The figures of the model's own classes where there are any, else of safe and unsafe."""
    if classes is not None:
        return _of_classes(classes)
    return _of_safety(safety) if safety is not None else {}


def _of_classes(found: ClassView) -> dict[str, Any]:
    curves = (
        row
        for label, swept in zip(found.classes, found.sweeps, strict=True)
        for row in roc_rows(swept, label)
    )
    return {
        "accuracy": plain(found.accuracy.value),
        "auc": plain(found.macro_auc.value),
        "precision": plain(found.macro_precision),
        "recall": plain(found.macro_recall),
        "f1_score": plain(found.macro_f1.value),
        "log_loss": plain(found.log_loss),
        "confusion_matrix": _matrix_rows(found.matrix, found.classes),
        "roc_curve": list(curves),
    }


def _of_safety(found: SafetyView) -> dict[str, Any]:
    matrix = found.matrix
    return {
        "accuracy": plain(counts.accuracy(matrix)),
        "auc": plain(found.auc.value),
        "precision": plain(counts.precision(matrix)[1]),
        "recall": plain(counts.recall(matrix)[1]),
        "f1_score": plain(counts.f1(matrix)[1]),
        "log_loss": plain(found.log_loss),
        "confusion_matrix": _matrix_rows(matrix, (SAFE, UNSAFE)),
        "roc_curve": list(roc_rows(found.sweep, UNSAFE)),
    }


def _matrix_rows(matrix: NDArray[np.int64], classes: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"target_label": true, "predicted_label": other, "count": int(matrix[n, m])}
        for n, true in enumerate(classes)
        for m, other in enumerate(classes)
    ]


def roc_rows(swept: Sweep, label: str) -> Iterator[dict[str, Any]]:
    """Points of a class's curve, from the highest threshold: `p` images are of it, `n` are not."""
    curve = swept.roc()
    last = len(curve.thresholds) - 1
    chosen = np.unique(np.linspace(0, last, min(_POINTS, last + 1)).round().astype(int))
    for n in chosen.tolist():
        yield {
            "class": label,
            "threshold": plain(float(curve.thresholds[n])),
            "fpr": plain(float(curve.fpr[n])),
            "tpr": plain(float(curve.tpr[n])),
            "p": swept.positives,
            "n": swept.negatives,
        }
