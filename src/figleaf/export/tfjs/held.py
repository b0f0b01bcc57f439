"""What an ONNX value is in the graph that is made of it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from figleaf.export.tfjs.graphdef import Packed

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A value that depends on the picture.

    Attributes:
        name: of the node that gives it.
        shape: as ONNX has it, for one picture.
        last: whether it is held channels last, while ONNX has the channels second.
        factor: what it is still to be multiplied by; the picture is held in 0..1.
    """

    name: str
    shape: Shape
    last: bool = False
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that does not.

    `packed` says the same as `array`, in uint8: (packed + offset) * scale, of which the scale may
    be one for each output channel.
    """

    array: NDArray[np.generic]
    packed: NDArray[np.uint8] | None = None
    offset: float = 0.0
    scale: NDArray[np.float32] | None = None

    @property
    def floats(self) -> NDArray[np.float32]:
        """The numbers in float32."""
        return self.array.astype(np.float32)

    def plus(self, other: "Constant") -> "Constant":
        """The sum; stays packed where one number is added before any scale."""
        total = replace(Constant(np.add(self.array, other.array)))
        if self.packed is not None and self.scale is None and other.array.size == 1:
            offset = self.offset + float(other.array.reshape(()))
            return replace(total, packed=self.packed, offset=offset)
        return total

    def times(self, other: "Constant") -> "Constant":
        """The product; stays packed where it is the first scale."""
        product = Constant(np.multiply(self.array, other.array))
        if self.packed is None or self.scale is not None:
            return product
        scale = other.floats
        by_channel = scale.ndim == self.array.ndim and scale.size == scale.shape[0]
        if scale.size != 1 and not by_channel:
            return product
        return replace(product, packed=self.packed, offset=self.offset, scale=scale)

    def transposed(self, axes: Shape, shape: Shape | None = None) -> "Constant":
        """With its axes in another order, and then in another shape; a scale for each of several
        output channels does not go through, and the numbers are no longer packed."""
        array = self.array.transpose(axes)
        array = array if shape is None else array.reshape(shape)
        if self.packed is None or (self.scale is not None and self.scale.size > 1):
            return Constant(array)
        packed = self.packed.transpose(axes)
        return replace(self, array=array, packed=packed if shape is None else packed.reshape(shape))

    def stored(self) -> NDArray[np.float32] | Packed:
        """As a weight: packed where one scale does."""
        if self.packed is None or (self.scale is not None and self.scale.size > 1):
            return self.floats
        scale = 1.0 if self.scale is None else float(self.scale.reshape(()))
        return Packed(self.packed, scale, self.offset * scale)
