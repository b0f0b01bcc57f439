"""The report of a run in Chromium by Playwright: moved, revealed, read by axe, nothing fetched.

axe-core is read from the file that FIGLEAF_AXE names (`npm pack axe-core`, package/axe.min.js).
"""

import os
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from figleaf.classify.policy import parse_policy
from figleaf.labels import Language
from figleaf.metrics.intervals import wilson
from figleaf.metrics.thresholds import at, per_ten_thousand
from figleaf.report.evaluation_tables import share
from figleaf.report.run_explorer import STEPS
from figleaf.report.run_facts import RunFacts
from figleaf.report.run_page import run_page
from figleaf.report.texts import LANGUAGES, Words

from .browser import require_chromium
from .run_samples import run_facts

LOADED = "document.querySelector('.original')?.naturalWidth === 72"
HOSTILE = 'a "b" \\ <옷>'
SPILLED = (
    "[...document.querySelectorAll('table:not(.bars) :is(th, td)')]"
    ".filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
)
"""Cells whose text runs into the next one."""
DATA = ("recall", "fpr", "precision", "caught", "missed", "alarms", "passed", "expected")
Url = dict[Language, str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = require_chromium()
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=flags)
        yield started
        started.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run #1 '옷")


@pytest.fixture(scope="module")
def facts(root: Path) -> RunFacts:
    return run_facts(root)


@pytest.fixture(scope="module")
def pages(facts: RunFacts, root: Path) -> Url:
    return {language: written(facts, root, language) for language in LANGUAGES}


def written(facts: RunFacts, root: Path, language: Language) -> str:
    file = root / f"report.{language}" / "report.html"
    file.parent.mkdir()
    file.write_text(run_page(facts, Words(language), beside=file.parent), "utf-8")
    return file.as_uri()


class Opened:
    """A page that is watched: what it asked for, and what it complained of."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._context = browser.new_context(**context)
        self.page = self._context.new_page()
        self.page.on("request", lambda one: self._asked(one.url))
        self.page.on("console", lambda one: self.complaints.append(one.text))
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))
        self.page.goto(url)

    def _asked(self, url: str) -> None:
        if not url.startswith("data:"):
            self.requests.append(url)

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()


@pytest.fixture
def opened(browser: Browser, pages: Url) -> Iterator[Opened]:
    with Opened(browser, pages["en"]) as one:
        yield one


def until(page: Page, expression: str) -> None:
    """Wait until a JavaScript expression is true; the page's policy forbids Playwright's own way,
    which evaluates text."""
    deadline = time.monotonic() + 20
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(20)


def shown(page: Page) -> dict[str, float]:
    """The explorer's figures, as the page has computed them."""
    values = {name: page.eval_on_selector(f"#x-{name}", "one => one.value") for name in DATA}
    return {name: float(value) if value else float("nan") for name, value in values.items()}


def expected(facts: RunFacts, threshold: float, target: str, rate: float) -> dict[str, float]:
    """The same in Python, from the scores themselves."""
    one = facts.evaluation
    ok = one.scored.ok
    labels = [label for label, read in zip(one.data.labels, ok, strict=True) if read]
    if target == "unsafe":
        assert one.scored.unsafe is not None
        scores = one.scored.unsafe[ok].tolist()
        truth = [label in ("hentai", "porn", "sexy") for label in labels]
    else:
        scores = one.scored.probabilities[ok][:, one.scored.classes.index(target)].tolist()
        truth = [label == target for label in labels]
    found = at(truth, scores, threshold)
    of = per_ten_thousand(found.recall, found.false_positive_rate, rate)
    return {
        "recall": found.recall,
        "fpr": found.false_positive_rate,
        "precision": found.precision,
        "caught": of.caught,
        "missed": of.missed,
        "alarms": of.false_alarms,
        "passed": of.passed,
        "expected": of.precision,
    }


def written_count(value: float) -> str:
    few = value < 100 and not value.is_integer()
    return f"{value:.1f}" if few else f"{round(value):,}"


def test_the_explorer_says_what_the_metrics_say(opened: Opened, facts: RunFacts) -> None:
    page = opened.page
    assert shown(page) == pytest.approx(expected(facts, 0.5, "unsafe", 0.01), nan_ok=True)
    for target in ("unsafe", "drawings", "porn"):
        page.select_option("#x-target", label=target)
        for threshold, rate in ((0.0, 0.5), (0.037, 0.001), (0.333, 0.2), (0.9, 0.01), (1.0, 1)):
            page.fill("#x-number", str(threshold))
            page.press("#x-number", "Enter")
            page.fill("#x-base", str(100 * rate))
            found = expected(facts, threshold, target, rate)
            assert shown(page) == pytest.approx(found, nan_ok=True), (target, threshold, rate)
            assert page.inner_text("#x-alarms") == written_count(found["alarms"])
    assert opened.complaints == []


