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
        for drawn in self._draw(repeats, seed):
            sizes = self._sizes[drawn]
            ends = np.cumsum(sizes)
            # 0, 1, ... within each drawn group, from where it starts.
            within = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
            yield self._rows[np.repeat(self._starts[drawn], sizes) + within]

    def draw_weights(self, repeats: int, seed: int) -> Iterator[NDArray[np.int64]]:
        """The same draws as how often each image comes, int64 of shape (N,): what sums need."""
        for drawn in self._draw(repeats, seed):
            yield np.bincount(drawn, minlength=len(self._sizes))[self._group_of]

    def _draw(self, repeats: int, seed: int) -> Iterator[NDArray[np.int64]]:
        random = np.random.default_rng(seed)
        groups = len(self._sizes)
        for _ in range(checks.at_least(repeats, 1, "repeats")):
            yield random.integers(groups, size=groups)
