"""An operator of ONNX on its way into TensorFlow's words: with what it reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from figleaf.errors import ModelError
from figleaf.export.tfjs.graphdef import GraphDef
from figleaf.export.tfjs.held import Constant, Held, Shape
from figleaf.export.tfjs.layout import Layout


@dataclass(frozen=True, slots=True)
class Step:
    """One operator with what it reads.

    Attributes:
        kind: ONNX's name of it.
        name: of what it gives.
        attributes: by name.
        inputs: None where one is left out.
        shape: of what it gives for one picture, as ONNX has it.
        graph: that it becomes a part of.
        then: an activation that alone reads what it gives, "Relu" or "Relu6"; "" for none.
    """

    kind: str
    name: str
    attributes: Mapping[str, Any]
    inputs: Sequence[Held | Constant | None]
    shape: Shape
    graph: GraphDef
    then: str = ""

    @property
    def layout(self) -> Layout:
        """Brings what it reads into an order."""
        return Layout(self.graph)

    def refuse(self, reason: str) -> NoReturn:
        """Raise a ModelError that says where."""
        raise ModelError(f"{self.kind} {self.name!r}: {reason}, which TensorFlow.js is not given")

    def held(self, index: int = 0) -> Held:
        """An input that depends on the picture."""
        found = self.inputs[index]
        if not isinstance(found, Held):
            self.refuse(f"input {index} is a constant")
        return found

    def constant(self, index: int) -> Constant:
        """An input that does not."""
        found = self.inputs[index]
        if not isinstance(found, Constant):
            self.refuse(f"input {index} is computed")
        return found

    def maybe(self, index: int) -> Constant | None:
        """The same, None where it is left out."""
        if index >= len(self.inputs) or self.inputs[index] is None:
            return None
        return self.constant(index)

    def sides(self, key: str, default: Sequence[int]) -> tuple[int, ...]:
        """An attribute of whole numbers."""
        return tuple(int(one) for one in self.attributes.get(key, default))

    def made(self, name: str, *, last: bool = False) -> Held:
        """What the operator gives."""
        return Held(name, self.shape, last)


Convert = Callable[[Step], Held]