def test_halves_are_rounded_as_in_the_tables(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("halves")
    own = run_facts(root, {"one": 32, "other": 32})
    with Opened(browser, written(own, root, "en")) as one:
        page = one.page
        halves = set()
        for target in ("one", "other"):
            page.select_option("#x-target", label=target)
            for step in range(0, STEPS + 1, 20):
                found = expected(own, step / STEPS, target, 0.01)
                page.fill("#x-number", str(step / STEPS))
                page.press("#x-number", "Enter")
                if found["recall"] >= 0.1:
                    assert page.inner_text("#x-recall") == share(found["recall"])
                    assert page.inner_text("#x-caught") == written_count(found["caught"])
                halves |= {found["recall"]} & {5 / 16, 9 / 16, 13 / 16}
        assert halves  # 31.25, 56.25 or 81.25, which JavaScript alone would round up


def test_the_intervals_are_wilsons(opened: Opened, facts: RunFacts) -> None:
    page = opened.page
    safety = facts.evaluation.safety
    assert safety is not None
    recall = expected(facts, 0.5, "unsafe", 0.01)["recall"]
    hits = round(recall * safety.unsafe)
    found = wilson(hits, safety.unsafe)
    told = f"({100 * found.low:.1f}-{100 * found.high:.1f}) {hits} of {safety.unsafe}"
    assert page.inner_text("#x-recall-of") == told


def test_the_keyboard_moves_the_threshold(opened: Opened, facts: RunFacts) -> None:
    page = opened.page
    page.focus("#x-threshold")
    steps = {"ArrowRight": 0.001, "ArrowLeft": -0.001, "PageUp": 0.1, "PageDown": -0.1}
    value = 0.5
    for key in ("ArrowRight", "ArrowRight", "PageUp", "ArrowLeft", "PageDown", "PageDown"):
        page.keyboard.press(key)
        value += steps[key]
        assert page.input_value("#x-number") == f"{value:.3f}"
    assert shown(page) == pytest.approx(expected(facts, round(value, 3), "unsafe", 0.01))
    page.keyboard.press("End")
    assert page.input_value("#x-number") == "1.000"
    text = page.get_attribute("#x-threshold", "aria-valuetext")
    assert text is not None
    assert "Threshold 1.000: recall" in text


def test_the_mouse_moves_the_threshold(opened: Opened, facts: RunFacts) -> None:
    page = opened.page
    page.locator("#x-threshold").scroll_into_view_if_needed()
    box = page.locator("#x-threshold").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], middle)
    page.mouse.up()
    value = float(page.input_value("#x-number"))
    assert 0.77 < value < 0.83
    assert shown(page) == pytest.approx(expected(facts, value, "unsafe", 0.01))


def test_aims_are_reached(opened: Opened, facts: RunFacts) -> None:
    page = opened.page
    every = [n / STEPS for n in range(STEPS + 1)]
    page.select_option("#x-go", "fpr 0.05")
    value = float(page.input_value("#x-number"))
    rates = {one: expected(facts, one, "unsafe", 0.01)["fpr"] for one in every[::5]}
    assert expected(facts, value, "unsafe", 0.01)["fpr"] <= 0.05
    assert all(rate > 0.05 for one, rate in rates.items() if one < value)
    page.select_option("#x-go", "recall 0.9")
    value = float(page.input_value("#x-number"))
    assert expected(facts, value, "unsafe", 0.01)["recall"] >= 0.9
    assert expected(facts, value + 1 / STEPS, "unsafe", 0.01)["recall"] < 0.9
    assert page.input_value("#x-go") == ""


def test_a_link_keeps_the_setting(opened: Opened, browser: Browser, facts: RunFacts) -> None:
    page = opened.page
    page.select_option("#x-target", label="sexy")
    page.fill("#x-base", "2.5")
    page.select_option("#x-as", "block")
    page.fill("#x-number", "0.612")
    page.press("#x-number", "Enter")
    until(page, "location.hash.includes('0.612')")
    assert page.inner_text("#x-said").startswith("Threshold 0.612: recall")
    with Opened(browser, page.url) as again:
        assert again.page.input_value("#x-number") == "0.612"
        assert again.page.input_value("#x-as") == "block"
        found = expected(facts, 0.612, "sexy", 0.025)
        assert shown(again.page) == pytest.approx(found, nan_ok=True)


@pytest.mark.parametrize("odd", ["threshold=x", "threshold=9&target=none&base=-1", "quality"])
def test_a_link_that_says_nothing_is_no_harm(browser: Browser, pages: Url, odd: str) -> None:
    with Opened(browser, f"{pages['en']}#{odd}") as one:
        assert one.page.input_value("#x-number") in ("0.000", "1.000", "0.500")
        assert one.complaints == []


