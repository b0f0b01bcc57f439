"""An isolated pool that does what it is told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from figleaf.images.isolate import IsolatedPool

from .workers import Obey


@pytest.fixture
def obey(monkeypatch: pytest.MonkeyPatch) -> Obey:
    """A function that does what the bytes say; workers get our sys.path."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    function: Obey = __import__("misbehaviour").obey
    return function


@pytest.fixture
def pool(obey: Obey) -> Iterator[IsolatedPool[Any]]:
    with IsolatedPool(obey, workers=1, deadline=1.0) as isolated:
        yield isolated
