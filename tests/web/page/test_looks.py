"""Usable by everybody: axe, both languages, narrow windows, light and dark, large targets."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from figleaf.labels import LABELS

from ...images.films import animation
from .opened import Opened

PAGE = Path(__file__).parents[3] / "web" / "page"
LANGUAGES = {"en": "en-US", "ko": "ko-KR"}
HANGUL = re.compile("[가-힣]")

SMALL = """() => [...document.querySelectorAll("button, select, input, summary, [role=slider]")]
  .filter((one) => one.checkVisibility() && !one.classList.contains("unseen"))
  .map((one) => [one.id || one.className.baseVal || one.className || one.outerHTML,
                 (one.closest("label") ?? one).getBoundingClientRect()])
  .filter(([, box]) => Math.min(box.width, box.height) < 43.5)
  .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""


def filled(one: Opened, pictures: Path) -> None:
    """Of everything something: results, a film, a failure, the camera, what unfolds."""
    gif = animation(["red", "green"], "GIF")
    one.choose(
        {"name": "a.gif", "mimeType": "image/gif", "buffer": gif},
        {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": b"<html>"},
        {
            "name": "c.jpg",
            "mimeType": "image/jpeg",
            "buffer": (pictures / "rocket.jpg").read_bytes(),
        },
    )
    one.judged(3)
    one.press("camera-open")
    expect(one.at("camera-bars").locator("li")).to_have_count(5)
    one.page.locator(".card [aria-expanded]").last.click()
    one.page.evaluate(
        """() => {
          for (const each of document.querySelectorAll("details")) each.open = true;
          document.getElementById("update").hidden = false;
        }"""
    )


@pytest.fixture(
    scope="module", params=[(lang, width) for lang in LANGUAGES for width in (1440, 390)]
)
def shown(
    request: pytest.FixtureRequest, browser: Browser, server: str, pictures: Path
) -> Iterator[Opened]:
    language, width = request.param
    size = {"width": width, "height": 844 if width == 390 else 900}
    with Opened(browser, server, locale=LANGUAGES[language], viewport=size) as one:
        filled(one, pictures)
        yield one
        assert one.complaints == []


def test_axe_finds_nothing(shown: Opened) -> None:
    axe = os.environ.get("FIGLEAF_AXE")
    if not axe:
        pytest.skip("needs FIGLEAF_AXE: axe.min.js of the npm package axe-core")
    page = shown.page
    page.evaluate(Path(axe).read_text("utf-8"))
    for scheme in ("light", "dark"):
        shown.at("theme").select_option(scheme)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")
        assert len(found["passes"]) > 20
        assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []


def test_nothing_is_wider_than_the_window_and_targets_are_large(shown: Opened) -> None:
    width = shown.page.evaluate("innerWidth")
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.page.evaluate(SMALL) == []
    shown.page.set_viewport_size({"width": 320, "height": 700})
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 320
    shown.page.set_viewport_size({"width": width, "height": 844})


def test_the_language_is_the_browsers_until_another_is_chosen(shown: Opened) -> None:
    first = shown.page.evaluate("document.documentElement.lang")
    assert first == shown.page.evaluate("navigator.language.slice(0, 2)")
    other = {"en": "ko", "ko": "en"}[first]
    shown.at("language").select_option(other)
    expect(shown.page.locator("html")).to_have_attribute("lang", other)
    # The results are written anew with the next frame.
    expect(shown.page.locator(".card .badge").first).to_have_text(
        {"en": re.compile("^[A-Z]"), "ko": HANGUL}[other]
    )
    texts = shown.page.locator("button, h2, label, .reason, .badge, .note:not(:empty)")
    for text in [one for one in texts.all_inner_texts() if re.search("[a-z]{3}", one)]:
        if other == "en":
            assert not HANGUL.search(
                text.replace("한국어", "").replace("방송미디어통신심의위원회", "")
            )
    shown.at("language").select_option(first)
    expect(shown.page.locator("html")).to_have_attribute("lang", first)


def test_light_and_dark_by_the_system_or_by_choice(shown: Opened) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(255, 255, 255)", "rgb(20, 23, 26)"
    shown.at("theme").select_option("auto")
    for scheme, colour in (("light", light), ("dark", dark)):
        shown.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert shown.page.evaluate(paper) == colour
    shown.at("theme").select_option("light")
    assert shown.page.evaluate(paper) == light
    shown.page.emulate_media(color_scheme="light")
    shown.at("theme").select_option("dark")
    assert shown.page.evaluate(paper) == dark


def test_no_word_is_missing_and_none_is_left_over(words: dict[str, list[str]]) -> None:
    for key, (english, korean) in words.items():
        assert english.strip(), key
        assert korean.strip(), key
        fields = [sorted(re.findall(r"\{(\w+)\}", text)) for text in (english, korean)]
        assert fields[0] == fields[1], key
        assert HANGUL.search(korean) or not re.search(
            "[A-Za-z]{3}", re.sub(r"\{\w+\}|figleaf", "", korean)
        ), key
    code = "\n".join(
        path.read_text("utf-8") for path in PAGE.glob("*.js") if path.name != "words.js"
    )
    html = (PAGE / "index.html").read_text("utf-8")
    said = set(re.findall(r'data-t="(\w+)"', html))
    said |= set(re.findall(r'"(\w+)"', code))
    assert set(re.findall(r'data-t="(\w+)"', html)) <= set(words)
    assert set(re.findall(r'\bsay\("(\w+)"', code)) <= set(words)
    stems = tuple(re.findall(r"`(\w+_)\$\{", code))
    unused = [
        key for key in words if key.removesuffix("_one") not in said and not key.startswith(stems)
    ]
    assert unused == []


def test_the_english_of_the_markup_is_the_english_of_the_words(words: dict[str, list[str]]) -> None:
    html = (PAGE / "index.html").read_text("utf-8")
    for key, text in re.findall(r'data-t="(\w+)"[^>]*>([^<]+)<', html):
        if key not in ("save_csv", "save_json"):
            assert words[key][0] == text


def test_classes_mean_what_python_says(words: dict[str, list[str]]) -> None:
    for name, label in LABELS.items():
        assert words[f"class_{name}"] == [label.english, label.korean]


def test_all_of_it_by_the_keyboard(browser: Browser, server: str, pictures: Path) -> None:
    with Opened(browser, server) as one:
        one.ready()
        one.choose(pictures / "rocket.jpg")
        one.judged(1)
        one.page.evaluate("document.activeElement.blur()")
        order: list[str] = []
        for _ in range(40):
            one.page.keyboard.press("Tab")
            order.append(
                one.page.evaluate(
                    "document.activeElement.id || document.activeElement.className"
                    " || document.activeElement.dataset.rule || document.activeElement.tagName"
                )
            )
        wanted = [
            *("skip", "language", "theme", "choose", "folder", "camera-open", "SUMMARY", "model"),
            *("server", "policy", "unsafe-review-use", "unsafe-review-slide", "policy-save"),
            *(
                "reveal",
                "save-csv",
                "save-json",
                "clear",
                "chip",
                "sort",
                "top",
                "picture",
                "remove",
            ),
            "about-link",
        ]
        places = [order.index(name) for name in wanted]
        assert places == sorted(places)


def test_progress_is_told_to_those_who_cannot_see_it(
    browser: Browser, server: str, pictures: Path
) -> None:
    with Opened(browser, server) as one:
        one.ready()
        one.choose(pictures / "rocket.jpg")
        expect(one.at("said")).to_have_text("1 judged: 0 block, 0 review, 1 allow")
        assert one.at("said").get_attribute("aria-live") == "polite"
