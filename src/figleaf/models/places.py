"""A graph that says what its head makes of each place of the last feature map.

A classifier of pictures ends in a feature map, its mean over all places (global average pooling),
and a head that turns the mean into probabilities. Here the head is given each place of the map
instead of their mean, as one more output of the graph. Where the head is one matrix product, that
is the class activation map of Zhou et al. ("Learning Deep Features for Discriminative
Localization", CVPR 2016), but for the softmax; of one with several layers, as Keras' heads have, no
matrix product would do.

What a place says is not its part in the whole: the head was made for means, and is not linear.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from figleaf.errors import NoPlacesError
from figleaf.images.box import Box
from figleaf.models.card import Card
from figleaf.models.pooling import Pool, final_pools
from figleaf.models.reading import Reading
from figleaf.models.receptive import window_of
from figleaf.models.surgery import cut_to

if TYPE_CHECKING:
    import onnx

_PROBABILITIES = "probabilities"


@dataclass(frozen=True, slots=True)
class PlaceMap:
    """One more output of a graph: float32 of shape (batch, rows, columns, classes), each in 0..1.

    Attributes:
        output: what the graph calls it.
        input: the card's input whose places they are. What the head reads of other inputs is as it
            is, of their whole pictures.
        grid: (rows, columns).
        window: what of the prepared picture the grid covers, in its pixels.
    """

    output: str
    input: str
    grid: tuple[int, int]
    window: Box


@dataclass(frozen=True, slots=True)
class Placed:
    """A graph with the outputs `probabilities` and those of its maps: one for each last pooling."""

    graph: bytes
    maps: tuple[PlaceMap, ...]


def with_places(graph: bytes, card: Card) -> Placed:
    """The graph with one more output for each feature map that `probabilities` depends on.

    Args:
        graph: a model's ONNX.
        card: the model's.

    Raises:
        NoPlacesError: the probabilities depend on the picture in another way than through the mean
            of a feature map, as those of a transformer do, or its size is not known.
    """
    import onnx

    try:
        model = cut_to(onnx.load_model_from_string(graph), _PROBABILITIES)
        read = Reading.of(model, [spec.name for spec in card.inputs])
        pools = final_pools(read, _PROBABILITIES)
        maps = [_add_map(model.graph, read, pool, card) for pool in pools]
        onnx.checker.check_model(model)
    except (KeyError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise NoPlacesError(f"{card.name}: its graph cannot be followed: {reason}") from error
    except NoPlacesError as error:
        raise NoPlacesError(f"{card.name}: {error}") from None
    return Placed(model.SerializeToString(), tuple(maps))


def _add_map(graph: "onnx.GraphProto", read: Reading, pool: Pool, card: Card) -> PlaceMap:
    spec = next(one for one in card.inputs if one.name == pool.picture)
    output = "places" if len(card.inputs) == 1 else f"places/{spec.name}"
    copy = _Head(read, pool, output, _tensors(graph))
    nodes = list(copy.nodes(len(card.labels)))
    graph.node.extend(nodes)
    graph.initializer.extend(copy.constants)
    graph.output.append(_declared(copy.output, pool, len(card.labels)))
    return PlaceMap(
        copy.output, spec.name, pool.grid, window_of(read, pool.source, pool.grid, spec)
    )


def _tensors(graph: "onnx.GraphProto") -> set[str]:
    made = {name for node in graph.node for name in node.output}
    weights = {tensor.name for tensor in graph.initializer}
    return made | weights | {value.name for value in graph.input}


def _declared(name: str, pool: Pool, classes: int) -> "onnx.ValueInfoProto":
    import onnx

    shape: list[str | int | None] = ["batch", *pool.grid, classes]
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


class _Head:
    """A copy of all that comes after a pooling, which takes each place as a picture of its own."""

    def __init__(self, read: Reading, pool: Pool, output: str, taken: set[str]) -> None:
        self.output = output
        while self.output in taken:
            self.output += "'"
        self.constants: list[onnx.TensorProto] = []
        self._read = read
        self._pool = pool
        self._names: dict[str, str] = {}

    def nodes(self, classes: int) -> Iterator["onnx.NodeProto"]:
        """The nodes, in the order in which they are run."""
        yield from self._each_place()
        for node in self._read.after(self._pool.output):
            yield from self._copied(node)
        rows = self._names[_PROBABILITIES]
        yield self._reshape(rows, [-1, *self._pool.grid, classes], self.output)

    def _each_place(self) -> Iterator["onnx.NodeProto"]:
        """The map [batch, channels, rows, columns] as [batch * rows * columns, channels, 1, 1]."""
        from onnx import helper

        pool = self._pool
        source = pool.source
        if pool.channels_first:
            last = self._name("last")
            yield helper.make_node("Transpose", [source], [last], name=last, perm=[0, 2, 3, 1])
            source = last
        self._names[pool.output] = self._name("each")
        yield self._reshape(source, [-1, *pool.pooled], self._names[pool.output])

    def _copied(self, node: "onnx.NodeProto") -> Iterator["onnx.NodeProto"]:
        import onnx

        if any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute):
            raise NoPlacesError(f"the head has a graph within a graph ({node.op_type})")
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = self._name(node.name or node.output[0])
        for number, name in enumerate(node.input):
            if name not in self._names and self._read.pictures_of(name):
                yield from self._repeated(name)
            copy.input[number] = self._names.get(name, name)
        for number, name in enumerate(node.output):
            if name:
                self._names[name] = copy.output[number] = self._name(name)
        if node.op_type == "Reshape":
            self._free_the_batch(node, copy)
        yield copy

    def _free_the_batch(self, node: "onnx.NodeProto", copy: "onnx.NodeProto") -> None:
        """Exporters may take the batch's length from the picture, of which there are more here."""
        is_told_outside = node.input[1] not in self._names
        rest = self._read.shape(node.output[0])[1:]
        if is_told_outside and not self._read.is_constant(node.input[1]) and None not in rest:
            copy.input[1] = self._constant([-1, *rest])

    def _repeated(self, name: str) -> Iterator["onnx.NodeProto"]:
        """What the head reads of elsewhere, [batch, ...], once for each place."""
        from onnx import helper

        rest = self._read.shape(name)[1:]
        if not rest or None in rest:
            raise NoPlacesError(f"the head reads {name}, whose shape is not known")
        places = self._pool.grid[0] * self._pool.grid[1]
        one, many, flat = (self._name(f"{name}/{step}") for step in ("one", "many", "flat"))
        yield self._reshape(name, [-1, 1, *rest], one)
        times = self._constant([1, places, *(1 for _ in rest)])
        yield helper.make_node("Tile", [one, times], [many], name=many)
        yield self._reshape(many, [-1, *rest], flat)
        self._names[name] = flat

    def _reshape(self, source: str, shape: Sequence[int | None], output: str) -> "onnx.NodeProto":
        from onnx import helper

        inputs = [source, self._constant(shape)]
        return helper.make_node("Reshape", inputs, [output], name=output)

    def _constant(self, values: Sequence[int | None]) -> str:
        from onnx import numpy_helper

        name = self._name(f"shape{len(self.constants)}")
        array = np.array(values, np.int64)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def _name(self, name: str) -> str:
        return f"{self.output}/{name}"
