"""Questions to figleaf-web in Node, answered by web/tests/answers.mjs."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

WEB = Path(__file__).parents[3] / "web"


def require_node() -> str:
    """The path of Node; the test is skipped where there is none."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("needs node on PATH: Node.js 20 or later")
    return found


def ask(questions: Iterable[dict[str, Any]]) -> list[Any]:
    """The answers to all questions, in order."""
    lines = "".join(json.dumps(one) + "\n" for one in questions)
    command = [require_node(), str(WEB / "tests/answers.mjs")]
    done = subprocess.run(
        command, input=lines, capture_output=True, text=True, timeout=120, check=False
    )
    assert not done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def packed(pixels: NDArray[np.uint8]) -> dict[str, Any]:
    """A picture of shape (height, width, channels), for a question."""
    height, width, channels = pixels.shape
    data = base64.b64encode(pixels.tobytes()).decode()
    return {"data": data, "width": width, "height": height, "channels": channels}


def floats(answer: str, *shape: int) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(answer), np.float32).reshape(shape)


def uint8s(answer: str, *shape: int) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(answer), np.uint8).reshape(shape)
