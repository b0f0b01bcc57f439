"""What of a graph is to compute in int8: which convolutions, and which values they share."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from figleaf.errors import InputError

if TYPE_CHECKING:
    import onnx

_SAME_NUMBERS = ("MaxPool", "Concat", "Identity")
"""What gives numbers that it was given: on one side in whole numbers, on the other, too."""
_KEEP_SIGN = (*_SAME_NUMBERS, "AveragePool", "GlobalAveragePool", "Add", "Sum")
_NEVER_NEGATIVE = ("Relu", "Sigmoid", "HardSigmoid", "Softmax", "Abs", "Sqrt", "Exp")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be quantised.

    Attributes:
        convolutions: the names of their outputs, in the order of the graph.
        groups: values that share a scale, each in one group: what is joined, or only chosen from.
        unsigned: values that are never negative.
    """

    convolutions: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    unsigned: frozenset[str]


def plan(model: "onnx.ModelProto") -> Plan:
    """Choose what computes in int8.

    All convolutions do but the first on each way from an input, which take few multiplications and
    the picture's own contrasts, and those at a single place: heads, where nothing is saved.

    Args:
        model: with its constants folded.

    Raises:
        InputError: no convolution is left.
    """
    graph = model.graph
    # Of maps: a kernel over a line is [out, in, length].
    kernels = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 4}
    in_float = _first(graph) | _at_one_place(model)
    chosen = [
        node
        for node in graph.node
        if node.op_type == "Conv" and node.input[1] in kernels and node.output[0] not in in_float
    ]
    if not chosen:
        raise InputError(
            "the graph has no convolution besides the first: nothing of it would compute in int8"
        )
    producers = {name: node for node in graph.node for name in node.output}
    groups = _Groups()
    pending = [node.input[0] for node in chosen]
    while pending:
        value = pending.pop()
        if value in groups:
            continue
        groups.add(value)
        producer = producers.get(value)
        if producer is not None and producer.op_type in _SAME_NUMBERS:
            for name in producer.input:
                pending.append(name)
                groups.join(value, name)
    order = {name: number for number, name in enumerate(producers)}
    return Plan(
        tuple(node.output[0] for node in chosen),
        groups.sorted(order),
        frozenset(name for name in producers if _is_unsigned(name, producers, graph)),
    )


def _first(graph: "onnx.GraphProto") -> set[str]:
    """The outputs of the convolutions that no other one comes before."""
    behind: set[str] = set()  # values that depend on a convolution
    found = set()
    for node in graph.node:
        is_behind = not behind.isdisjoint(node.input)
        if node.op_type == "Conv" and not is_behind:
            found.add(node.output[0])
        if is_behind or node.op_type == "Conv":
            behind.update(node.output)
    return found


def _at_one_place(model: "onnx.ModelProto") -> set[str]:
    """The outputs of the convolutions that see one place alone."""
    from onnx import shape_inference

    known = shape_inference.infer_shapes(model, data_prop=True).graph.value_info
    return {
        value.name
        for value in known
        if len(axes := value.type.tensor_type.shape.dim) == 4
        and axes[2].dim_value == axes[3].dim_value == 1
    }


def _is_unsigned(
    name: str, producers: dict[str, "onnx.NodeProto"], graph: "onnx.GraphProto"
) -> bool:
    """Whether a value cannot be negative, whatever the picture."""
    pending, seen = [name], set()
    while pending:
        value = pending.pop()
        node = producers.get(value)
        if value in seen:
            continue
        seen.add(value)
        if node is None:
            return False
        if node.op_type in _KEEP_SIGN:
            pending.extend(node.input)
        elif node.op_type not in _NEVER_NEGATIVE and not _is_clipped(node, graph):
            return False
    return True


def _is_clipped(node: "onnx.NodeProto", graph: "onnx.GraphProto") -> bool:
    from onnx import numpy_helper

    if node.op_type != "Clip" or len(node.input) < 2:
        return False
    lowest = next((t for t in graph.initializer if t.name == node.input[1]), None)
    return lowest is not None and bool((numpy_helper.to_array(lowest) >= 0).all())


class _Groups:
    """Sets of values that are joined as they are found to belong together."""

    def __init__(self) -> None:
        self._leader: dict[str, str] = {}
        self._added: set[str] = set()

    def __contains__(self, value: str) -> bool:
        return value in self._added

    def add(self, value: str) -> None:
        self._added.add(value)
        self._leader.setdefault(value, value)

    def join(self, one: str, other: str) -> None:
        self._leader.setdefault(other, other)
        self._leader[self._find(other)] = self._find(one)

    def _find(self, value: str) -> str:
        while self._leader[value] != value:
            value = self._leader[value]
        return value

    def sorted(self, order: dict[str, int]) -> tuple[tuple[str, ...], ...]:
        """The groups in the order of the graph."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for value in sorted(self._added, key=lambda name: order.get(name, -1)):
            found[self._find(value)].append(value)
        return tuple(tuple(values) for values in found.values())


def members(groups: Iterable[tuple[str, ...]]) -> list[str]:
    """All values of some groups."""
    return [value for group in groups for value in group]
