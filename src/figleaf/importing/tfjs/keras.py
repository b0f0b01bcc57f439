"""A TensorFlow.js *layers* model, which is a Keras model's configuration, as a graph.

Models of Keras 2 and 3, Sequential and Functional, within one another and called more than once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from figleaf.importing.tfjs.fields import Fields
from figleaf.importing.tfjs.layers import Layer, apply
from figleaf.importing.tfjs.net import Net, Value
from figleaf.importing.tfjs.reading import Model
from figleaf.importing.tfjs.weights import LayerWeights

_MODELS = frozenset(("Functional", "Model", "Sequential"))
_DEEPEST = 16
_MOST = 5_000
"""Layers, each as often as it is called: models that call one another grow by powers."""
Reference = tuple[str, int]
"""A layer's name, and which of its calls."""


def input_size(model: Model) -> tuple[int, int] | None:
    """Height and width of the picture that a model takes; None where it takes any.

    Raises:
        ImportModelError: the model says nothing of its input, or takes no RGB picture.
    """
    top, _ = _top(model)
    shape = _input_shape(top)
    if shape is None:
        top.refuse("it does not say what it takes: no input layer, no 'batch_input_shape'")
    if len(shape) != 4 or shape[3] != 3:
        top.refuse(f"it takes {shape}, not RGB pictures as (batch, height, width, 3)")
    height, width = shape[1:3]
    return None if height is None or width is None else (height, width)


def convert_layers(model: Model, net: Net, picture: Value) -> Value:
    """Add a model to a graph; gives what its last layer does.

    Args:
        model: as it was read.
        net: the graph.
        picture: what the model takes, in its own range.

    Raises:
        ImportModelError: a layer is not known, or the model contradicts itself.
    """
    top, keras = _top(model)
    outputs = _Walk(model, net, keras).model(top, (), [picture])
    if len(outputs) != 1:
        top.refuse(f"it has {len(outputs)} outputs; a classifier has one")
    return outputs[0]


def _top(model: Model) -> tuple[Fields, int]:
    """The outermost model, and the version of Keras."""
    topology = Fields.of("model topology", model.topology)
    version = str(topology.raw.get("keras_version", "2"))
    if topology.has("model_config"):
        topology = topology.inner("model_config")
    kind = topology.text("class_name")
    if kind not in _MODELS:
        topology.refuse(f"a {kind!r:.60}, not one of {', '.join(sorted(_MODELS))}")
    return topology, 3 if version.startswith("3") else 2


def _layers(model: Fields) -> list[Fields]:
    """The layers of a model; old Sequential ones have them as the whole configuration."""
    raw = model.raw.get("config")
    found = raw if isinstance(raw, list) else model.inner("config").items("layers")
    return [Fields.of(f"{model.where}: a layer", one) for one in found]


def _name(layer: Fields) -> str:
    """A layer's name, which Functional models have twice."""
    raw = layer.raw.get("config")
    inner = raw.get("name") if isinstance(raw, dict) else None
    return layer.text("name", inner if isinstance(inner, str) else None)


def _input_shape(model: Fields, depth: int = 0) -> list[Any] | None:
    """The shape of a model's input, the batch included."""
    if depth > _DEEPEST:
        model.refuse(f"models within models, over {_DEEPEST} deep")
    layers = _layers(model)
    first = next((one for one in layers if one.text("class_name") == "InputLayer"), None)
    for layer in (first, *layers[:1]):
        if layer is None:
            continue
        config = layer.raw.get("config")
        for key in ("batch_input_shape", "batch_shape"):
            shape = config.get(key) if isinstance(config, dict) else None
            if isinstance(shape, list) and all(s is None or type(s) is int for s in shape):
                return shape
        if layer.text("class_name") in _MODELS:
            return _input_shape(layer, depth + 1)
    return None


@dataclass(slots=True)
class _Call:
    """One call of a layer: which, and whose outputs it reads."""

    layer: Fields
    number: int
    sources: list[Reference]


