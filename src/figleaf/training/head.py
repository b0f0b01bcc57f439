"""The head of a classifier: standardised features to one logit for each class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Head:
    """logits = ((features - mean) / deviation) @ weight + bias.

    Attributes:
        mean: float32 of shape (width,).
        deviation: float32 of shape (width,), above 0.
        weight: float32 of shape (width, classes).
        bias: float32 of shape (classes,).
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Float32 of shape (batch, classes), of features of shape (batch, width)."""
        standardised = (np.asarray(features, np.float32) - self.mean) / self.deviation
        return np.asarray(standardised @ self.weight + self.bias, np.float32)
