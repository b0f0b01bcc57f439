"""Find a layer's arrays among those of a model, by the names that Keras and its converters give."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from figleaf.errors import ImportModelError
from figleaf.importing.tfjs.arrays import Stored
from figleaf.models.graph import Floats


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """The arrays of one layer.

    Attributes:
        arrays: of the whole model, by name.
        path: the names of the models that the layer lies in, from the outermost, and its own.
    """

    arrays: Mapping[str, Stored]
    path: tuple[str, ...]

    def find(self, name: str, otherwise: str = "") -> Stored:
        """The array that the layer calls so: "kernel".

        Args:
            name: as TensorFlow.js and Keras 2 have it.
            otherwise: as Keras 3 has it, where that differs.

        Raises:
            ImportModelError: there is none, or several could be meant.
        """
        if otherwise and not self._found(name) and self._found(otherwise):
            return self.find(otherwise)
        # "layer/kernel" from TensorFlow.js; the converter keeps the models around a layer too, and
        # a cell between the two.
        found = self._found(name)
        if len(found) == 1:
            return self.arrays[found[0]]
        layer = self.path[-1]
        if found:
            raise ImportModelError(f"layer {layer!r}: {', '.join(found[:4])} could be its {name!r}")
        raise ImportModelError(
            f"layer {layer!r}: no weight {layer + '/' + name!r} among the {len(self.arrays)} of the"
            " manifest"
        )

    def floats(self, name: str, shape: tuple[int, ...] | None = None) -> Floats:
        """The same in float32, held to a shape."""
        array = self.find(name).floats()
        if shape is not None and array.shape != shape:
            raise ImportModelError(
                f"layer {self.path[-1]!r}: its {name!r} is {array.shape}, not {shape}"
            )
        return array

    def maybe(self, name: str, wanted: bool, shape: tuple[int, ...]) -> Floats | None:
        """The same, None where it is not wanted."""
        return self.floats(name, shape) if wanted else None

    def _found(self, name: str) -> list[str]:
        """The names of the arrays that could be meant, the surest alone."""
        for start in range(len(self.path)):
            whole = "/".join((*self.path[start:], name))
            if whole in self.arrays:
                return [whole]
        return [key for key in self.arrays if self._fits(key.split("/"), name)]

    def _fits(self, tokens: list[str], name: str) -> bool:
        layer = self.path[-1]
        return tokens[-1] == name and layer in (tokens[-2:-1] + tokens[-3:-2])


def normalisation(
    weights: LayerWeights, channels: int, epsilon: float, *, scale: bool, center: bool
) -> tuple[Floats, Floats]:
    """A batch normalisation as x * factor + shift, computed in float64."""
    shape = (channels,)
    mean = weights.floats("moving_mean", shape).astype(np.float64)
    variance = weights.floats("moving_variance", shape).astype(np.float64)
    return folded(
        mean,
        variance,
        epsilon,
        weights.maybe("gamma", scale, shape),
        weights.maybe("beta", center, shape),
    )


def folded(
    mean: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    variance: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    epsilon: float,
    gamma: Floats | None,
    beta: Floats | None,
) -> tuple[Floats, Floats]:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta as x * factor + shift."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = 1 / np.sqrt(variance + epsilon)
    if gamma is not None:
        factor = factor * gamma
    shift = (0 if beta is None else beta) - mean * factor
    return factor.astype(np.float32), shift.astype(np.float32)
