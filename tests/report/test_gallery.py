"""The page of what was classified: its rows, whatever names say, and what a browser makes of it."""

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from figleaf.classify.prediction import Decision, FrameScores, Prediction
from figleaf.errors import Status
from figleaf.images import Limits
from figleaf.labels import Language
from figleaf.models.runtime import Precision
from figleaf.report.gallery import Gallery, Origin, Shown
from figleaf.report.texts import LANGUAGES, Words

from .browser import Browser, require_chromium

LABELS = ("drawings", "hentai", "neutral", "porn", "sexy")
ORIGIN = Origin("test@1", "mine@2", "f32", LABELS)
HOSTILE = "</script><!--<img src=x onerror=alert(1)>'\"&amp;\u202e #a?b%20.png"
CARDS = "[...document.querySelectorAll('.card')]"
NAMES = f"{CARDS}.map(one => one.querySelector('.name').textContent)"


def said(
    name: str,
    unsafe: float = 0.1,
    decision: Decision | None = Decision.ALLOW,
    frames: Sequence[FrameScores] = (),
    status: Status = Status.OK,
) -> Prediction:
    scores = {"porn": unsafe, "neutral": 1 - unsafe, "drawings": 0.0}
    ok = status is Status.OK
    return Prediction(
        input=name,
        status=status,
        label=max(scores, key=scores.__getitem__) if ok else None,
        scores=scores if ok else {},
        unsafe=unsafe if ok else None,
        decision=decision,
        reason="because",
        policy="mine@2",
        model="test@1",
        precision=Precision.F32,
        frames=tuple(frames),
    )


def picture(path: Path, size: tuple[int, int] = (60, 40)) -> Path:
    noise = np.random.default_rng(1).integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


def page(shown: Sequence[Shown], beside: Path, language: Language = "en") -> str:
    with Gallery(Words(language), beside, ORIGIN, Limits()) as gallery, io.BytesIO() as file:
        for one in shown:
            gallery.add(one)
        gallery.finish(file, 0.0)
        return file.getvalue().decode()


def rows(text: str) -> list[dict[str, Any]]:
    found = re.search(r'<script type="application/json" id="rows">(.*?)</script>', text, re.S)
    assert found
    return [json.loads(line) for line in found[1].splitlines()]


def test_a_row_has_all_that_is_said_of_an_input(tmp_path: Path) -> None:
    file = picture(tmp_path / "a b.png")
    shown = Shown(said("in/a b.png", 0.75, Decision.BLOCK), file, ("moved: a b.png",))
    (row,) = rows(page([shown], tmp_path))
    assert row.pop("mosaic").startswith("data:image/png;base64,")
    assert row == {
        "name": "in/a b.png",
        "file": "a%20b.png",
        "kind": "block",
        "decision": "block",
        "label": "porn",
        "unsafe": 0.75,
        "reason": "because",
        "scores": [["porn", 0.75, 3], ["neutral", 0.25, 2], ["drawings", 0.0, 0]],
        "frames": [],
        "said": "",
        "deeds": ["moved: a b.png"],
        "problem": "",
    }


def test_what_cannot_be_shown_says_why(tmp_path: Path) -> None:
    (tmp_path / "note.jpg").write_text("no picture")
    failed = said("note.jpg", status=Status.NOT_AN_IMAGE, decision=Decision.REVIEW)
    found = rows(
        page(
            [
                Shown(failed, tmp_path / "note.jpg"),
                Shown(said("gone.jpg"), tmp_path / "gone.jpg"),
                Shown(said("https://example.org/a.jpg", decision=None), None),
            ],
            tmp_path,
        )
    )
    assert [one["problem"] for one in found] == [
        "Not decoded: not_an_image",
        "Not decoded: not_found",
        "no file",
    ]
    assert [one["kind"] for one in found] == ["failed", "allow", "none"]
    assert found[0]["reason"] == "not_an_image: because"


def test_a_film_has_a_strip_that_ends_with_its_last_frame(tmp_path: Path) -> None:
    frames = [
        FrameScores(0.0, {}, 0.1, Decision.ALLOW),
        FrameScores(1.0, {}, 0.9, Decision.BLOCK),
        FrameScores(3.0, {}, None, None),
    ]
    (row,) = rows(page([Shown(said("a.gif", frames=frames), None)], tmp_path))
    assert row["frames"] == [[0.0, 20.0, 0.1, 2], [20.0, 40.0, 0.9, 3], [60.0, 40.0, 0.0, 7]]
    assert row["said"].startswith("Unsafe scores of 3 frames over 3.0 s; the highest 0.900 at 1.0")
    alone = said("a.gif", frames=frames[:1])
    assert rows(page([Shown(alone, None)], tmp_path))[0]["frames"] == [[0.0, 100.0, 0.1, 2]]


