"""Figures with intervals, of draws of whole groups; and what JSON can hold of them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.metrics.intervals import Interval, percentile, unvaried
from figleaf.metrics.resampling import Clusters


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and where it may lie; nan for what has nothing below its line, or no interval."""

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
        """A figure with the interval of its draws, of shape (repeats,).

        Where every draw says the same, as of a perfect model or a single group, that is not
        certainty, and there is no interval.
        """
        return Figure(value, self._interval(value, drawn))

    def share(
        self, hits: NDArray[np.bool_], among: NDArray[np.bool_], drawn: NDArray[np.float64]
    ) -> Figure:
        """The share of some images that are hit, with the interval of its draws.

        Where every draw says the same it is `unvaried`'s: Wilson's, of as many trials as there are
        groups, where all are hit or none.

        Args:
            hits: booleans of shape (images,).
            among: which images count, likewise.
            drawn: the share in each draw, of shape (repeats,).
        """
        trials = int(among.sum())
        value = int((hits & among).sum()) / trials if trials else math.nan
        return Figure(value, self.bounded(value, among, drawn, least=0.0))

    def bounded(
        self,
        value: float,
        among: NDArray[np.bool_],
        drawn: NDArray[np.float64],
        *,
        least: float,
    ) -> Interval:
        """The interval of a mean of what is `least`..1 of each image; see `share`."""
        found = self._interval(value, drawn)
        if math.isnan(value) or found.low < found.high:
            return found
        return unvaried(value, len(np.unique(self.groups[among])), least, 1.0, self.level)

    def _interval(self, value: float, drawn: NDArray[np.float64]) -> Interval:
        """The interval of the draws; nan where there is nothing to tell, or no two that differ."""
        found = percentile(drawn, self.level)
        if not math.isnan(value) and found.low < found.high:
            return found
        return Interval(math.nan, math.nan, self.level)


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
