"""A real server on a real socket, and a real client."""

from collections.abc import Iterator

import httpx2
import pytest

from figleaf.serve.rules import ServeRules
from figleaf.serve.server import Running, running
from figleaf.sources.fetching.fetched import FetchRules

MODEL = "mobilenet_v2"


def rules_for(**changes: object) -> ServeRules:
    """Of a small server: one process that decodes, one thread that runs the smallest model."""
    kept: dict[str, object] = {"port": 0, "models": (MODEL,), "workers": 1, "threads": 1}
    return ServeRules(**{**kept, **changes})  # type: ignore[arg-type]


def loopback_fetch(**changes: object) -> FetchRules:
    """How the servers that tests start may be fetched from."""
    kept: dict[str, object] = {"retries": 0, "robots": False, "no_ai": False, "deadline": 5.0}
    return FetchRules(**{**kept, "allow_loopback": True, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    with running(rules_for(models=(MODEL, "resnet50_thin"))) as started:
        yield started


@pytest.fixture
def client(server: Running) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=30) as opened:
        yield opened
