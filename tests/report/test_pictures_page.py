"""The sheet of unseen pictures: a page that reveals nothing, and PNG pages that have all."""

import io
import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from figleaf.classify.prediction import Prediction
from figleaf.errors import InputError, Status
from figleaf.evaluation.pictures import Pictures, Seen, Voice
from figleaf.labels import Language
from figleaf.models.runtime import Precision
from figleaf.report import fonts
from figleaf.report.pictures_page import pictures_page
from figleaf.report.pictures_sheet import SIDE, pages, plain
from figleaf.report.texts import LANGUAGES, Words
from figleaf.report.thumbnails import CELLS, Thumbnail, thumbnails

from .browser import Browser, require_chromium
from .datasets import picture
from .test_html import check_page

HOSTILE = "<b>옷\u202e&$x$.png"
LABELS = ("neutral", "<i>옷</i>", "porn")


def said(model: str, status: Status, *scores: float) -> Prediction:
    named = dict(zip(LABELS, scores, strict=False))
    label = max(named, key=lambda name: named[name], default=None)
    reason = "" if named else "HTML, <not> an image"
    return Prediction("", status, label, named, None, None, reason, "p@1", model, Precision.F32)


def made(folder: Path, count: int = 3, models: tuple[str, ...] = ("a@1", "b@1")) -> Pictures:
    """So many pictures, one of them with a hostile name, and a page under a picture's name."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [HOSTILE, *(f"{number}.png" for number in range(1, count))]
    for seed, name in enumerate(names):
        (folder / name).write_bytes(picture(seed))
    scores = [(0.7, 0.2, 0.1), (0.1, 0.6, 0.3)]
    seen = [
        Seen(
            folder / name,
            tuple(said(m, Status.OK, *row) for m, row in zip(models, scores, strict=False)),
        )
        for name in names
    ]
    gone = tuple(said(m, Status.NOT_AN_IMAGE) for m in models)
    voices = tuple(Voice(m, "ab" * 32, LABELS, Precision.F32) for m in models)
    everything = (*seen, Seen(folder / "gone.jpg", gone))
    return Pictures(folder, "0", 3, False, voices, everything)


def shown_of(found: Pictures) -> list[Thumbnail]:
    """As the command line makes them: of what could not be read none."""
    there = iter(thumbnails([one.path for one in found.seen if one.status is Status.OK]))
    return [
        next(there) if one.status is Status.OK else Thumbnail(one.path, None, one.status)
        for one in found.seen
    ]


def page_of(found: Pictures, shown: list[Thumbnail], beside: Path, language: Language) -> str:
    return pictures_page(found, shown, Words(language), beside=beside, at=0.0)


def test_a_page_takes_no_picture_that_can_be_recognised(tmp_path: Path) -> None:
    found = made(tmp_path / "pictures")
    shown = [
        Thumbnail(one.path, plain(picture(0)) if one.status is Status.OK else None, one.status)
        for one in found.seen
    ]
    with pytest.raises(InputError, match="destroyed ones alone, of 4 at most"):
        page_of(found, shown, tmp_path, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_may_do_nothing_else(tmp_path: Path, language: Language) -> None:
    found = made(tmp_path / "pictures")
    page = page_of(found, shown_of(found), tmp_path, language)
    check_page(page)
    assert f'<html lang="{language}">' in page
    assert page.count("<button") == 3
    assert "&lt;i&gt;옷&lt;/i&gt;" in page
    assert "<i>" not in page
    assert "\u202e" not in page
    assert r"\u202e" in page
    assert "not_an_image: HTML, &lt;not&gt; an image" in page
    assert page.count("<caption>a@1</caption>") == page.count("<caption>b@1</caption>") == 4
    assert [page.count(f">{share}%<") for share in ("70.0", "60.0", "10.0")] == [3, 3, 6]


def test_nothing_but_destroyed_pictures_is_in_the_page(tmp_path: Path) -> None:
    found = made(tmp_path / "pictures")
    page = page_of(found, shown_of(found), tmp_path, "en")
    images = re.findall(r"data:image/png;base64,([^\"]+)", page)
    assert len(images) == 3
    for data in images:
        assert max(Image.open(io.BytesIO(b64decode(data))).size) <= CELLS


def test_the_page_says_what_it_leaves_out(tmp_path: Path) -> None:
    found = made(tmp_path / "pictures")
    shown = shown_of(found)
    assert "no room" not in page_of(found, shown, tmp_path, "en")
    page = page_of(found, shown[:1], tmp_path, "en")
    assert "3 more pictures have no room on this page; --json has all." in page
    assert page.count("<button") == 1


@pytest.mark.parametrize(
    ("language", "width", "dark", "models"),
    [
        ("en", 1280, False, ("a@1",)),
        ("ko", 1280, True, ("a@1", "b@1")),
        ("en", 400, True, ("a@1", "b@1")),
        ("ko", 400, False, ("a@1",)),
    ],
)
def test_the_page_in_a_browser(
    tmp_path: Path, language: Language, width: int, dark: bool, models: tuple[str, ...]
) -> None:
    require_chromium()
    found = made(tmp_path / "pictures '옷", models=models)
    page = tmp_path / "page.html"
    page.write_text(page_of(found, shown_of(found), tmp_path, language), "utf-8")
    with Browser(width=width, dark=dark) as browser:
        browser.open(page.as_uri())
        assert browser.requests == [page.as_uri()]
        assert browser.evaluate("document.documentElement.scrollWidth") == width
        # By the keyboard: the checkbox comes first, then the pictures.
        for _ in range(2):
            browser.press("Tab")
        browser.press("Enter")
        originals = "[...document.querySelectorAll('.original')]"
        browser.until(f"{originals}.length === 1 && {originals}[0].naturalWidth === 96")
        assert len(browser.requests) == 2
        browser.press("Escape")
        assert browser.evaluate(f"{originals}.length") == 0
        assert browser.complaints == []


def pixels(png: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_the_sheet_has_a_picture_a_tile(tmp_path: Path) -> None:
    found = made(tmp_path / "pictures", count=1, models=("a@1",))
    (sheet,) = pages(found, shown_of(found), Words("en"))
    # The thumbnail's cells, and the bar of .7, are where the tile begins.
    there = {tuple(colour) for colour in pixels(sheet).reshape(-1, 3)}
    cells = {tuple(c) for c in pixels(shown_of(found)[0].png or b"").reshape(-1, 3)}
    assert cells <= there
    bar = np.all(pixels(sheet) == (0x3B, 0x6F, 0xB0), axis=2)
    widths = bar.sum(axis=1)
    assert widths.max() == pytest.approx(0.7 * 64 * 2, abs=2)


def test_many_pictures_take_several_pages_and_all_are_there(tmp_path: Path) -> None:
    found = made(tmp_path / "pictures", count=40, models=("a@1",))
    sheets = list(pages(found, shown_of(found), Words("ko")))
    assert len(sheets) == 2
    bars = [np.all(pixels(one) == (0x3B, 0x6F, 0xB0), axis=2) for one in sheets]
    found_bars = sum(
        int((np.diff(np.pad(bar, 1).astype(int), axis=0) == 1).any(axis=1).sum()) for bar in bars
    )
    assert found_bars == 40 // 3 + 1  # three in a row
    heights = [Image.open(io.BytesIO(one)).height for one in sheets]
    assert heights[0] > heights[1]


def test_the_sheet_is_the_same_each_time(tmp_path: Path) -> None:
    found = made(tmp_path / "pictures")
    shown = shown_of(found)
    first, second = (list(pages(found, shown, Words("ko"))) for _ in range(2))
    assert first == second


def test_plain_thumbnails_are_small() -> None:
    small = Image.open(io.BytesIO(plain(picture(1, 800, 400))))
    assert small.size == (SIDE, SIDE // 2)
    assert Image.open(io.BytesIO(plain(picture(1)))).size == (96, 64)


def test_what_no_font_has_becomes_a_box() -> None:
    assert fonts.drawable("a\U0001f9ff\ue000") == "a\N{WHITE SQUARE}\N{WHITE SQUARE}"
    assert fonts.width("mm", 10) > fonts.width("ii", 10) > 0


def test_long_texts_are_cut_to_fit() -> None:
    assert fonts.fitted("short", 10, 100) == "short"
    begins, ends = (fonts.fitted("folder/picture.png", 10, 60, end=end) for end in (False, True))
    assert begins.startswith("folder")
    assert begins.endswith("…")
    assert ends.startswith("…")
    assert ends.endswith(".png")
    assert max(fonts.width(begins, 10), fonts.width(ends, 10)) <= 60
