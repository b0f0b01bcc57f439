"""A TensorFlow.js *graph* model, whose nodes are TensorFlow's own operations, as a graph."""

from collections.abc import Sequence

from figleaf.errors import ImportModelError
from figleaf.importing.tfjs.attributes import Node, read_node, source_of
from figleaf.importing.tfjs.fields import Fields
from figleaf.importing.tfjs.net import Net, Value
from figleaf.importing.tfjs.operation import Input, Operation
from figleaf.importing.tfjs.operations import convert
from figleaf.importing.tfjs.reading import Model

_INPUTS = frozenset(("Placeholder", "PlaceholderWithDefault"))
_NO_OUTPUT = frozenset(("NoOp", "Const", *_INPUTS))


def placeholder_size(model: Model) -> tuple[int, int] | None:
    """Height and width of the picture that a model takes; None where it takes any.

    Raises:
        ImportModelError: the model takes several things, or no RGB picture.
    """
    node = _placeholder(_nodes(model))
    shape = node.shape("shape")
    if shape is None:
        return None
    if len(shape) != 4 or shape[3] not in (3, None):
        node.refuse(f"it takes {shape}, not RGB pictures as (batch, height, width, 3)")
    height, width = shape[1:3]
    return None if height is None or width is None else (height, width)


def convert_graph(model: Model, net: Net, picture: Value) -> Value:
    """Add a model to a graph; gives what its output is.

    Args:
        model: as it was read.
        net: the graph.
        picture: what the model takes, in its own range.

    Raises:
        ImportModelError: an operation is not known, or the model contradicts itself.
    """
    nodes = _nodes(model)
    output = _output(model, nodes)
    values: dict[str, Input] = {_placeholder(nodes).name: picture}
    for node in _in_order(output, nodes, values):
        if node.op == "Const":
            if node.name not in model.arrays:
                node.refuse("the weights manifest does not have it")
            values[node.name] = model.arrays[node.name]
        else:
            inputs = [values[name] for name in node.inputs]
            values[node.name] = convert(Operation(node, inputs, net))
    found = values[output]
    if not isinstance(found, Value):
        raise ImportModelError(f"the output {output!r} does not depend on the picture")
    return found


def _nodes(model: Model) -> dict[str, Node]:
    topology = Fields.of("model topology", model.topology)
    nodes = [read_node(raw) for raw in topology.items("node")]
    by_name = {node.name: node for node in nodes}
    if len(by_name) != len(nodes):
        topology.refuse("two nodes are called the same")
    return by_name


def _placeholder(nodes: dict[str, Node]) -> Node:
    found = [node for node in nodes.values() if node.op in _INPUTS]
    if len(found) != 1:
        names = ", ".join(node.name for node in found[:4]) or "none"
        raise ImportModelError(f"the graph has {len(found)} inputs ({names}); known is one picture")
    return found[0]


def _output(model: Model, nodes: dict[str, Node]) -> str:
    """The node whose value the model gives: by its signature, else what nothing else reads."""
    names: Sequence[str] = [source_of(name) for name in model.outputs]
    if not names:
        read = {name for node in nodes.values() for name in node.inputs}
        names = [n.name for n in nodes.values() if n.name not in read and n.op not in _NO_OUTPUT]
    if len(names) != 1 or names[0] not in nodes:
        raise ImportModelError(
            f"the graph has {len(names)} outputs ({', '.join(names[:4]) or 'none'}); a classifier"
            " has one"
        )
    return names[0]


def _in_order(output: str, nodes: dict[str, Node], given: dict[str, Input]) -> list[Node]:
    """The nodes that an output needs, each after all that it reads."""
    order: list[Node] = []
    done, begun = set(given), set[str]()
    waiting = [output]
    while waiting:
        name = waiting[-1]
        if name in done:
            waiting.pop()
            continue
        node = nodes.get(name)
        if node is None:
            raise ImportModelError(f"the graph reads {name!r:.80}, and has no such node")
        missing = [one for one in node.inputs if one not in done]
        if not missing:
            order.append(node)
            done.add(name)
        elif name in begun:
            node.refuse("it depends on itself")
        else:
            begun.add(name)
            waiting.extend(missing)
    return order
