"""Which results are wanted, and in which order."""

from collections.abc import Callable, Collection, Sequence
from enum import StrEnum

from figleaf.classify.prediction import Prediction
from figleaf.errors import InputError

SortKey = Callable[[Prediction], tuple[float, str]]


class Only(StrEnum):
    """What `--only` can keep: a decision, or the inputs that failed."""

    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"
    FAILED = "failed"


def is_wanted(prediction: Prediction, only: Collection[Only]) -> bool:
    """Whether `--only` keeps an input; without one, all are kept."""
    if not only:
        return True
    if not prediction.ok and Only.FAILED in only:
        return True
    return str(prediction.decision) in {str(value) for value in only}


def sort_key(sort: str | None, labels: Sequence[str]) -> SortKey | None:
    """What `--sort` orders by; what a list decided on comes after scores, what failed last.

    Raises:
        InputError: the model has no such class.
    """
    match sort:
        case None:
            return None
        case "input":
            return lambda prediction: (0, prediction.input)
        case "unsafe":
            return lambda prediction: (_rank(prediction) - (prediction.unsafe or 0), "")
        case _ if sort in labels:
            return lambda prediction: (_rank(prediction) - prediction.scores.get(sort, 0), "")
    raise InputError(f"cannot sort by {sort!r}: give input, unsafe or one of {', '.join(labels)}")


def _rank(prediction: Prediction) -> int:
    """What orders before any score does: scores of 0..1, no scores, a failure."""
    return 2 * (not prediction.scores) + (not prediction.ok)
