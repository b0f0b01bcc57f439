"""What reads what in a graph, what comes of which picture, and of which shape it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

Shape = tuple[int | None, ...]
"""The lengths of a tensor's axes; None for one that is not known, as that of the batch."""

_OF_SHAPES = frozenset({"Shape", "Size"})


@dataclass(frozen=True, slots=True)
class Reading:
    """A graph, read once.

    Attributes:
        nodes: in the order in which they are run.
        shapes: of every tensor of which it is known.
        constants: what does not depend on any input: weights, and what is computed of them.
        pictures: tensor -> the inputs whose values it depends on; shapes of tensors are no values.
    """

    nodes: tuple["onnx.NodeProto", ...]
    shapes: Mapping[str, Shape]
    constants: Mapping[str, "onnx.TensorProto"]
    pictures: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, model: "onnx.ModelProto", inputs: Sequence[str]) -> "Reading":
        """Read a graph, whose inputs are called so.

        Raises:
            onnx.shape_inference.InferenceError: its shapes contradict each other.
        """
        import onnx

        known = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        values = (*known.input, *known.value_info, *known.output)
        shapes: dict[str, Shape] = {value.name: _shape(value) for value in values}
        constants = {tensor.name: tensor for tensor in known.initializer}
        constants |= {node.output[0]: _value(node) for node in known.node if _is_value(node)}
        shapes |= {name: tuple(tensor.dims) for name, tensor in constants.items()}
        nodes = tuple(model.graph.node)
        return cls(nodes, shapes, constants, dict(_flow(nodes, {one: {one} for one in inputs})))

    def shape(self, name: str) -> Shape:
        """Of a tensor; no axes where it is not known."""
        return self.shapes.get(name, ())

    def pictures_of(self, name: str) -> frozenset[str]:
        """The inputs that a tensor's values depend on."""
        return self.pictures.get(name, frozenset())

    def is_constant(self, name: str) -> bool:
        """Whether a tensor is a weight."""
        return name in self.constants

    def without(self, cut: Sequence[str]) -> frozenset[str]:
        """All tensors that still depend on an input where those of `cut` do not."""
        starts = {one: {one} for one in frozenset().union(*self.pictures.values())}
        return frozenset(name for name, of in _flow(self.nodes, starts, frozenset(cut)) if of)

    def after(self, tensor: str) -> list["onnx.NodeProto"]:
        """The nodes that read a tensor, or what comes of it, in the order in which they are run."""
        reached, found = {tensor}, []
        for node in self.nodes:
            if reached.intersection(node.input):
                reached.update(node.output)
                found.append(node)
        return found


def _flow(
    nodes: Sequence["onnx.NodeProto"],
    starts: Mapping[str, set[str]],
    cut: frozenset[str] = frozenset(),
) -> Iterator[tuple[str, frozenset[str]]]:
    """Each tensor, and the starts that its values depend on."""
    known = {name: frozenset(of) for name, of in starts.items()}
    yield from known.items()
    for node in nodes:
        read = [known[name] for name in node.input if name in known]
        of: frozenset[str] = frozenset().union(*read)
        if not of or node.op_type in _OF_SHAPES:
            continue
        for name in node.output:
            if name and name not in cut:
                known[name] = of
                yield name, of


def _shape(value: "onnx.ValueInfoProto") -> Shape:
    axes = value.type.tensor_type.shape.dim
    return tuple(axis.dim_value if axis.HasField("dim_value") else None for axis in axes)


def _is_value(node: "onnx.NodeProto") -> bool:
    return node.op_type == "Constant" and any(one.name == "value" for one in node.attribute)


def _value(node: "onnx.NodeProto") -> "onnx.TensorProto":
    return next(one.t for one in node.attribute if one.name == "value")
