"""TensorFlow.js and NSFW JS, asked in Node; tests that do are skipped where it is not there."""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SCRIPT = Path(__file__).with_name("peer.mjs")
NODE = os.environ.get("FIGLEAF_NODE", "")
needs_node = pytest.mark.skipif(
    not NODE, reason="FIGLEAF_NODE names no folder with @tensorflow/tfjs and nsfwjs"
)


def ask(what: str, **request: Any) -> Any:
    """What peer.mjs answers."""
    done = subprocess.run(
        ["node", str(SCRIPT), NODE],
        input=json.dumps({"what": what, **request}),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def told(array: NDArray[Any]) -> dict[str, Any]:
    """An array as peer.mjs reads it: uint8 for pictures, float32 for others."""
    return {"shape": list(array.shape), "data": base64.b64encode(array.tobytes()).decode()}


def read(answer: dict[str, Any]) -> NDArray[np.float32]:
    """An array as peer.mjs tells it."""
    data = np.frombuffer(base64.b64decode(answer["data"]), np.float32)
    return data.reshape(answer["shape"])


def package(model: str) -> Path:
    """The folder of one of NSFW JS's own models."""
    return Path(NODE) / "node_modules/nsfwjs/dist/models" / model
