"""A TensorFlow graph in JSON under construction, and its weights.

tensorflow/core/framework/{graph,node_def,attr_value}.proto in the JSON form of protocol buffers.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_TYPES = {"float32": "DT_FLOAT", "int32": "DT_INT32"}
_UNSAFE = re.compile(r"[^\w./-]")


@dataclass(frozen=True, slots=True)
class Packed:
    """Numbers in uint8: each stands for value * scale + minimum."""

    values: NDArray[np.uint8]
    scale: float
    minimum: float


@dataclass(slots=True)
class GraphDef:
    """Nodes in the order in which they were added, and the weights of those that are constants."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    weights: list[dict[str, Any]] = field(default_factory=list)
    blobs: list[bytes] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def node(self, op: str, inputs: Sequence[str], name: str, **attr: Any) -> str:
        """Add a node; gives the name that it got.

        Args:
            op: TensorFlow's name of the operation.
            inputs: the names of nodes.
            name: what it is to be called; letters that TensorFlow does not take become "_".
            attr: attributes, as the functions of this module make them.
        """
        free = self._free(name)
        entry: dict[str, Any] = {"name": free, "op": op}
        if inputs:
            entry["input"] = list(inputs)
        self.nodes.append({**entry, "attr": {**({} if op == "NoOp" else _T), **attr}})
        return free

    def placeholder(self, name: str, shape: Sequence[int]) -> str:
        """Add the input; -1 is any length."""
        free = self._free(name)
        attr = {"dtype": {"type": "DT_FLOAT"}, "shape": {"shape": shape_of(shape)}}
        self.nodes.append({"name": free, "op": "Placeholder", "attr": attr})
        return free

    def constant(self, name: str, array: Floats | NDArray[np.int32] | Packed) -> str:
        """Add a constant; gives the name that it got."""
        free = self._free(name)
        packed = array if isinstance(array, Packed) else None
        values = packed.values if packed else array
        assert not isinstance(values, Packed)
        dtype = "float32" if packed else str(values.dtype)
        entry: dict[str, Any] = {"name": free, "shape": list(values.shape), "dtype": dtype}
        if packed:
            entry["quantization"] = {
                "dtype": "uint8",
                "scale": packed.scale,
                "min": packed.minimum,
                "original_dtype": "float32",
            }
        self.weights.append(entry)
        self.blobs.append(
            np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
        )
        kind = _TYPES[dtype]
        tensor = {"dtype": kind, "tensorShape": shape_of(values.shape)}
        attr = {"dtype": {"type": kind}, "value": {"tensor": tensor}}
        self.nodes.append({"name": free, "op": "Const", "attr": attr})
        return free

    def _free(self, name: str) -> str:
        """The name in TensorFlow's letters, with a number where it is taken."""
        base = _UNSAFE.sub("_", name).lstrip("_/-.") or "node"
        found, number = base, 1
        while found in self._names:
            number += 1
            found = f"{base}_{number}"
        self._names.add(found)
        return found


def text(value: str) -> dict[str, Any]:
    """An attribute that is a string."""
    return {"s": _base64(value)}


def texts(values: Sequence[str]) -> dict[str, Any]:
    """An attribute that is a list of strings."""
    return {"list": {"s": [_base64(one) for one in values]}}


def number(value: float) -> dict[str, Any]:
    """An attribute that is a floating-point number."""
    return {"f": float(value)}


def flag(value: bool) -> dict[str, Any]:
    """An attribute that is true or false."""
    return {"b": value}


def whole_numbers(values: Sequence[int]) -> dict[str, Any]:
    """An attribute that is a list of whole numbers."""
    return {"list": {"i": [str(int(one)) for one in values]}}


def shape_of(sides: Sequence[int]) -> dict[str, Any]:
    """A shape; -1 is any length."""
    return {"dim": [{"size": str(int(side))} for side in sides]}


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


_T = {"T": {"type": "DT_FLOAT"}}

NHWC = {"data_format": text("NHWC")}
LOWEST = float(np.finfo(np.float32).min)
"""What is smaller than any number in float32."""
