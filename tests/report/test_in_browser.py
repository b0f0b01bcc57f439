"""The page in a real browser: nothing leaves, nothing is revealed before a click."""

import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import figleaf
from figleaf.labels import Language
from figleaf.report.dataset_page import dataset_page
from figleaf.report.texts import LANGUAGES, Words

from .browser import Browser, require_chromium
from .datasets import HEIGHT, WIDTH, data_set, split

FOLDER = "a b#c?d%e '옷"
ORIGINALS = "[...document.querySelectorAll('.original')]"
SCROLLED = (
    "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth)"
    ".map(one => one.innerText)"
)
PRESSED = "document.querySelectorAll('[aria-pressed=true]').length"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Language, Path]:
    """Pages in both languages beside a data set whose folder has a name that is hard to link."""
    require_chromium()
    root = tmp_path_factory.mktemp("browser")
    found = figleaf.stats(data_set(root / FOLDER))
    made: dict[Language, Path] = {}
    for language in LANGUAGES:
        made[language] = root / f"stats.{language}.html"
        page = dataset_page(found, Words(language), beside=root, samples=3)
        made[language].write_text(page, "utf-8")
    return made


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as started:
        yield started


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_click_reveals_the_local_file_and_another_hides_it(
    browser: Browser, pages: dict[Language, Path], language: Language
) -> None:
    url = pages[language].as_uri()
    browser.open(url)
    assert browser.requests == [url]
    assert browser.evaluate(ORIGINALS) == []
    assert browser.evaluate("document.documentElement.lang") == language

    browser.click("button[data-file]")
    browser.until(f"{ORIGINALS}.length === 1 && {ORIGINALS}[0].complete")
    size = browser.evaluate(f"(one => [one.naturalWidth, one.naturalHeight])({ORIGINALS}[0])")
    assert size == [WIDTH, HEIGHT]
    shown = browser.evaluate(f"{ORIGINALS}[0].src")
    name = browser.evaluate("document.querySelector('.tile code').textContent")
    assert name in shown
    assert browser.requests == [url, shown]
    assert browser.evaluate(PRESSED) == 1

    browser.click("button[data-file]")
    assert browser.evaluate(ORIGINALS) == []
    assert browser.evaluate(PRESSED) == 0
    assert browser.complaints == []


def test_every_sample_is_found(browser: Browser, pages: dict[Language, Path]) -> None:
    browser.open(pages["en"].as_uri())
    browser.evaluate("document.querySelectorAll('button[data-file]').forEach(one => one.click())")
    browser.until(f"{ORIGINALS}.every(one => one.complete && one.naturalWidth === {WIDTH})")
    buttons = browser.evaluate("document.querySelectorAll('button[data-file]').length")
    assert browser.evaluate(PRESSED) == buttons > 10
    browser.press("Escape")
    assert browser.evaluate(ORIGINALS) == []
    assert browser.evaluate(PRESSED) == 0
    assert browser.complaints == []


def test_the_keyboard_reveals_too(browser: Browser, pages: dict[Language, Path]) -> None:
    browser.open(pages["en"].as_uri())
    browser.evaluate("document.querySelector('button[data-file]').focus()")
    assert browser.evaluate(ORIGINALS) == []
    browser.press("Enter")
    browser.until(f"{ORIGINALS}.length === 1 && {ORIGINALS}[0].naturalWidth === {WIDTH}")


def test_pointing_and_printing_reveal_nothing(
    browser: Browser, pages: dict[Language, Path]
) -> None:
    url = pages["en"].as_uri()
    browser.open(url)
    browser.point("button[data-file]")
    assert browser.evaluate(ORIGINALS) == []
    browser.click("button[data-file]")
    browser.until(f"{ORIGINALS}.length === 1")
    assert browser.print().startswith(b"%PDF")
    assert browser.evaluate(ORIGINALS) == []


def test_what_is_revealed_is_grey_until_that_is_switched_off(
    browser: Browser, pages: dict[Language, Path]
) -> None:
    browser.open(pages["ko"].as_uri())
    browser.click("button[data-file]")
    browser.until(f"{ORIGINALS}.length === 1")
    colour = f"getComputedStyle({ORIGINALS}[0]).filter"
    assert browser.evaluate(colour) == "grayscale(1)"
    browser.click("#grey")
    assert browser.evaluate(colour) == "none"


def test_a_file_that_is_gone_is_told(browser: Browser, tmp_path: Path) -> None:
    folder = data_set(tmp_path / "set", ["neutral"], 1, aside=False)
    page = tmp_path / "page.html"
    made = dataset_page(figleaf.stats(folder), Words("en"), beside=tmp_path)
    page.write_text(made, "utf-8")
    (file,) = (folder / "images").rglob("*.png")
    file.unlink()
    browser.open(page.as_uri())
    browser.click("button[data-file]")
    browser.until("document.querySelector('.failed') !== null")
    text = browser.evaluate("document.querySelector('.failed').textContent")
    assert text == "The file cannot be shown: moved, removed or damaged."
    assert browser.evaluate(ORIGINALS) == []
    browser.click("button[data-file]")
    assert browser.evaluate("document.querySelector('.failed')") is None


def test_the_policy_stops_what_would_leave(browser: Browser, pages: dict[Language, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as host:
        host.settimeout(0.5)
        target = f"http://127.0.0.1:{host.getsockname()[1]}/x.png"
        browser.open(pages["en"].as_uri())
        browser.evaluate(
            "new Promise(done => { const image = new Image(); image.onerror = done;"
            f" image.src = '{target}'; document.body.append(image); }}).then(() => null)"
        )
        stopped = f"fetch('{target}').then(() => 'answered', () => 'stopped')"
        assert browser.evaluate(stopped) == "stopped"
        with pytest.raises(TimeoutError):
            host.accept()
    assert len([one for one in browser.complaints if "Content Security Policy" in one]) >= 2


@pytest.mark.parametrize("width", [1000, 1130, 1200, 1280])
def test_the_tables_of_a_data_set_that_is_split_have_room(tmp_path: Path, width: int) -> None:
    require_chromium()
    folder = data_set(tmp_path / "set", ["drawings", "neutral", "a class of its own"])
    split(folder)
    found = figleaf.stats(folder)
    for language in LANGUAGES:
        page = tmp_path / f"{language}.html"
        page.write_text(dataset_page(found, Words(language), beside=tmp_path, samples=0), "utf-8")
        with Browser(width=width) as browser:
            browser.open(page.as_uri())
            assert browser.evaluate(SCROLLED) == []


@pytest.mark.parametrize(
    ("language", "width", "dark"),
    [("en", 1280, False), ("en", 400, True), ("ko", 1280, True), ("ko", 400, False)],
)
def test_nothing_is_wider_than_the_window(
    pages: dict[Language, Path], language: Language, width: int, dark: bool, tmp_path: Path
) -> None:
    with Browser(width=width, dark=dark) as browser:
        browser.open(pages[language].as_uri())
        assert browser.evaluate("document.documentElement.scrollWidth") == width
        browser.screenshot(tmp_path / "page.png")
        assert browser.complaints == []
    shot = Image.open(io.BytesIO((tmp_path / "page.png").read_bytes())).convert("L")
    assert shot.width == width
    # The corner is paper.
    low, high = shot.crop((0, 0, 9, 9)).getextrema()
    assert low == high
    assert (low == 255) is not dark
