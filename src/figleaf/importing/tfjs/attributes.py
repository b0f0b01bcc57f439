"""A node of TensorFlow's graph in JSON, and its attributes.

tensorflow/core/framework/attr_value.proto in the JSON form of protocol buffers: whole numbers of 64
bits are strings, bytes are base64.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, NoReturn

from figleaf.errors import ImportModelError
from figleaf.importing.tfjs.fields import Fields


@dataclass(frozen=True, slots=True)
class Node:
    """One operation.

    Attributes:
        name: of what it gives.
        op: TensorFlow's name of the operation.
        inputs: what it reads, those that only order execution left out.
        attr: its attributes.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attr: Fields

    def refuse(self, reason: str) -> NoReturn:
        """Raise an ImportModelError that says where."""
        raise ImportModelError(f"node {self.name!r} ({self.op}): {reason}")

    def text(self, key: str, default: str) -> str:
        """A string."""
        if not self.attr.has(key):
            return default
        return self._decoded(self.attr.inner(key).raw.get("s"))

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(self._decoded(one) for one in self._list(key, "s"))

    def number(self, key: str, default: float) -> float:
        """A floating-point number."""
        if not self.attr.has(key):
            return default
        value = self.attr.inner(key)
        return value.number("f", 0.0)  # 0 is left out in protocol buffers

    def flag(self, *keys: str) -> bool:
        """A boolean, false where there is none; by any of several names."""
        return any(self.attr.has(key) and self.attr.inner(key).flag("b", False) for key in keys)

    def whole_numbers(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        try:
            return tuple(int(one) for one in self._list(key, "i"))
        except (TypeError, ValueError, OverflowError):
            self.refuse(f"'{key}' holds something else than whole numbers")

    def whole(self, key: str) -> int:
        """A whole number, 0 where there is none."""
        raw = self.attr.inner(key).raw.get("i", 0) if self.attr.has(key) else 0
        try:
            return int(raw)
        except (TypeError, ValueError, OverflowError):
            self.refuse(f"'{key}' is {raw!r:.40}, not a whole number")

    def shape(self, key: str) -> list[int | None] | None:
        """A shape, None for an axis of any length; None where nothing is said of it."""
        if not self.attr.has(key):
            return None
        shape = self.attr.inner(key).inner("shape")
        if shape.flag("unknownRank", False) or not shape.has("dim"):
            return None
        sides = []
        for one in shape.items("dim"):
            try:
                side = int(Fields.of(f"node {self.name!r}", one).raw.get("size", -1))
            except (TypeError, ValueError, OverflowError):
                self.refuse(f"'{key}' holds something else than sizes")
            sides.append(None if side < 0 else side)
        return sides

    def _list(self, key: str, kind: str) -> list[Any]:
        if not self.attr.has(key):
            return []
        found = self.attr.inner(key).inner("list")
        return found.items(kind) if found.has(kind) else []

    def _decoded(self, raw: object) -> str:
        try:
            if isinstance(raw, list):  # old converters wrote the codes
                return bytes(raw).decode()
            return base64.b64decode(raw if isinstance(raw, str) else "", validate=True).decode()
        except (ValueError, TypeError, binascii.Error):
            self.refuse(f"{raw!r:.60} is no string in base64")


def read_node(raw: object) -> Node:
    """A node of a graph.

    Raises:
        ImportModelError: it is none.
    """
    fields = Fields.of("a node of the graph", raw)
    name, op = fields.text("name"), fields.text("op")
    inputs = fields.items("input") if fields.has("input") else []
    if not all(isinstance(one, str) for one in inputs):
        fields.refuse(f"{name!r:.80} reads {inputs!r:.80}")
    attr = fields.inner("attr") if fields.has("attr") else Fields("attr", {})
    read = tuple(source_of(one) for one in inputs if not one.startswith("^"))
    return Node(name, op, read, Fields(f"node {name!r} ({op})", attr.raw))


def source_of(name: str) -> str:
    """The node that an input names: "a" of "a:0"; other outputs than the first stay as they are."""
    return name.removesuffix(":0")
