"""The ONNX graph of a TensorFlow model under construction: TensorFlow's axes, ONNX's within.

TensorFlow keeps maps as (height, width, channels), ONNX as (channels, height, width). A `Value` is
told in TensorFlow's axes, and one of three axes lies in ONNX's order: whatever names an axis goes
through `_axis`, whatever makes another shape of it through `reshape`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ImportModelError
from figleaf.models.card import MAX_SIDE
from figleaf.models.graph import Floats, Graph, Kernel, Pads, Quantised, Tensor, same_pads, scalar

NO_PADS: Pads = (0, 0, 0, 0)
_MAP = 3
"""The axes of a map: height, width, channels."""
_MOST = 1 << 27
"""Numbers that one value of one picture may have: what is more would not fit into memory."""


@dataclass(frozen=True, slots=True)
class Value:
    """A float32 tensor of the graph: its shape in TensorFlow's axes, without the batch."""

    name: str
    shape: tuple[int, ...]

    @property
    def is_map(self) -> bool:
        """Whether it has height, width and channels, and so lies in ONNX's order."""
        return len(self.shape) == _MAP

    @property
    def channels(self) -> int:
        """The length of the last axis."""
        return self.shape[-1]


@dataclass(frozen=True, slots=True)
class Window:
    """How a kernel slides, each as (height, width); `pads` None for TensorFlow's SAME."""

    size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: Pads | None = NO_PADS
    dilations: tuple[int, int] = (1, 1)


