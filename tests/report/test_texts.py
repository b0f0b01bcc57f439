"""The languages of reports: complete, and alike in what is put into them."""

import re
from pathlib import Path
from string import Formatter

import pytest

from figleaf import report
from figleaf.dataset.quarantine import Quarantine
from figleaf.dataset.records import Reason
from figleaf.labels import Language
from figleaf.report.glossary import (
    DOUBTERS,
    LOSSES,
    OUTCOMES,
    ROWS,
    SET_ASIDE,
    STATES,
    called,
    meaning,
)
from figleaf.report.texts import LANGUAGES, TEXTS, Words

SOURCES = [
    path.read_text("utf-8")
    for path in Path(str(report.__file__)).parent.rglob("*")
    if path.suffix in (".py", ".j2") and not path.name.endswith("texts.py")
]
SAME = {"made", "p5", "p25", "p75", "p95"}
"""Texts without words."""
HANGUL = re.compile("[가-힣]")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_every_text_is_there_in_both_languages(key: str) -> None:
    english, korean = (TEXTS[key][language] for language in LANGUAGES)
    assert english.isascii()
    assert fields(english) == fields(korean)
    assert bool(HANGUL.search(korean)) is (key not in SAME)


@pytest.mark.parametrize("key", TEXTS)
def test_every_text_is_used(key: str) -> None:
    assert any(re.search(f"[\"']{key}[\"']", source) for source in SOURCES)


def test_every_text_that_is_used_is_there() -> None:
    used = {key for source in SOURCES for key in re.findall(r"\bwords\(\s*['\"](\w+)", source)}
    assert used <= TEXTS.keys()


@pytest.mark.parametrize("reason", Reason)
def test_every_loss_is_explained(reason: Reason) -> None:
    check(meaning(LOSSES, reason, "en"), meaning(LOSSES, reason, "ko"))


@pytest.mark.parametrize("reason", Quarantine)
def test_every_reason_for_setting_aside_is_explained(reason: Quarantine) -> None:
    check(meaning(SET_ASIDE, reason, "en"), meaning(SET_ASIDE, reason, "ko"))


@pytest.mark.parametrize("glossary", [STATES, OUTCOMES, DOUBTERS, ROWS])
def test_the_words_of_the_ledger_are_in_both_languages(
    glossary: dict[str, dict[Language, str]],
) -> None:
    for name in glossary:
        check(called(glossary, name, "en"), called(glossary, name, "ko"))
    assert called(glossary, "a word to come", "ko") == "a word to come"


def check(english: str, korean: str) -> None:
    assert english.isascii()
    assert HANGUL.search(korean) or korean == english  # "HTTP 429"


def test_what_another_version_wrote_has_no_explanation() -> None:
    assert meaning(LOSSES, "a reason to come", "ko") == ""


def test_values_are_put_in() -> None:
    assert Words("ko")("more_lists", count="12") == "그 밖의 목록 12개"
    with pytest.raises(KeyError):
        Words("en")("no such text")
