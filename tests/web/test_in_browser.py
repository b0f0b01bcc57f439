"""The page as it is served and as it is exported, in Chromium; and the small page in its place."""

import base64
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright

import figleaf
from figleaf.errors import PageError
from figleaf.serve.keys import new_key
from figleaf.serve.server import running
from figleaf.serve.service import Surroundings
from figleaf.web.assets import Assets, find_assets

from ..report.browser import require_chromium
from ..serve.conftest import MODEL, rules_for

CLASSIFY = """async (base64) => {
    const here = (path) => new URL(path, document.baseURI).href;
    const { load } = await import(here("figleaf/index.js"));
    const model = await load(here("models/mobilenet_v2/"), { ort: here("ort/"), backend: "wasm" });
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const scores = await model.scores(new Blob([bytes]));
    return { scores, threads: model.threads, isolated: crossOriginIsolated };
}"""


def without_page() -> Assets:
    raise PageError("figleaf was installed without its page")


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    program = require_chromium()
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    started = playwright.chromium.launch(executable_path=program, args=flags)
    yield started
    started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB")
    yield context.new_page()
    context.close()


@pytest.fixture
def whole() -> None:
    try:
        find_assets()
    except PageError as error:
        pytest.skip(str(error))


@contextmanager
def hosted(folder: Path) -> Iterator[str]:
    """A folder on a plain web server, which sends no header of its own."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        pass


def watched(page: Page) -> tuple[list[str], list[str]]:
    """What the page asks for, and what the browser complains of, from now on."""
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return asked, said


def classified(page: Page, photo: Path, classifier: figleaf.Classifier) -> dict[str, Any]:
    """What the browser says of a photo; its scores are Python's."""
    found: dict[str, Any] = page.evaluate(CLASSIFY, base64.b64encode(photo.read_bytes()).decode())
    expected = classifier.classify(photo).scores
    assert expected is not None
    assert found["scores"] == pytest.approx(expected, abs=2e-3)
    return found


@pytest.mark.usefixtures("whole")
def test_served_it_is_isolated_and_gives_the_same_scores(
    page: Page, photo: Path, classifier: figleaf.Classifier
) -> None:
    asked, said = watched(page)
    with running(rules_for()) as server:
        page.goto(server.url)
        found = classified(page, photo, classifier)
        assert found["isolated"]
        assert (found["threads"] > 1) == (page.evaluate("navigator.hardwareConcurrency") > 1)
        assert all(url.startswith((server.url, "blob:")) for url in asked)
        assert said == []
        page.goto("about:blank")


@pytest.mark.usefixtures("whole")
def test_exported_it_works_in_a_folder_of_a_plain_server(
    page: Page, photo: Path, classifier: figleaf.Classifier, tmp_path: Path
) -> None:
    figleaf.export_web(tmp_path / "deep" / "site", MODEL)
    asked, said = watched(page)
    with hosted(tmp_path) as url:
        page.goto(f"{url}deep/site/")
        found = classified(page, photo, classifier)
        assert found["threads"] == 1
        assert all(one.startswith((f"{url}deep/site/", "blob:")) for one in asked)
        assert said == []
        page.goto("about:blank")


def test_the_small_page_shows_what_the_server_says(page: Page, photo: Path) -> None:
    _, said = watched(page)
    with running(rules_for(), Surroundings(assets=without_page)) as server:
        page.goto(server.url)
        page.get_by_text("installed without the page").wait_for()
        page.get_by_label("Pictures").set_input_files([photo, Path(__file__)])
        page.get_by_role("button", name="Classify").click()
        page.get_by_text("2 classified").wait_for()
        first, second = page.locator("#results > li").all_inner_texts()
        assert first.startswith("astronaut.png: allow")
        assert "neutral" in first
        assert "93." in first
        assert "test_in_browser.py: review" in second
        assert "not_an_image" in second
        assert said == []


def test_the_small_page_asks_for_a_key(page: Page, photo: Path, tmp_path: Path) -> None:
    key, digest = new_key()
    (tmp_path / "keys.toml").write_text(f'[keys.a]\nsha256 = "{digest}"\n')
    rules = rules_for(keys=tmp_path / "keys.toml")
    with running(rules, Surroundings(assets=without_page)) as server:
        page.goto(server.url)
        page.get_by_label("Pictures").set_input_files([photo])
        page.get_by_role("button", name="Classify").click()
        page.get_by_text("wants an API key").wait_for()
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Classify").click()
        page.get_by_text("1 classified").wait_for()
        assert page.locator("#results > li").count() == 1


@pytest.mark.parametrize(("locale", "word"), [("en-GB", "Classify"), ("ko-KR", "분류하기")])
def test_nothing_keeps_people_out_of_the_small_page(
    browser: Browser, locale: str, word: str
) -> None:
    axe = os.environ.get("FIGLEAF_AXE")
    if axe is None:
        pytest.skip("needs FIGLEAF_AXE")
    context = browser.new_context(locale=locale, bypass_csp=True)
    page = context.new_page()
    with running(rules_for(), Surroundings(assets=without_page)) as server:
        page.goto(server.url)
        page.get_by_role("button", name=word).wait_for()
        page.add_script_tag(path=axe)
        found = page.evaluate("axe.run().then((done) => done.violations)")
        assert [violation["id"] for violation in found] == []
    context.close()
