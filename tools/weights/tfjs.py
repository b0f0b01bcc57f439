"""Read a TensorFlow.js model out of the JavaScript that a package wraps it in.

The package `nsfwjs` publishes its topology as an object literal and its weights as base64 strings,
each inside a minified UMD module. Nothing is executed: the literal is rewritten to JSON token by
token, the base64 is cut out.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.models.graph import Floats, Quantised, scalar

_EXPORTS = ".exports="
# A string; a boolean in its minified form; a number without its leading zero; a bare key.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|![01]|(?<![\w.])-?\.\d+(?:e[-+]?\d+)?|[A-Za-z_$][\w$]*(?=:)'
)
_BOOLEANS = {"!0": "true", "!1": "false"}


@dataclass(frozen=True, slots=True)
class Published:
    """One array as published: uint8 `values`, each standing for value * scale + minimum."""

    values: NDArray[np.uint8]
    scale: float
    minimum: float

    def floats(self) -> Floats:
        """The array in float32, as TensorFlow.js has it."""
        return (self.values * np.float64(self.scale) + self.minimum).astype(np.float32)

    def kernel(self, *axes: int) -> Quantised:
        """The array with its axes in another order, still uint8.

        Raises:
            ValueError: zero is not one of the 256 values, so that no zero point says the same.
        """
        zero = -self.minimum / self.scale
        if not 0 <= round(zero) <= 255 or abs(zero - round(zero)) > 1e-9:
            raise ValueError(f"the zero point {zero} is not a whole number from 0 to 255")
        values = np.ascontiguousarray(self.values.transpose(axes))
        return Quantised(values, scalar(self.scale), round(zero))


@dataclass(frozen=True, slots=True)
class Model:
    """A TensorFlow.js model: what it computes, and its arrays by name."""

    topology: dict[str, Any]
    arrays: Mapping[str, Published]


def read_model(files: Mapping[str, bytes]) -> Model:
    """Read a model from the files of its folder, by name: `model.min.js` and its shards."""
    wrapped = object_literal(files["model.min.js"].decode())
    arrays: dict[str, Published] = {}
    for group in wrapped["weightsManifest"]:
        blob = b"".join(base64_literal(files[f"{path}.min.js"]) for path in group["paths"])
        arrays |= _cut(blob, group["weights"])
    return Model(wrapped["modelTopology"], arrays)


def object_literal(script: str) -> dict[str, Any]:
    """The object that a minified UMD module exports, read as JSON."""
    start = script.index(_EXPORTS + "{") + len(_EXPORTS)
    text = _TOKEN.sub(lambda match: _as_json(match.group()), script[start:])
    value, _ = json.JSONDecoder().raw_decode(text)
    return dict(value)


def base64_literal(script: bytes) -> bytes:
    """The bytes that a minified UMD module exports as one base64 string."""
    start = script.index(_EXPORTS.encode() + b'"') + len(_EXPORTS) + 1
    return base64.b64decode(script[start : script.index(b'"', start)], validate=True)


def _as_json(token: str) -> str:
    if token.startswith('"'):
        return token
    if token in _BOOLEANS:
        return _BOOLEANS[token]
    if token[0] in "-.":
        return token.replace(".", "0.", 1)
    return f'"{token}"'


def _cut(blob: bytes, entries: list[dict[str, Any]]) -> dict[str, Published]:
    arrays, offset = {}, 0
    for entry in entries:
        stored = entry["quantization"]
        if stored["dtype"] != "uint8":
            raise ValueError(f"{entry['name']} is stored as {stored['dtype']}, not as uint8")
        size = int(np.prod(entry["shape"]))
        values = np.frombuffer(blob, np.uint8, size, offset).reshape(entry["shape"])
        arrays[entry["name"]] = Published(values, stored["scale"], stored["min"])
        offset += size
    if offset != len(blob):
        raise ValueError(f"the manifest covers {offset} of {len(blob)} bytes of weights")
    return arrays
