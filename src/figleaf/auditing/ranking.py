"""What of a judgement people should look at, the most doubtful first: pure."""

import numpy as np
from numpy.typing import NDArray

from figleaf.auditing.judging import Judged
from figleaf.auditing.outliers import FAR
from figleaf.auditing.report import Outlier, Suspect

Mask = NDArray[np.bool_]

LEAST_DOUBT = 0.25
"""The doubt from which on a label may be a suspect: the own class leads by less than half."""
_LEAST_SUSPECTS = 100
"""What is kept of these beside the errors, however few there are."""
_MOST_OUTLIERS = 1000
_DIGITS = 6


def suspects(
    judged: Judged, names: tuple[str, ...], settled: Mask, relabelled: Mask
) -> tuple[Suspect, ...]:
    """All labels that are found wrong or were changed, and of the others the most doubtful.

    Of both together there are twice as many as the joint estimates errors, or as were found, where
    there are so many.

    Args:
        judged: the images.
        names: of the classes.
        settled: of shape (images,): a person has said what they are.
        relabelled: of shape (images,): their labels are changed now.
    """
    doubt = judged.doubts.doubt
    open_to_doubt = judged.fair & ~settled
    wrong = judged.wrong & open_to_doubt
    order = _ranked(judged, doubt, np.flatnonzero(open_to_doubt))
    estimated = int(judged.joint.sum() - judged.joint.trace())
    limit = max(2 * estimated, 2 * int(wrong.sum()), _LEAST_SUSPECTS)
    kept = wrong | relabelled
    kept[[row for row in order[:limit] if doubt[row] >= LEAST_DOUBT]] = True
    return tuple(
        Suspect(
            path=str(judged.examples.paths[row]),
            sha256=judged.examples.hashes[row].hex(),
            label=names[judged.examples.labels[row]],
            suggested=names[judged.doubts.suggested[row]],
            part=str(judged.parts[row]),
            doubt=_figure(doubt[row]),
            given=_figure(judged.doubts.given[row]),
            chance=_figure(judged.doubts.chance[row]),
            listed=bool(wrong[row]),
            relabelled=bool(relabelled[row]),
        )
        for row in order
        if kept[row]
    )


def outliers(judged: Judged, names: tuple[str, ...], settled: Mask) -> tuple[Outlier, ...]:
    """The images that are far from every class, the farthest first.

    Args:
        judged: the images.
        names: of the classes.
        settled: of shape (images,): a person has said what they are.
    """
    rows = np.flatnonzero((judged.deviations > FAR) & ~settled)
    return tuple(
        Outlier(
            path=str(judged.examples.paths[row]),
            sha256=judged.examples.hashes[row].hex(),
            label=names[judged.examples.labels[row]],
            part=str(judged.parts[row]),
            distance=_figure(judged.deviations[row]),
            nearest=names[judged.nearest[row]],
        )
        for row in _ranked(judged, judged.deviations, rows)[:_MOST_OUTLIERS]
    )


def _ranked(judged: Judged, values: NDArray[np.float64], rows: NDArray[np.int64]) -> list[int]:
    """Rows by their values, the highest first; of equal ones by their hashes."""
    keys = {row: (-values[row], judged.examples.hashes[row]) for row in rows.tolist()}
    return sorted(keys, key=keys.__getitem__)


def _figure(value: float) -> float:
    return round(float(value), _DIGITS)
