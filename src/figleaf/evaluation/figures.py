"""Figures with intervals, of draws of whole groups; and what JSON can hold of them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.metrics.intervals import Interval, percentile, wilson
from figleaf.metrics.resampling import Clusters


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and where it may lie; nan for what has nothing below its line."""

    value: float
    interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """Value, low, high, level; null for nan."""
        low, high = plain(self.interval.low), plain(self.interval.high)
        return {"value": plain(self.value), "low": low, "high": high, "level": self.interval.level}


@dataclass(frozen=True, slots=True)
class Draws:
    """How intervals are found: draws of whole groups, with replacement.

    Attributes:
        groups: int64 of shape (images,).
        repeats: how many draws.
        level: of the intervals.
        seed: of the draws.
    """

    groups: NDArray[np.int64]
    repeats: int
    level: float
    seed: int

    def of(
        self, statistics: Callable[[NDArray[np.int64]], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Figures in each draw.

        Args:
            statistics: figures, float64 of shape (k,), of how often each image comes, int64 of
                shape (images,).

        Returns:
            float64 of shape (repeats, k).
        """
        weights = Clusters(self.groups).draw_weights(self.repeats, self.seed)
        return np.array([statistics(one) for one in weights])

    def figure(self, value: float, drawn: NDArray[np.float64]) -> Figure:
        """A figure with the interval of its draws, of shape (repeats,)."""
        if math.isnan(value):
            return Figure(value, Interval(math.nan, math.nan, self.level))
        return Figure(value, percentile(drawn, self.level))

    def share(
        self, hits: NDArray[np.bool_], among: NDArray[np.bool_], drawn: NDArray[np.float64]
    ) -> Figure:
        """The share of some images that are hit, with the interval of its draws.

        Where all are hit, or none, every draw says the same, which is not certainty: there it is
        Wilson's interval of as many trials as there are groups.

        Args:
            hits: booleans of shape (images,).
            among: which images count, likewise.
            drawn: the share in each draw, of shape (repeats,).
        """
        trials, found = int(among.sum()), int((hits & among).sum())
        if not trials or 0 < found < trials:
            return self.figure(found / trials if trials else math.nan, drawn)
        independent = len(np.unique(self.groups[among]))
        interval = wilson(independent if found else 0, independent, self.level)
        return Figure(found / trials, interval)


def plain(value: Any) -> Any:
    """A value in JSON's types, floats rounded to six decimals; null for nan and infinity."""
    if isinstance(value, Figure):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return str(value) if isinstance(value, Enum) else value