@pytest.mark.parametrize("moved", ["review", "block"])
def test_the_lines_are_a_policy(opened: Opened, moved: str) -> None:
    page = opened.page
    page.select_option("#x-as", moved)
    for value in (0.3, 0.97):
        page.fill("#x-number", str(value))
        page.press("#x-number", "Enter")
        policy = parse_policy(tomllib.loads(page.inner_text("#x-policy")))
        unsafe = next(rule for rule in policy.rules if rule.name == "unsafe")
        assert getattr(unsafe, moved) == value
        assert unsafe.review is not None
        assert unsafe.block is not None
        assert unsafe.review <= unsafe.block
        assert {rule.name for rule in policy.rules} == {"unsafe", "explicit"}
    page.select_option("#x-target", label="sexy")
    policy = parse_policy(tomllib.loads(page.inner_text("#x-policy")))
    sexy = next(rule for rule in policy.rules if rule.name == "sexy")
    assert getattr(sexy, moved) == 0.97
    assert sexy.classes == {"sexy"}


def test_names_of_any_kind_can_be_in_a_policy(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("own")
    own = run_facts(root, {HOSTILE: 10, "neutral": 10})
    with Opened(browser, written(own, root, "ko")) as one:
        page = one.page
        page.select_option("#x-target", label=HOSTILE)
        policy = parse_policy(tomllib.loads(page.inner_text("#x-policy")))
        assert HOSTILE in {rule.name for rule in policy.rules}
        assert one.complaints == []


def test_the_lines_can_be_copied(browser: Browser, pages: Url) -> None:
    may = ["clipboard-read", "clipboard-write"]
    with Opened(browser, pages["ko"], permissions=may) as one:
        page = one.page
        page.click("#x-copy")
        until(page, "document.getElementById('x-copied').textContent")
        assert page.inner_text("#x-copied") == Words("ko")("explorer_copied")
        assert page.evaluate("navigator.clipboard.readText()") == page.text_content("#x-policy")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_click_reveals_and_escape_hides(
    browser: Browser, pages: Url, language: Language, root: Path
) -> None:
    with Opened(browser, pages[language]) as one:
        page = one.page
        assert one.requests == [pages[language]]
        for gallery in ("surest", "correct", "suspects", "outliers"):
            button = page.locator(f"ul[aria-labelledby=g-{gallery}] button.frame").first
            name = button.locator("xpath=../div/code").inner_text()
            assert page.locator(".original").count() == 0
            button.click()
            until(page, LOADED)
            assert button.get_attribute("aria-pressed") == "true"
            file = unquote(page.locator(".original").evaluate("one => one.src"))
            assert file.startswith(unquote(root.as_uri()) + "/data/images/")
            assert name in file
            page.keyboard.press("Escape")
            assert page.locator(".original").count() == 0
            assert button.get_attribute("aria-pressed") == "false"
        assert len(one.requests) > 3  # a picture may be in two galleries
        assert all(url.startswith("file:") for url in one.requests)
        assert one.complaints == []


def test_the_keyboard_reveals(opened: Opened) -> None:
    page = opened.page
    page.focus("#grey")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(page, LOADED)
    assert page.evaluate("getComputedStyle(document.querySelector('.original')).filter") == (
        "grayscale(1)"
    )


def test_without_scripts_there_is_a_table(browser: Browser, pages: Url, facts: RunFacts) -> None:
    with Opened(browser, pages["en"], java_script_enabled=False) as one:
        page = one.page
        assert page.locator("#explorer-tool").is_hidden()
        table = page.locator("noscript table")
        assert table.is_visible()
        row = table.locator("tbody tr").nth(2)
        found = expected(facts, 0.5, "unsafe", 0.01)
        assert row.locator("td").all_inner_texts()[:2] == ["0.500", f"{100 * found['recall']:.1f}%"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(browser: Browser, pages: Url, language: Language, width: int) -> None:
    axe = os.environ.get("FIGLEAF_AXE")
    if not axe:
        pytest.skip("needs FIGLEAF_AXE: axe.min.js of the npm package axe-core")
    with Opened(browser, pages[language], viewport={"width": width, "height": 900}) as one:
        page = one.page
        page.evaluate(Path(axe).read_text("utf-8"))
        # Colours are all that the scheme changes.
        for scheme, rules in (("light", ""), ("dark", ", runOnly: ['color-contrast']")):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            found = page.evaluate(f"axe.run({{resultTypes: ['violations']{rules}}})")
            assert len(found["passes"]) > (20 if scheme == "light" else 0)
            told = [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]]
            assert told == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_nothing_is_wider_than_the_window(
    browser: Browser, pages: Url, language: Language, width: int
) -> None:
    with Opened(browser, pages[language], viewport={"width": width, "height": 900}) as one:
        assert one.page.evaluate("document.documentElement.scrollWidth") == width
        assert one.page.evaluate(SPILLED) == []
        for scheme in ("light", "dark"):
            one.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            paper = one.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
        assert one.complaints == []
