"""Values from one order of axes to the other: channels second in ONNX, last in TensorFlow."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ModelError
from figleaf.export.tfjs.graphdef import GraphDef
from figleaf.export.tfjs.held import Constant, Held, Shape

_MAP = 4
TO_LAST: Shape = (0, 2, 3, 1)
TO_SECOND: Shape = (0, 3, 1, 2)


@dataclass(frozen=True, slots=True)
class Layout:
    """Puts into a graph what brings values into an order."""

    graph: GraphDef

    def plain(self, x: Held) -> Held:
        """The value itself, its factor multiplied in."""
        if x.factor == 1:
            return x
        by = self.graph.constant(f"{x.name}/factor", np.array(x.factor, np.float32))
        name = self.graph.node("Mul", [x.name, by], f"{x.name}/scaled")
        return replace(x, name=name, factor=1.0)

    def last(self, x: Held) -> Held:
        """A map with its channels last."""
        x = self.plain(x)
        if len(x.shape) != _MAP:
            raise ModelError(f"{x.name}: of {len(x.shape)} axes, where a map has {_MAP}")
        return x if x.last else replace(x, name=self._transposed(x.name, TO_LAST), last=True)

    def as_onnx(self, x: Held) -> Held:
        """Any value with its axes as ONNX has them."""
        x = self.plain(x)
        return replace(x, name=self._transposed(x.name, TO_SECOND), last=False) if x.last else x

    def _transposed(self, name: str, axes: Shape) -> str:
        by = self.graph.constant(f"{name}/axes", np.array(axes, np.int32))
        return self.graph.node("Transpose", [name, by], f"{name}/transposed")

    def operand(self, constant: Constant, x: Held, name: str) -> str:
        """A constant that broadcasts over a value, in the value's order of axes."""
        array: NDArray[np.float32] = constant.floats
        if array.size == 1:
            array = array.reshape(())
        elif x.last:
            array = array.reshape((1,) * (_MAP - array.ndim) + array.shape).transpose(TO_LAST)
            if array.shape[:3] == (1, 1, 1):
                array = array.reshape(-1)
        return self.graph.constant(name, array)
