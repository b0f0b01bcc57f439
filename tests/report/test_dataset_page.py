"""The page of a data set, as text."""

import io
import re
from base64 import b64decode
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from PIL import Image

import figleaf
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import OF_SAFETY
from figleaf.labels import Language
from figleaf.report.dataset_page import dataset_page
from figleaf.report.texts import LANGUAGES, TEXTS, Words
from figleaf.report.thumbnails import CELLS

from ..dataset.samples import NOON
from .datasets import HOSTILE, data_set, doubt, hash_of, split
from .test_html import attributes, check_page


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_set(tmp_path_factory.mktemp("of-page") / "a #set?")


def page_of(folder: Path, language: Language = "en", samples: int = 2) -> str:
    found = figleaf.stats(folder, clock=lambda: NOON)
    return dataset_page(found, Words(language), beside=folder.parent, samples=samples)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_needs_nothing_and_may_reach_nothing(folder: Path, language: Language) -> None:
    page = page_of(folder, language)
    check_page(page)
    assert f'<html lang="{language}">' in page


def test_the_page_says_what_it_is_of(folder: Path) -> None:
    page = unescape(page_of(folder))
    assert "<h1>a #set?</h1>" in page
    assert f"figleaf {figleaf.__version__}, 2026-05-28 20:26 UTC" in page
    assert "items 25, images 24" in page
    assert "15 of 24 images are shown here, destroyed; 9 are not shown." in page
    assert "(blocklisted, denied, unchecked: 3) is never shown or linked" in page


def test_one_language_is_spoken(folder: Path) -> None:
    english, korean = page_of(folder, "en"), page_of(folder, "ko")
    assert "이미지" not in english
    for key, texts in TEXTS.items():
        if len(texts["en"]) > 20 and "{" not in texts["en"]:
            assert texts["en"] not in unescape(korean), key


def test_the_words_of_the_ledger_are_translated(tmp_path: Path) -> None:
    folder = data_set(tmp_path / "set")
    split(folder)
    doubt(folder)
    english, korean = unescape(page_of(folder, "en")), unescape(page_of(folder, "ko"))
    for cell, same in (
        ("failed", "실패"),
        ("done", "완료"),
        ("by classes", "클래스 점수로"),
        ("by features", "특징 벡터로"),
        ("a tool to come", "a tool to come"),
    ):
        assert re.search(rf"<td[^>]*>{cell}</td>", english), cell
        assert re.search(rf"<td[^>]*>{same}</td>", korean), same
        assert same == cell or not re.search(rf"<td[^>]*>{cell}</td>", korean), cell
    assert "장부의 행 수: 항목 25, 이미지 24, 목록 " in korean
    assert not re.search(r"\b(listings|mentions|quarantines|runs) \d", korean)
    assert "not_an_image" in korean  # reasons are codes


def test_class_names_are_text(folder: Path) -> None:
    page = page_of(folder)
    assert HOSTILE not in page
    assert HOSTILE in unescape(page)
    assert page.count("<script>") == 1
    assert ("img", "onerror") not in {(tag, name) for tag, name, _ in attributes(page)}


def test_pictures_are_in_it_destroyed_and_not_otherwise(folder: Path) -> None:
    page = page_of(folder, samples=100)
    images = re.findall(r"<img [^>]*>", page)
    assert images
    assert all('src="data:image/png;base64,' in one for one in images)
    for data in re.findall(r"base64,([^\"]+)\"", page):
        assert max(Image.open(io.BytesIO(b64decode(data))).size) <= CELLS
    assert len(re.findall('<button type="button"', page)) == len(images)


@pytest.mark.parametrize("reason", sorted(OF_SAFETY))
def test_what_is_set_aside_for_safety_is_not_named(folder: Path, reason: str) -> None:
    assert hash_of(folder, reason)[:12] not in page_of(folder, samples=100)


def test_a_sample_that_cannot_be_decoded_says_so(tmp_path: Path) -> None:
    folder = data_set(tmp_path, ["neutral"], 2, aside=False)
    first, second = sorted((folder / "images").rglob("*.png"))
    first.write_bytes(b"GIF89a, or not")
    second.unlink()
    page = page_of(folder)
    assert re.search("Not decoded: (truncated|corrupt)", page)
    assert "Not decoded: not_found" in page
    assert "<button" not in page


def test_an_empty_data_set_has_a_page(tmp_path: Path) -> None:
    Ledger(tmp_path, write=True).close()
    page = page_of(tmp_path)
    assert "There is no image in this data set yet." in page
    check_page(page)


def test_a_thousand_classes_are_cut_short(tmp_path: Path) -> None:
    folder = data_set(tmp_path, [f"class {number:03}" for number in range(60)], 1, aside=False)
    page = page_of(folder, samples=1)
    assert "20 more classes" in page
    assert page.count("<button") == 40
    assert "20 of 60" not in page
    assert "40 of 60 images are shown" in page


def test_no_samples_are_asked_for(folder: Path) -> None:
    page = page_of(folder, samples=0)
    assert "No samples were asked for." in page
    assert "<img" not in page
    assert "<button" not in page


def test_the_same_figures_give_the_same_page(folder: Path) -> None:
    assert page_of(folder) == page_of(folder)
    found = figleaf.stats(folder, clock=lambda: NOON)
    assert page_of(folder) == dataset_page(
        replace(found), Words("en"), beside=folder.parent, samples=2
    )


def test_a_class_of_which_nothing_is_in_use_is_told(tmp_path: Path) -> None:
    folder = data_set(tmp_path, ["옷"], 1)
    assert re.search(
        '<th scope="row" class="short">neutral</th><td class="n">0</td>', page_of(folder)
    )