def test_no_name_ends_the_data_or_steers_the_text(tmp_path: Path) -> None:
    text = page([Shown(said(HOSTILE), None)], tmp_path)
    assert text.count("</script>") == 2
    assert "<img src=x" not in text
    assert "\u202e" not in text
    assert rows(text)[0]["name"] == HOSTILE.replace("\u202e", "\\u202e")


@pytest.mark.parametrize("language", LANGUAGES)
def test_totals_and_origin_stand_without_a_script(tmp_path: Path, language: Language) -> None:
    shown = [Shown(said(f"{n}.jpg", decision=list(Decision)[n % 3]), None) for n in range(1200)]
    text = page(shown, tmp_path, language)
    assert f'<html lang="{language}">' in text
    assert text.count("<dd>400</dd>") == 3
    assert "1,200" in text
    for part in ("test@1", "mine@2", "f32"):
        assert f"<dd>{part}</dd>" in text


def test_only_destroyed_pictures_are_in_the_page(tmp_path: Path) -> None:
    from base64 import b64decode

    (row,) = rows(page([Shown(said("a.png"), picture(tmp_path / "a.png"))], tmp_path))
    with Image.open(io.BytesIO(b64decode(row["mosaic"].partition(",")[2]))) as small:
        assert small.size == (4, 3)


# In a browser.


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    require_chromium()
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "in").mkdir()
    first = picture(folder / "in" / HOSTILE.replace("/", "-"))
    shown = [Shown(said(f"in/{HOSTILE}", 0.2), first)]
    shown += [
        Shown(said(f"in/{n:03}.jpg", n / 1000, list(Decision)[n % 3]), None) for n in range(150)
    ]
    shown.append(Shown(said("in/x.jpg", status=Status.CORRUPT, decision=Decision.REVIEW), None))
    target = folder / "page.html"
    target.write_text(page(shown, folder), "utf-8")
    with Browser(width=390) as browser:
        yield browser, target.as_uri()


def test_cards_are_shown_some_at_a_time(opened: tuple[Browser, str]) -> None:
    browser, url = opened
    browser.open(url)
    assert browser.evaluate(f"{CARDS}.length") == 60
    assert browser.evaluate("document.querySelector('.range').textContent") == "1 to 60 of 152"
    for _ in range(2):
        browser.click("[data-turn='1']")
    assert browser.evaluate(f"{CARDS}.length") == 32
    assert browser.evaluate("document.querySelector('[data-turn=\"1\"]').disabled")
    assert browser.evaluate("document.documentElement.scrollWidth") == 390
    assert browser.complaints == []


def test_cards_are_chosen_and_ordered(opened: tuple[Browser, str]) -> None:
    browser, url = opened
    browser.open(url)

    def set_to(name: str, value: str, event: str = "change") -> None:
        browser.evaluate(
            f"(one => {{ one.value = {value!r}; one.dispatchEvent(new Event({event!r})); }})"
            f"(document.getElementById('g-{name}'))"
        )

    set_to("sort", "unsafe")
    assert browser.evaluate(NAMES)[1:3] == ["in/149.jpg", "in/148.jpg"]
    set_to("kind", "review")
    assert browser.evaluate(NAMES)[:2] == ["in/148.jpg", "in/145.jpg"]
    set_to("kind", "failed")
    assert browser.evaluate(NAMES) == ["in/x.jpg"]
    set_to("label", "porn")
    assert browser.evaluate(NAMES) == []
    text = browser.evaluate("document.querySelector('.range').textContent")
    assert text == "Nothing is like that."
    set_to("kind", "")
    set_to("label", "")
    set_to("name", "07", "input")
    set_to("sort", "name")
    assert browser.evaluate(NAMES) == [f"in/{n:03}.jpg" for n in (7, *range(70, 80), 107)]


def test_a_click_reveals_the_local_file_of_a_hostile_name(opened: tuple[Browser, str]) -> None:
    browser, url = opened
    browser.open(url)
    browser.click("button[data-file]")
    browser.until("document.querySelector('.original')?.naturalWidth === 60")
    assert browser.evaluate("getComputedStyle(document.querySelector('.original')).filter") == (
        "grayscale(1)"
    )
    browser.press("Escape")
    assert browser.evaluate("document.querySelector('.original')") is None
    assert browser.complaints == []
