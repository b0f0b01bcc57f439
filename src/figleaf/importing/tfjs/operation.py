"""A node of TensorFlow's graph on its way into ONNX: with what it reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from figleaf.importing.tfjs.arrays import Stored
from figleaf.importing.tfjs.attributes import Node
from figleaf.importing.tfjs.net import Net, Value
from figleaf.models.graph import Floats

Sides = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a value as a value itself: None for the batch, which any number may be."""

    sides: Sides


Input = Value | Stored | Shape


@dataclass(frozen=True, slots=True)
class Operation:
    """A node with what it reads."""

    node: Node
    inputs: Sequence[Input]
    net: Net

    def value(self, number: int) -> Value:
        """An input that depends on the picture."""
        found = self.read(number)
        if not isinstance(found, Value):
            self.node.refuse(f"its input {number} is a constant, which is not known here")
        return found

    def stored(self, number: int) -> Stored:
        """An input that is a constant."""
        found = self.read(number)
        if not isinstance(found, Stored):
            self.node.refuse(f"its input {number} is no constant, which is not known here")
        return found

    def floats(self, number: int) -> Floats:
        """The same in float32."""
        return self.stored(number).floats()

    def whole_numbers(self, number: int) -> list[int]:
        """An input that is a constant of whole numbers: axes, a shape, a border."""
        array = self.stored(number).array()
        if array.size > 64:
            self.node.refuse(f"its input {number} is {array.shape}")
        return [int(one) for one in array.reshape(-1)]

    def axes(self, number: int, x: Value) -> list[int]:
        """Axes, counted without the batch.

        Raises:
            ImportModelError: the batch is one of them.
        """
        found = [one % (len(x.shape) + 1) for one in self.whole_numbers(number)]
        if 0 in found:
            self.node.refuse("works over the pictures of a batch, which is not known here")
        return [one - 1 for one in found]

    def read(self, number: int) -> Input:
        """An input, whatever it is."""
        if number >= len(self.inputs):
            self.node.refuse(f"it has {len(self.inputs)} inputs, not {number + 1}")
        return self.inputs[number]
