"""What was taken for what: the confusion matrix and the figures that follow from it.

A matrix has a row for each true class and a column for each predicted one. What has nothing below
its line is nan, not 0: the precision of a class that was never predicted, the recall of a class
without images. `macro` leaves such classes out, as Turi Create does (scikit-learn with
zero_division=nan).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figleaf.metrics import checks
from figleaf.metrics.ratios import quotient, ratio


def confusion_matrix(true: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Count the images of each true class by their predicted class.

    Args:
        true: class numbers of shape (N,), each 0..classes-1; N may be 0.
        predicted: likewise.
        classes: how many there are.

    Returns:
        int64 of shape (classes, classes): a row for each true class.

    Raises:
        InputError: another shape or type, or a number out of range.
    """
    checks.at_least(classes, 1, "classes")
    rows = checks.class_numbers(true, classes, "true")
    columns = checks.class_numbers(predicted, classes, "predicted")
    checks.same_length([rows, columns], "true and predicted")
    cells = np.bincount(rows * classes + columns, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def normalised(matrix: ArrayLike) -> NDArray[np.float64]:
    """Each row as shares of its true class.

    Args:
        matrix: counts of shape (C, C).

    Returns:
        float64 of shape (C, C), 0..1, rows that sum to 1; nan for a class without images.

    Raises:
        InputError: not a square of counts. So do all figures of a matrix.
    """
    counts = checks.square(matrix)
    return ratio(counts, counts.sum(axis=1, keepdims=True))


def support(matrix: ArrayLike) -> NDArray[np.int64]:
    """How many images each true class has: int64 of shape (C,)."""
    return np.asarray(checks.square(matrix).sum(axis=1), np.int64)


def accuracy(matrix: ArrayLike) -> float:
    """The share of images whose class was predicted, 0..1; nan without images."""
    counts = checks.square(matrix)
    return quotient(np.trace(counts), counts.sum())


def precision(matrix: ArrayLike) -> NDArray[np.float64]:
    """Of the images taken for a class, the share that is of it.

    Returns:
        float64 of shape (C,), 0..1; nan for a class that was never predicted.
    """
    counts = checks.square(matrix)
    return ratio(counts.diagonal(), counts.sum(axis=0))


def recall(matrix: ArrayLike) -> NDArray[np.float64]:
    """Of the images of a class, the share that was taken for it.

    Returns:
        float64 of shape (C,), 0..1; nan for a class without images.
    """
    counts = checks.square(matrix)
    return ratio(counts.diagonal(), counts.sum(axis=1))


def f1(matrix: ArrayLike) -> NDArray[np.float64]:
    """The harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN).

    Returns:
        float64 of shape (C,), 0..1; 0 for a class with images that was never predicted right, nan
        for a class without images that was never predicted.
    """
    counts = checks.square(matrix)
    return ratio(2 * counts.diagonal(), counts.sum(axis=0) + counts.sum(axis=1))


def macro(values: ArrayLike) -> float:
    """The mean over the classes that have a value; nan where none has.

    Args:
        values: one for each class, shape (C,).
    """
    array = np.asarray(values, np.float64)
    there = array[~np.isnan(array)]
    return float(there.mean()) if there.size else float("nan")


def micro_precision(matrix: ArrayLike) -> float:
    """The precision over all classes at once; of one class an image, the accuracy."""
    counts = checks.square(matrix)
    return quotient(counts.diagonal().sum(), counts.sum(axis=0).sum())


def micro_recall(matrix: ArrayLike) -> float:
    """The recall over all classes at once; of one class an image, the accuracy."""
    counts = checks.square(matrix)
    return quotient(counts.diagonal().sum(), counts.sum(axis=1).sum())


def micro_f1(matrix: ArrayLike) -> float:
    """F1 over all classes at once; of one class an image, the accuracy."""
    counts = checks.square(matrix)
    return quotient(2 * counts.diagonal().sum(), 2 * counts.sum())


def top_k_accuracy(true: ArrayLike, probabilities: ArrayLike, k: int) -> float:
    """The share of images whose class is among the k most probable ones.

    Of equal probabilities the first class comes first, so that k=1 is the accuracy of argmax.

    Args:
        true: class numbers of shape (N,), N at least 1.
        probabilities: scores of shape (N, C), of any scale.
        k: at least 1; from C on, the answer is 1.

    Raises:
        InputError: another shape or type, a number out of range, nan.
    """
    scores = checks.class_scores(probabilities)
    numbers = checks.class_numbers(true, scores.shape[1], "true")
    checks.same_length([numbers, scores], "true and probabilities")
    own = np.take_along_axis(scores, numbers[:, None], axis=1)
    earlier = np.arange(scores.shape[1]) < numbers[:, None]
    rank = ((scores > own) | ((scores == own) & earlier)).sum(axis=1)
    return float((rank < checks.at_least(k, 1, "k")).mean())
