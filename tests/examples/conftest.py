"""What is uploaded, the policies that judge it, and the examples as modules."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from figleaf.serve.rules import ServeRules
from figleaf.serve.server import running

EXAMPLES = Path(__file__).parents[2] / "examples" / "uploads"

_POLICY = """
format = 1
name = "{name}"
version = 1
description = "Every picture, whatever it scores."
unreadable = "allow"

[sums.unsafe]
classes = ["hentai", "porn", "sexy"]
{name} = 0.0
"""


@pytest.fixture(scope="session", autouse=True)
def on_the_path() -> Iterator[None]:
    """The examples are modules of no package, as those are who copy them."""
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))


@pytest.fixture(params=["allow", "review", "block"])
def decision(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def policy(decision: str, tmp_path: Path) -> str | Path:
    """One that gives the decision to a safe photo. What cannot be read it would let in."""
    if decision == "allow":
        return "balanced"
    path = tmp_path / f"{decision}.toml"
    path.write_text(_POLICY.format(name=decision), "utf-8")
    return path


@pytest.fixture(scope="session")
def broken(photo: Path) -> bytes:
    """Half of a photo: a name and a beginning like a picture's, and no picture."""
    data = photo.read_bytes()
    return data[: len(data) // 2]


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port of this machine that is taken, and that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """Where `figleaf serve` is."""
    with running(ServeRules(models=("mobilenet_v2",), port=0)) as server:
        yield server.url
