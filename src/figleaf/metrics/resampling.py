"""Draws of whole groups with replacement.

Near duplicates and frames of one film stand and fall together: drawn one by one, they would make an
interval too narrow. So a draw takes whole groups, as many as there are, each as often as it comes
(Field and Welsh, "Bootstrapping clustered data", 2007).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figleaf.metrics import checks


class Clusters:
    """Images by the group that they belong to."""

    def __init__(self, groups: ArrayLike) -> None:
        """Take the groups: whole numbers of shape (N,), the same for images that belong together.

        Raises:
            InputError: another shape or type, or no image.
        """
        numbers = checks.group_numbers(groups)
        _, self._group_of, self._sizes = np.unique(numbers, return_inverse=True, return_counts=True)
        self._rows = np.argsort(self._group_of, kind="stable")  # the images, group by group
        self._starts = np.cumsum(self._sizes) - self._sizes

    def __len__(self) -> int:
        """How many images there are."""
        return len(self._group_of)

    def draw_rows(self, repeats: int, seed: int) -> Iterator[NDArray[np.int64]]:
        """Draws as numbers of images, int64 of shape (n,): n varies where the groups do."""
        return (self._rows_of(drawn) for drawn in self._draw(repeats, seed))

    def draw_weights(self, repeats: int, seed: int) -> Iterator[NDArray[np.int64]]:
        """The same draws as how often each image comes, int64 of shape (N,): what sums need."""
        groups = len(self._sizes)
        drawn = self._draw(repeats, seed)
        return (np.bincount(numbers, minlength=groups)[self._group_of] for numbers in drawn)

    def _draw(self, repeats: int, seed: int) -> Iterator[NDArray[np.int64]]:
        """Numbers of groups, as many as there are."""
        groups = len(self._sizes)
        random = np.random.default_rng(checks.at_least(seed, 0, "seed"))
        times = range(checks.at_least(repeats, 1, "repeats"))
        return (random.integers(groups, size=groups) for _ in times)

    def _rows_of(self, drawn: NDArray[np.int64]) -> NDArray[np.int64]:
        """The images of drawn groups, one group after the other."""
        sizes = self._sizes[drawn]
        ends = np.cumsum(sizes)
        within = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)  # 0, 1, ... in each group
        rows: NDArray[np.int64] = self._rows[np.repeat(self._starts[drawn], sizes) + within]
        return rows
