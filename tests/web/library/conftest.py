"""One site and one browser for all tests of figleaf-web."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright

from figleaf.errors import PageError
from figleaf.models.bundle import ZOO
from figleaf.web.assets import find_assets

from .asking import WEB
from .pages import Opened, launch
from .serving import ISOLATED, served


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the site has at /made/."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture(scope="session")
def folders(made: Path) -> dict[str, Path]:
    try:
        runtime = find_assets().runtime
    except PageError as error:
        pytest.skip(str(error))
    return {"figleaf": WEB / "src", "ort": runtime, "models": ZOO, "made": made}


@pytest.fixture(scope="session")
def site(folders: dict[str, Path]) -> Iterator[str]:
    """A site whose pages are cross-origin isolated, under a strict policy."""
    with served(folders, ISOLATED) as url:
        yield url


@pytest.fixture(scope="session")
def plain_site(folders: dict[str, Path]) -> Iterator[str]:
    """The same from a server that sends no such headers."""
    with served(folders, {}) as url:
        yield url


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launch(playwright.chromium) as one:
        yield one


@pytest.fixture
def opened(browser: Browser, site: str) -> Iterator[Opened]:
    with Opened(browser, site) as one:
        yield one
        assert one.complaints == []
        assert all(url.startswith((site, "blob:", "data:")) for url in one.requests)
