"""The files of a TensorFlow.js graph model: `model.json` and shards of weights.

https://github.com/tensorflow/tfjs/blob/master/tfjs-converter/README.md, "Format".
"""

import json
from typing import Any

from figleaf._version import __version__
from figleaf.export.tfjs.convert import INPUT, OUTPUT
from figleaf.export.tfjs.graphdef import GraphDef, shape_of

TOPOLOGY = "model.json"
SHARD = 4 * 1024 * 1024
"""Bytes of a shard: what browsers' caches take, as TensorFlow.js' own converter has it."""


def model_files(graph: GraphDef, size: tuple[int, int], classes: int) -> dict[str, bytes]:
    """The files by name, `model.json` first: the same bytes for the same graph.

    Args:
        graph: with the input and the output that `convert` gives it.
        size: (height, width) of the input.
        classes: how many probabilities there are.
    """
    blob = b"".join(graph.blobs)
    shards = [blob[i : i + SHARD] for i in range(0, len(blob), SHARD)]
    names = [f"group1-shard{n}of{len(shards)}.bin" for n in range(1, len(shards) + 1)]
    signature = _signature(size, classes)
    model: dict[str, Any] = {
        "format": "graph-model",
        "generatedBy": f"figleaf {__version__}",
        "convertedBy": f"figleaf {__version__}",
        "signature": signature,
        # Where older releases of TensorFlow.js look for it.
        "userDefinedMetadata": {"signature": signature},
        "modelTopology": {"node": graph.nodes, "library": {}, "versions": {"producer": 1}},
        "weightsManifest": [{"paths": names, "weights": graph.weights}],
    }
    text = json.dumps(model, separators=(",", ":"))
    return {TOPOLOGY: text.encode(), **dict(zip(names, shards, strict=True))}


def _signature(size: tuple[int, int], classes: int) -> dict[str, Any]:
    def entry(name: str, *sides: int) -> dict[str, Any]:
        shape = shape_of((-1, *sides))
        return {"name": f"{name}:0", "dtype": "DT_FLOAT", "tensorShape": shape}

    return {
        "inputs": {INPUT: entry(INPUT, *size, 3)},
        "outputs": {OUTPUT: entry(OUTPUT, classes)},
    }