class Net:
    """Builds the graph. Names that are taken get a number."""

    def __init__(self) -> None:
        """Start empty."""
        self._graph = Graph()
        self._names: set[str] = {"image", "image/nchw", "probabilities", "features"}
        self._kinds: dict[str, str] = {}
        self.pooled: Value | None = None
        """The last vector that was pooled from a whole map: the features of a classifier."""

    def image(self, size: tuple[int, int]) -> Value:
        """The picture, float32 RGB in 0..255."""
        tensor = self._graph.image(*size)
        return Value(tensor.name, (*size, 3))

    def node(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Add a node of one output; gives the name that it got."""
        made = self._graph.node(kind, inputs, self._free(name), **attributes)
        self._kinds[made] = kind
        return made

    def kind_of(self, x: Value) -> str:
        """ONNX's operator that gives a value, whatever its shape; "" for the picture itself."""
        return self._kinds.get(x.name, "")

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Add a weight; gives the name that it got."""
        return self._graph.constant(self._free(name), array)

    def unary(self, kind: str, x: Value, name: str, **attributes: Any) -> Value:
        """An operator on each number by itself."""
        return replace(x, name=self.node(kind, [x.name], name, **attributes))

    def clip(self, x: Value, low: float, high: float, name: str) -> Value:
        """Each number at least `low`, at most `high`."""
        bounds = [
            self.constant(f"{name}/{end}", scalar(v))
            for end, v in zip(("low", "high"), (low, high), strict=True)
        ]
        return replace(x, name=self.node("Clip", [x.name, *bounds], name))

    def pairwise(self, kind: str, a: Value | Floats, b: Value | Floats, name: str) -> Value:
        """Add, Sub, Mul, Div, Max or Min, number by number; one of the two may be a constant.

        Raises:
            ImportModelError: the shapes do not broadcast in a way that is known here.
        """
        shape = self._broadcast(a, b, name)
        names = [
            one.name if isinstance(one, Value) else self._operand(one, shape, f"{name}/operand")
            for one in (a, b)
        ]
        return _sized(Value(self.node(kind, names, name), shape), name)

    def _broadcast(self, a: Value | Floats, b: Value | Floats, name: str) -> tuple[int, ...]:
        values = [one for one in (a, b) if isinstance(one, Value)]
        axes = max(len(one.shape) for one in values)
        shapes = []
        for one in (a, b):
            shape = one.shape
            if isinstance(one, Value) and len(shape) != axes:
                raise ImportModelError(
                    f"{name}: of {a.shape} and {b.shape}, which is not known here"
                )
            if not isinstance(one, Value) and len(shape) > axes:
                if len(shape) > axes + 1 or shape[0] != 1:
                    raise ImportModelError(
                        f"{name}: of {a.shape} and {b.shape}, which is not known here"
                    )
                shape = shape[1:]
            shapes.append(shape)
        try:
            return tuple(np.broadcast_shapes(*shapes))
        except ValueError:
            raise ImportModelError(f"{name}: {a.shape} and {b.shape} do not fit") from None

    def _operand(self, array: Floats, shape: tuple[int, ...], name: str) -> str:
        """A constant in TensorFlow's axes that is to broadcast over a value in ONNX's."""
        if array.size == 1:
            return self.constant(name, array.reshape(()))
        if array.ndim > len(shape):
            array = array[0]
        if len(shape) == _MAP:
            array = array.reshape((1,) * (_MAP - array.ndim) + array.shape).transpose(2, 0, 1)
        return self.constant(name, array)

    def normalise(self, x: Value, factor: Floats, shift: Floats, name: str) -> Value:
        """x * factor + shift by channel: a batch normalisation at inference."""
        if len(x.shape) not in (1, _MAP):
            scaled = self.pairwise("Mul", x, factor, f"{name}/scaled")
            return self.pairwise("Add", scaled, shift, name)
        zeros, ones = np.zeros_like(factor), np.ones_like(factor)
        parts = {"scale": factor, "shift": shift, "mean": zeros, "variance": ones}
        inputs = [self.constant(f"{name}/{part}", array) for part, array in parts.items()]
        done = self.node("BatchNormalization", [x.name, *inputs], name, epsilon=0.0)
        return replace(x, name=done)

    def convolution(
        self, x: Value, kernel: Kernel, bias: Floats | None, window: Window, name: str
    ) -> Value:
        """A convolution: kernel [out, in / groups, height, width]; the groups follow from it."""
        self.expect_map(x, name)
        shape = kernel.values.shape if isinstance(kernel, Quantised) else kernel.shape
        if not shape[1] or x.channels % shape[1] or shape[0] % (x.channels // shape[1]):
            raise ImportModelError(f"{name}: a kernel of {shape} for {x.channels} channels")
        pads, sides = self._slide(x, window, name)
        inputs = [x.name, self._kernel(f"{name}/kernel", kernel)]
        if bias is not None:
            if bias.shape != shape[:1]:
                raise ImportModelError(f"{name}: a bias of {bias.shape} for {shape[0]} channels")
            inputs.append(self.constant(f"{name}/bias", bias))
        done = self.node(
            "Conv",
            inputs,
            name,
            kernel_shape=list(window.size),
            strides=list(window.strides),
            pads=list(pads),
            dilations=list(window.dilations),
            group=x.channels // shape[1],
        )
        return _sized(Value(done, (*sides, shape[0])), name)

    def pool(self, kind: str, x: Value, window: Window, name: str) -> Value:
        """MaxPool or AveragePool; the average leaves the padding out."""
        self.expect_map(x, name)
        pads, sides = self._slide(x, window, name)
        size = {"kernel_shape": list(window.size), "strides": list(window.strides)}
        done = Value(self.node(kind, [x.name], name, pads=list(pads), **size), (*sides, x.channels))
        if sides == (1, 1) and window.size == x.shape[:2]:
            self.pooled = done
        return done

    def _slide(self, x: Value, window: Window, name: str) -> tuple[Pads, tuple[int, int]]:
        """The padding in pixels, and the sides of what comes out."""
        if min(*window.size, *window.strides, *window.dilations) < 1:
            raise ImportModelError(f"{name}: a window of {window.size}, strides {window.strides}")
        reach = [(n - 1) * d + 1 for n, d in zip(window.size, window.dilations, strict=True)]
        pads = window.pads
        if pads is None:
            pads = _same(x.shape[:2], reach, window.strides)
        sides = [
            (x.shape[i] + pads[i] + pads[i + 2] - reach[i]) // window.strides[i] + 1 for i in (0, 1)
        ]
        if min(sides) < 1:
            raise ImportModelError(
                f"{name}: a window of {window.size} is larger than {x.shape[:2]}"
            )
        return pads, (sides[0], sides[1])

    def pad(self, x: Value, pads: Pads, value: float, name: str, mode: str = "constant") -> Value:
        """A border of one number, or ("reflect") of what lies within."""
        self.expect_map(x, name)
        if min(pads) < 0 or max(pads) > MAX_SIDE:
            raise ImportModelError(f"{name}: a border of {pads} pixels")
        top, left, bottom, right = pads
        widths = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
        inputs = [x.name, self.constant(f"{name}/widths", widths)]
        if mode == "constant":
            inputs.append(self.constant(f"{name}/value", scalar(value)))
        height, width, channels = x.shape
        shape = (height + top + bottom, width + left + right, channels)
        return _sized(Value(self.node("Pad", inputs, name, mode=mode), shape), name)

    def crop(self, x: Value, cut: Pads, name: str) -> Value:
        """The map without a border of so many pixels."""
        self.expect_map(x, name)
        top, left, bottom, right = cut
        height, width, channels = x.shape
        if min(cut) < 0 or top + bottom >= height or left + right >= width:
            raise ImportModelError(f"{name}: {cut} cannot be cut off {height}x{width}")
        ends = {"starts": [top, left], "ends": [height - bottom, width - right], "axes": [2, 3]}
        inputs = [self.constant(f"{name}/{k}", np.array(v, np.int64)) for k, v in ends.items()]
        shape = (height - top - bottom, width - left - right, channels)
        return Value(self.node("Slice", [x.name, *inputs], name), shape)

    def reduce(self, kind: str, x: Value, axes: Sequence[int], keep: bool, name: str) -> Value:
        """ReduceMean, -Max, -Min or -Sum over TensorFlow's axes, counted without the batch."""
        axes = sorted({self._checked(axis, x, name) for axis in axes})
        attributes: dict[str, Any] = {"keepdims": 1}
        names = [x.name]
        own = [self._axis(axis, x) for axis in axes]
        if kind == "ReduceSum":  # takes its axes as an input since opset 13
            names.append(self.constant(f"{name}/axes", np.array(own, np.int64)))
        else:
            attributes["axes"] = own
        shape = tuple(1 if i in axes else side for i, side in enumerate(x.shape))
        done = Value(self.node(kind, names, f"{name}/kept", **attributes), shape)
        if x.is_map and axes == [0, 1]:
            self.pooled = done
        if keep:
            return done
        return self.reshape(done, [s for i, s in enumerate(shape) if i not in axes], name)

    def softmax(self, x: Value, axis: int, name: str) -> Value:
        """Softmax over an axis, counted without the batch; -1 is the last one."""
        return self.unary("Softmax", x, name, axis=self._axis(self._checked(axis, x, name), x))

    def concat(self, values: Sequence[Value], axis: int, name: str) -> Value:
        """Side by side along an axis, counted without the batch."""
        first = values[0]
        axis = self._checked(axis, first, name)
        for one in values:
            if _without(one.shape, axis) != _without(first.shape, axis):
                raise ImportModelError(f"{name}: {first.shape} and {one.shape} cannot be joined")
        total = sum(one.shape[axis] for one in values)
        shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
        names = [one.name for one in values]
        done = self.node("Concat", names, name, axis=self._axis(axis, first))
        return _sized(Value(done, shape), name)

    def reshape(self, x: Value, shape: Sequence[int], name: str) -> Value:
        """Another shape of the same numbers, in the order in which TensorFlow has them."""
        target = tuple(shape)
        if math.prod(target) != math.prod(x.shape):
            raise ImportModelError(f"{name}: {x.shape} cannot become {target}")
        if target == x.shape:
            return x
        source = x.name
        # Where one axis alone is longer than 1, both orders are the same.
        if x.is_map and sum(side > 1 for side in x.shape) > 1:
            source = self.node("Transpose", [source], f"{name}/nhwc", perm=[0, 2, 3, 1])
        moved = len(target) == _MAP and sum(side > 1 for side in target) > 1
        held = (target[2], *target[:2]) if len(target) == _MAP and not moved else target
        to = self.constant(f"{name}/shape", np.array([0, *held], np.int64))
        done = self.node("Reshape", [source, to], f"{name}/tf" if moved else name)
        if moved:
            done = self.node("Transpose", [done], name, perm=[0, 3, 1, 2])
        self._kinds[done] = self.kind_of(x)
        result = Value(done, target)
        if self.pooled == x and len(target) == 1:
            self.pooled = result
        return result

    def transpose(self, x: Value, axes: Sequence[int], name: str) -> Value:
        """The axes in another order, counted without the batch."""
        if sorted(axes) != list(range(len(x.shape))):
            raise ImportModelError(f"{name}: the axes {list(axes)} of {x.shape}")
        shape = tuple(x.shape[axis] for axis in axes)
        held = (axes[2], *axes[:2]) if x.is_map else axes
        perm = [0, *(self._axis(axis, x) for axis in held)]
        return Value(self.node("Transpose", [x.name], name, perm=perm), shape)

    def dense(self, x: Value, kernel: Kernel, bias: Floats | None, name: str) -> Value:
        """x times a matrix [in, out] over the last axis, plus a bias."""
        held = kernel.values if isinstance(kernel, Quantised) else kernel
        if not x.shape or held.ndim != 2 or held.shape[0] != x.channels:
            raise ImportModelError(f"{name}: a matrix of {held.shape} for {x.shape}")
        source = x.name
        if x.is_map:
            source = self.node("Transpose", [source], f"{name}/nhwc", perm=[0, 2, 3, 1])
        matrix = self._kernel(f"{name}/kernel", kernel)
        done = self.node("MatMul", [source, matrix], f"{name}/product")
        if bias is not None:
            if bias.shape != held.shape[1:]:
                raise ImportModelError(
                    f"{name}: a bias of {bias.shape} for {held.shape[1]} outputs"
                )
            done = self.node("Add", [done, self.constant(f"{name}/bias", bias)], f"{name}/sum")
        if x.is_map:
            done = self.node("Transpose", [done], name, perm=[0, 3, 1, 2])
        return _sized(Value(done, (*x.shape[:-1], held.shape[1])), name)

    def prelu(self, x: Value, slope: Floats, name: str) -> Value:
        """x where it is over 0, else x * slope, which broadcasts."""
        slopes = self._operand(slope, self._broadcast(x, slope, name), f"{name}/slope")
        return replace(x, name=self.node("PRelu", [x.name, slopes], name))

    def _kernel(self, name: str, kernel: Kernel) -> str:
        return self._graph.kernel(self._free(name), kernel)

    def expect_map(self, x: Value, name: str) -> None:
        """Raise ImportModelError unless a value has height, width and channels."""
        if not x.is_map:
            raise ImportModelError(f"{name}: takes (height, width, channels), gets {x.shape}")

    def _checked(self, axis: int, x: Value, name: str) -> int:
        if not -len(x.shape) <= axis < len(x.shape):
            raise ImportModelError(f"{name}: no axis {axis} in {x.shape}")
        return axis % len(x.shape)

    def _axis(self, axis: int, x: Value) -> int:
        """ONNX's axis, the batch counted, of TensorFlow's, the batch not counted."""
        return (2, 3, 1)[axis] if x.is_map else axis + 1

    def _free(self, name: str) -> str:
        """The name, with a number where it is taken."""
        found, number = name, 1
        while found in self._names:
            number += 1
            found = f"{name}_{number}"
        self._names.add(found)
        return found

    def build(self, name: str, probabilities: Value, features: Value | None) -> bytes:
        """The checked model, serialised, with what comes out flattened."""
        outputs = {"probabilities": Tensor(probabilities.name, math.prod(probabilities.shape))}
        if features is not None:
            outputs["features"] = Tensor(features.name, math.prod(features.shape))
        return self._graph.build(name, outputs)


def _same(sides: Sequence[int], reach: Sequence[int], strides: tuple[int, int]) -> Pads:
    height, width = sides
    top, _, bottom, _ = same_pads((height, width), reach, strides[0])
    _, left, _, right = same_pads((height, width), reach, strides[1])
    return top, left, bottom, right


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


def _sized(value: Value, name: str) -> Value:
    if math.prod(value.shape) > _MOST:
        raise ImportModelError(f"{name}: {value.shape} is too large to compute for one picture")
    return value
