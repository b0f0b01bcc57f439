"""ONNX graphs cut, renamed and put together: pure functions on models."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx
    from google.protobuf.message import Message

_NOTES = ("doc_string", "metadata_props")


def cut_to(model: "onnx.ModelProto", output: str) -> "onnx.ModelProto":
    """The part of a model that one of its tensors needs, which becomes its only output.

    Args:
        model: left as it is.
        output: the tensor's name: an output of the graph, or any value within it.

    Raises:
        KeyError: the graph has no tensor of that name.
    """
    import onnx

    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    graph = cut.graph
    needed: set[str] = {output}
    nodes = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            nodes.append(node)
            needed.update(_read_by(node))
    known = {name for node in graph.node for name in node.output}
    if output not in known:
        raise KeyError(output)
    declared = [value for value in (*graph.output, *graph.value_info) if value.name == output]
    kept_weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    kept_inputs = [value for value in graph.input if value.name in needed]
    del graph.node[:], graph.initializer[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(kept_weights)
    graph.input.extend(kept_inputs)
    if not declared:
        declared = [onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)]
    graph.output.append(declared[0])
    return cut


def _read_by(node: "onnx.NodeProto") -> Iterator[str]:
    """What a node reads, the graphs within it included."""
    import onnx

    yield from node.input
    for attribute in node.attribute:
        graphs = [attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else attribute.graphs
        for graph in graphs:
            for inner in graph.node:
                yield from _read_by(inner)


def in_one_opset(models: Iterable["onnx.ModelProto"]) -> list["onnx.ModelProto"]:
    """The models in the newest opset that any of them has.

    Raises:
        RuntimeError: one cannot be converted.
    """
    import onnx

    found = list(models)
    newest = max(opset_of(model) for model in found)
    return [
        model
        if opset_of(model) == newest
        else onnx.version_converter.convert_version(model, newest)
        for model in found
    ]


def opset_of(model: "onnx.ModelProto") -> int:
    """The version of ONNX's own operators that a model is written in."""
    return max(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))


def renamed(model: "onnx.ModelProto", prefix: str, inputs: dict[str, str]) -> "onnx.ModelProto":
    """The model with a prefix before every name, and its inputs called what they are to be called.

    Args:
        model: left as it is.
        prefix: "" for none.
        inputs: old name -> new name, which is the whole of it.
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if prefix:
        copy = onnx.compose.add_prefix(copy, prefix)
    names = {f"{prefix}{old}": new for old, new in inputs.items()}
    for value in copy.graph.input:
        value.name = names.get(value.name, value.name)
    for node in copy.graph.node:
        for number, name in enumerate(node.input):
            node.input[number] = names.get(name, name)
    return copy


def without_notes(message: "Message") -> None:
    """Take off, at any depth, what exporters note of the code and the folders a graph was made in.

    Args:
        message: a model, or a part of one; it is changed.
    """
    from google.protobuf.message import Message

    for field, value in message.ListFields():
        if field.name in _NOTES:
            message.ClearField(field.name)
        elif field.message_type is not None:
            for child in (value,) if isinstance(value, Message) else value:
                without_notes(child)


def side_by_side(models: Sequence["onnx.ModelProto"], name: str) -> "onnx.GraphProto":
    """One graph of several models whose names do not clash, with the inputs of all, no outputs."""
    import onnx

    graph = onnx.GraphProto(name=name)
    for model in models:
        graph.node.extend(model.graph.node)
        graph.initializer.extend(model.graph.initializer)
        graph.input.extend(model.graph.input)
    return graph
