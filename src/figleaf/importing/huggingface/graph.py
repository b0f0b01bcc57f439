"""An ONNX graph of others, made to what bundles have: its input, its outputs, its classes.

Before the graph comes what turns float32 RGB in 0..255, NHWC, into what it takes; behind it a
softmax, and a matrix that sums classes where several become one.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ImportModelError
from figleaf.importing.huggingface.penultimate import (
    Features,
    features_of,
    producer,
    shapes_of,
)
from figleaf.importing.huggingface.preprocessing import Preprocessing
from figleaf.importing.huggingface.repair import free_batch, whole_pools
from figleaf.importing.mapping import Mapped
from figleaf.importing.verifying import gives_shares
from figleaf.models.surgery import opset_of, without_notes

if TYPE_CHECKING:
    import onnx

_OWN = "own/"
_LOWEST_OPSET = 9
_LOGITS = "logits"


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A graph as bundles have it.

    Attributes:
        graph: ONNX.
        features: the width of the output `features`, 0 where there is none.
        notes: what was found in it, in words.
    """

    graph: bytes
    features: int
    notes: tuple[str, ...]


def wrap(model: "onnx.ModelProto", preprocessing: Preprocessing, mapped: Mapped) -> Wrapped:
    """Make of a graph what a bundle has.

    Args:
        model: with all of its weights; it is changed.
        preprocessing: what comes before it.
        mapped: what becomes of its classes.

    Raises:
        ImportModelError: it takes or gives what cannot be made to fit; the message says what.
    """
    import onnx

    if model.functions:
        import onnx.inliner

        model = onnx.inliner.inline_local_functions(model)
    if opset_of(model) < _LOWEST_OPSET:
        raise ImportModelError(f"a graph of opset {opset_of(model)}: {_LOWEST_OPSET} or later")
    without_notes(model)
    entry = _entry(model.graph, preprocessing)
    scores = _scores(model.graph)
    fixed = entry.fix(model.graph)
    notes = [f"the graph was made for a batch of {fixed}; it takes any now"] if fixed else []
    graph = onnx.compose.add_prefix(model, _OWN, inplace=True)
    shapes = shapes_of(graph)
    end = _OWN + scores
    _check_width(shapes.get(end), len(mapped.source))
    whole_pools(graph, shapes)
    _feed(graph.graph, entry, preprocessing)
    if _is_softmax(graph.graph, end) or gives_shares(graph, end, preprocessing.input.size):
        notes.append("its output is probabilities already: no softmax is added")
        chances = end
    else:
        chances = _node(graph.graph, "Softmax", [end], "scores/softmax", axis=1)
    features = features_of(graph, end, shapes)
    _finish(graph, chances, features, mapped)
    _check(graph)
    width = 0 if features is None else features.width
    return Wrapped(graph.SerializeToString(deterministic=True), width, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Entry:
    """The graph's own input: its name, whether in half precision, whether NHWC, its batch."""

    name: str
    is_half: bool
    is_nhwc: bool
    batch: int

    def fix(self, graph: "onnx.GraphProto") -> int:
        """Let the batch be any; gives the one that was fixed, 0 where none was."""
        if not self.batch:
            return 0
        if self.batch != 1:
            raise ImportModelError(
                f"the graph takes {self.batch} pictures at once, no more and no fewer: export it"
                " with a batch of any size"
            )
        free_batch(graph, self.name)
        for value in (*graph.input, *graph.output):
            if value.type.tensor_type.shape.dim:
                value.type.tensor_type.shape.dim[0].dim_param = "batch"
        del graph.value_info[:]  # shapes of that batch
        return self.batch


def _entry(graph: "onnx.GraphProto", wants: Preprocessing) -> _Entry:
    import onnx

    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise ImportModelError(f"the graph takes {len(inputs)} inputs ({names}), not one picture")
    (value,) = inputs
    kind = value.type.tensor_type.elem_type
    if kind not in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
        raise ImportModelError(
            f"the graph's input {value.name!r} is {onnx.TensorProto.DataType.Name(kind)}, neither"
            " float32 nor float16: what it wants in it cannot be known"
        )
    shape = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
    if len(shape) != 4:
        raise ImportModelError(
            f"the graph's input {value.name!r} has {len(shape)} axes, not the 4 of pictures"
        )
    is_nhwc = shape[3] == 3 and shape[1] != 3
    if not is_nhwc and shape[1] not in (0, 3):
        raise ImportModelError(f"the graph's input {value.name!r} has the shape {shape}: no RGB")
    sides = shape[1:3] if is_nhwc else shape[2:]
    for own, wanted in zip(sides, wants.input.size, strict=True):
        if own not in (0, wanted):
            raise ImportModelError(
                f"the graph takes pictures of {sides[0]}x{sides[1]}, its preprocessor gives"
                f" {wants.input.size[0]}x{wants.input.size[1]}: the files are not of one model"
            )
    return _Entry(value.name, kind == onnx.TensorProto.FLOAT16, is_nhwc, shape[0])


def _scores(graph: "onnx.GraphProto") -> str:
    """The output that holds the classes' scores."""
    names = [value.name for value in graph.output]
    if _LOGITS in names:
        return _LOGITS
    if len(names) == 1:
        return names[0]
    raise ImportModelError(
        f"the graph gives {', '.join(names)}, none of them called {_LOGITS!r}: which are the"
        " classes cannot be known"
    )


def _check_width(shape: list[int] | None, classes: int) -> None:
    if shape is not None and (len(shape) != 2 or shape[1] not in (0, classes)):
        raise ImportModelError(
            f"the graph gives scores of the shape {shape}, its config.json has {classes} classes:"
            " the files are not of one model"
        )


def _feed(graph: "onnx.GraphProto", entry: _Entry, wants: Preprocessing) -> None:
    """Put what turns a picture into the graph's input before everything else."""
    from onnx import TensorProto, helper

    rest = list(graph.node)
    del graph.node[:], graph.input[:]
    shape: list[str | int | None] = ["batch", *wants.input.size, 3]
    graph.input.append(helper.make_tensor_value_info("image", TensorProto.FLOAT, shape))
    last = "image"
    scale, offset = np.array(wants.scale, np.float32), np.array(wants.offset, np.float32)
    last = _node(graph, "Mul", [last, _weight(graph, "image/scale", scale)], "image/scaled")
    last = _node(graph, "Add", [last, _weight(graph, "image/offset", offset)], "image/shifted")
    if wants.is_bgr:
        order = _weight(graph, "image/order", np.array([2, 1, 0], np.int64))
        last = _node(graph, "Gather", [last, order], "image/bgr", axis=3)
    if not entry.is_nhwc:
        last = _node(graph, "Transpose", [last], "image/nchw", perm=[0, 3, 1, 2])
    if entry.is_half:
        last = _node(graph, "Cast", [last], "image/half", to=TensorProto.FLOAT16)
    _node(graph, "Identity", [last], _OWN + entry.name)
    graph.node.extend(rest)


def _is_softmax(graph: "onnx.GraphProto", name: str) -> bool:
    """Whether a tensor is probabilities.

    Raises:
        ImportModelError: it is each class's own, which need not sum to 1.
    """
    node = producer(graph, name, through=("Identity", "Cast"))
    if node is not None and node.op_type in ("Sigmoid", "LogSoftmax"):
        raise ImportModelError(f"the graph ends in {node.op_type}: its scores are no probabilities")
    return node is not None and node.op_type == "Softmax"


def _finish(
    model: "onnx.ModelProto", chances: str, features: Features | None, mapped: Mapped
) -> None:
    from onnx import TensorProto, helper

    graph = model.graph
    last = _node(graph, "Cast", [chances], "scores/float", to=TensorProto.FLOAT)
    if not mapped.is_identity:
        merge = _weight(graph, "scores/merge", mapped.merge)
        last = _node(graph, "MatMul", [last, merge], "scores/merged")
    _node(graph, "Identity", [last], "probabilities")
    outputs = {"probabilities": len(mapped.labels)}
    if features is not None:
        _node(graph, "Cast", [features.name], "features", to=TensorProto.FLOAT)
        outputs["features"] = features.width
    del graph.output[:], graph.value_info[:]
    for name, width in outputs.items():
        shape: list[str | int | None] = ["batch", width]
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))


def _node(
    graph: "onnx.GraphProto", kind: str, inputs: list[str], output: str, **attributes: Any
) -> str:
    from onnx import helper

    graph.node.append(helper.make_node(kind, inputs, [output], **attributes))
    return output


def _weight(graph: "onnx.GraphProto", name: str, array: NDArray[np.generic]) -> str:
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(array, name))
    return name


def _check(model: "onnx.ModelProto") -> None:
    import onnx

    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        reason = str(error).splitlines()[0]
        raise ImportModelError(f"the graph does not fit together: {reason}") from error
