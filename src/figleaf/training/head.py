"""The head of a classifier: standardised features to one logit for each class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Head:
    """logits = ((features - mean) / deviation) @ weight + bias, of features or of their roots.

    Attributes:
        mean: float32 of shape (width,).
        deviation: float32 of shape (width,), above 0.
        weight: float32 of shape (width, classes).
        bias: float32 of shape (classes,).
        of_roots: whether square roots are taken of the features first, see `probe.take_roots`.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    of_roots: bool = False

    def logits(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Float32 of shape (batch, classes), of features of shape (batch, width)."""
        taken = np.asarray(features, np.float32)
        if self.of_roots:
            taken = np.sqrt(np.maximum(taken, 0))
        standardised = (taken - self.mean) / self.deviation
        return np.asarray(standardised @ self.weight + self.bias, np.float32)
