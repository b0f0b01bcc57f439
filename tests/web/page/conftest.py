"""One server and one browser for all tests of the page."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect

from figleaf.errors import PageError
from figleaf.serve.rules import ServeRules
from figleaf.serve.server import running
from figleaf.web.assets import find_assets

from .opened import PATIENCE, Opened, launch

PAGE = Path(__file__).parents[3] / "web" / "page"
MODELS = ("mobilenet_v2", "resnet50_thin")


@pytest.fixture(scope="session")
def assets() -> None:
    try:
        find_assets()
    except PageError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def server(assets: None) -> Iterator[str]:
    with running(ServeRules(port=0, models=MODELS)) as one:
        yield one.url


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    started = launch(playwright.chromium)
    yield started
    started.close()


@pytest.fixture
def opened(browser: Browser, server: str) -> Iterator[Opened]:
    """The page with its model, after which nothing is left to complain of and nothing was sent."""
    with Opened(browser, server) as one:
        one.ready()
        yield one
        assert one.complaints == []
        assert one.sent() == []
        assert all(each.url.startswith((server, "blob:")) for each in one.requests)


@pytest.fixture(scope="session")
def words() -> dict[str, list[str]]:
    """What the page says, by key: in English, in Korean."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    script = (
        f"import('{(PAGE / 'words.js').as_uri()}').then(m => console.log(JSON.stringify(m.WORDS)))"
    )
    told = subprocess.run([node, "-e", script], check=True, capture_output=True, timeout=60)
    found: dict[str, list[str]] = json.loads(told.stdout)
    return found
