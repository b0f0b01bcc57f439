"""How far the values of a graph reach on some pictures, and where it is best to cut them off."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from figleaf.models.int8.plan import Plan, members
from figleaf.models.runtime import Arrays, Precision, RuntimeName, compile_graph

if TYPE_CHECKING:
    import onnx

_SAMPLE = 2048
"""Numbers that are kept of each value and picture; the largest is kept besides."""
_TRIED = np.linspace(0.3, 1.0, 71)
_PERCENTILE = 99.99


class Method(StrEnum):
    """Where the numbers of a value are cut off."""

    MINMAX = "minmax"
    """Nowhere: at the largest that was seen."""
    PERCENTILE = "percentile"
    """Where one in ten thousand lies above."""
    SQUARES = "squares"
    """Where the squared error of rounding and cutting off is least."""


@dataclass(slots=True)
class _Seen:
    largest: float = 0.0
    sample: list[NDArray[np.float32]] = field(default_factory=list)
    mean: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Ranges:
    """What calibration has found.

    Attributes:
        limits: for each group of the plan, the magnitude that values are cut off at.
        means: for each value, its mean in each channel over the pictures, float64 of (channels,).
    """

    limits: tuple[float, ...]
    means: dict[str, NDArray[np.float64]]


class Calibration:
    """Runs a graph on pictures and looks at the values of a plan.

    Args:
        model: with its constants folded.
        of: what is to be quantised.

    Attributes:
        count: how many pictures it has seen.
    """

    def __init__(self, model: "onnx.ModelProto", of: Plan) -> None:
        import onnx

        watched = onnx.ModelProto()
        watched.CopyFrom(model)
        self._names = members(of.groups)
        given = {one.name for one in watched.graph.output}
        watched.graph.output.extend(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            for name in self._names
            if name not in given
        )
        self._runtime = compile_graph(
            watched.SerializeToString(),
            runtime=RuntimeName.OPENVINO,
            precision=Precision.F32,
            streams=1,
        )
        self._plan = of
        self._seen = {name: _Seen() for name in self._names}
        self.count = 0

    def look(self, picture: Arrays) -> None:
        """Take in one picture: for each input, float32 of shape (1, height, width, 3)."""
        rng = np.random.default_rng(self.count)
        self.count += 1
        for name, values in self._runtime.infer(picture, self._names).items():
            seen, flat = self._seen[name], values.reshape(-1)
            seen.largest = max(seen.largest, float(np.abs(flat).max()))
            seen.sample.append(np.abs(flat[rng.integers(flat.size, size=_SAMPLE)]))
            mean = values.mean(axis=(0, 2, 3), dtype=np.float64)
            seen.mean = mean if seen.mean is None else seen.mean + mean

    def ranges(self, method: Method) -> Ranges:
        """What all pictures together come to."""
        limits = tuple(self._limit(group, method) for group in self._plan.groups)
        count = max(self.count, 1)
        means = {name: s.mean / count for name, s in self._seen.items() if s.mean is not None}
        return Ranges(limits, means)

    def _limit(self, group: Sequence[str], method: Method) -> float:
        largest = max(self._seen[name].largest for name in group)
        sample = np.concatenate([part for name in group for part in self._seen[name].sample])
        if not largest:  # of a value that is always 0
            return 1.0
        if method is Method.PERCENTILE:
            return float(np.percentile(sample, _PERCENTILE)) or largest
        if method is Method.SQUARES:
            steps = 255 if group[0] in self._plan.unsigned else 127
            return _least_squares(sample, largest, steps)
        return largest


def _least_squares(sample: NDArray[np.float32], largest: float, steps: int) -> float:
    """The limit, of some up to the largest, with the least squared error on a sample."""

    def error(limit: float) -> float:
        scale = limit / steps
        rounded = np.minimum(np.rint(sample / scale), steps) * scale
        return float(np.square(sample - rounded).mean(dtype=np.float64))

    return min((float(share * largest) for share in _TRIED), key=error)
