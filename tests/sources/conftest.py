"""A server that misbehaves, with one file that is no trouble."""

from collections.abc import Iterator

import pytest

from .server import MisbehavingServer

BODY = bytes(range(256)) * 400


@pytest.fixture
def server() -> Iterator[MisbehavingServer]:
    """Serves /a.jpg, about 100 KB that are no picture, and everything else that it does."""
    with MisbehavingServer({"/a.jpg": BODY}) as running:
        yield running