@dataclass(frozen=True, slots=True)
class _Walk:
    """One conversion."""

    model_read: Model
    net: Net
    keras: int
    applied: Iterator[int] = field(default_factory=count)

    def model(self, model: Fields, path: tuple[str, ...], inputs: Sequence[Value]) -> list[Value]:
        """What a model gives for its inputs."""
        if len(path) > _DEEPEST:
            model.refuse(f"models within models, over {_DEEPEST} deep")
        kind = model.text("class_name")
        if kind == "Sequential":
            return [self._sequential(model, path, inputs)]
        return self._functional(model, path, inputs)

    def _sequential(self, model: Fields, path: tuple[str, ...], inputs: Sequence[Value]) -> Value:
        if len(inputs) != 1:
            model.refuse(f"a Sequential model takes one input, not {len(inputs)}")
        value = inputs[0]
        for layer in _layers(model):
            if layer.text("class_name") != "InputLayer":
                value = self._apply(layer, path, [value])
        return value

    def _functional(
        self, model: Fields, path: tuple[str, ...], inputs: Sequence[Value]
    ) -> list[Value]:
        config = model.inner("config")
        layers = _layers(model)
        taken = _references(config, "input_layers")
        if len(taken) != len(inputs):
            config.refuse(f"{len(taken)} inputs, where {len(inputs)} are given")
        values = dict(zip(taken, inputs, strict=True))
        outputs = _references(config, "output_layers")
        calls = [call for layer in layers for call in _calls(layer)]
        if len(calls) > _MOST:
            config.refuse(f"{len(calls):,} layers, over {_MOST:,}")
        offsets = _offsets(
            layers, [*outputs, *(source for call in calls for source in call.sources)]
        )
        while calls:
            ready = [
                call for call in calls if all(_at(one, offsets) in values for one in call.sources)
            ]
            if not ready:
                names = ", ".join(sorted({_name(call.layer) for call in calls})[:4])
                config.refuse(f"nothing leads to the layers {names}")
            for call in ready:
                sources = [values[_at(one, offsets)] for one in call.sources]
                values[_name(call.layer), call.number] = self._apply(call.layer, path, sources)
            calls = [call for call in calls if (_name(call.layer), call.number) not in values]
        missing = [name for name, number in outputs if _at((name, number), offsets) not in values]
        if missing:
            config.refuse(f"its output {missing[0]!r:.80} is no layer's")
        return [values[_at(one, offsets)] for one in outputs]

    def _apply(self, layer: Fields, path: tuple[str, ...], inputs: Sequence[Value]) -> Value:
        if next(self.applied) >= _MOST:
            layer.refuse(f"it is one of over {_MOST:,} layers, counted as often as they are called")
        kind, inner = layer.text("class_name"), (*path, _name(layer))
        if kind in _MODELS:
            named = Fields(f"model {'/'.join(inner)!r}", layer.raw)
            outputs = self.model(named, inner, inputs)
            if len(outputs) != 1:
                named.refuse(f"{len(outputs)} outputs; a model within another may have one")
            return outputs[0]
        config = Fields.of(f"layer {'/'.join(inner)!r} ({kind})", layer.raw.get("config"))
        weights = LayerWeights(self.model_read.arrays, inner)
        return apply(Layer(kind, config, weights, self.net, self.keras), inputs)


def _references(config: Fields, key: str) -> list[Reference]:
    """[["conv", 0, 0], ...], or just ["conv", 0, 0], which Keras 3 writes for one."""
    raw = config.items(key)
    entries = [raw] if raw and isinstance(raw[0], str) else raw
    return [_reference(config, entry) for entry in entries]


def _reference(where: Fields, entry: object) -> Reference:
    if (
        not isinstance(entry, list)
        or len(entry) < 3
        or not isinstance(entry[0], str)
        or type(entry[1]) is not int
        or entry[2] != 0
    ):
        where.refuse(f"{entry!r:.80} names no layer's one output")
    return entry[0], entry[1]


def _calls(layer: Fields) -> list[_Call]:
    """How often a layer is called, and on what."""
    if layer.text("class_name") == "InputLayer":
        return []
    name = Fields(f"layer {_name(layer)!r}", layer.raw)
    nodes = name.items("inbound_nodes") if name.has("inbound_nodes") else []
    return [_Call(layer, n, list(_sources(name, node))) for n, node in enumerate(nodes)]


def _sources(layer: Fields, node: object) -> Iterator[Reference]:
    """What one call reads: lists of names in Keras 2, tensors with a history in Keras 3."""
    if isinstance(node, list):
        entries = [node] if node and isinstance(node[0], str) else node
        for entry in entries:
            if isinstance(entry, list) and len(entry) > 3 and entry[3]:
                layer.refuse(f"it is called with arguments, {entry[3]!r:.80}, which is not known")
            yield _reference(layer, entry)
        return
    if not isinstance(node, dict):
        layer.refuse(f"'inbound_nodes' holds {node!r:.80}")
    yield from _histories(layer, node.get("args"), 0)


def _histories(layer: Fields, raw: object, depth: int) -> Iterator[Reference]:
    if isinstance(raw, dict) and raw.get("class_name") == "__keras_tensor__":
        yield _reference(
            layer, Fields.of(layer.where, raw).inner("config").raw.get("keras_history")
        )
    elif isinstance(raw, list) and depth < _DEEPEST:
        for one in raw:
            yield from _histories(layer, one, depth + 1)
    else:
        layer.refuse(f"it is called with {raw!r:.80}, which is not known")


def _offsets(layers: Sequence[Fields], references: Sequence[Reference]) -> dict[str, int]:
    """By how much calls of a model within a model are counted too high.

    Keras 2 counts the call that the inner model was made with, which is not in the file.
    """
    inner = {_name(layer) for layer in layers if layer.text("class_name") in _MODELS}
    found: dict[str, int] = {}
    for name, number in references:
        if name in inner:
            found[name] = min(number, found.get(name, number))
    return found


def _at(reference: Reference, offsets: dict[str, int]) -> Reference:
    name, number = reference
    return name, number - offsets.get(name, 0)
