"""Images that are set aside and brought back, and the events that say so."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import (
    OF_SAFETY,
    Quarantine,
    quarantine_blocklisted,
    quarantine_unchecked,
    set_aside,
)
from figleaf.dataset.records import Decision
from figleaf.dataset.register import register

from .samples import NOON, denied, denied_by_name, keep, ledger_with, mapped, one, url


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_with(tmp_path, (url("a"), mapped())) as opened:
        keep(opened)
        yield opened


@pytest.mark.parametrize("verdict", [denied(), denied_by_name()])
def test_an_image_is_set_aside_and_brought_back(ledger: Ledger, verdict: Decision) -> None:
    register(ledger, [(url("a"), verdict)])
    with Dataset(ledger.folder) as data:
        assert len(data) == 0
        assert [row.quarantine for row in data.filter(quarantined=True)] == ["denied"]
    register(ledger, [(url("a"), mapped())])
    with Dataset(ledger.folder) as data:
        assert [row.label for row in data] == ["neutral"]


def test_another_list_that_is_denied_is_enough(ledger: Ledger) -> None:
    register(ledger, [(url("a", "other.txt"), denied())])
    assert one(ledger, "SELECT quarantine FROM images") == "denied"


def test_what_is_set_aside_for_another_reason_stays(ledger: Ledger) -> None:
    with ledger.transaction() as db:
        db.execute("UPDATE images SET quarantine = 'blurred'")
    register(ledger, [(url("a"), denied())])
    register(ledger, [(url("a"), mapped())])
    assert one(ledger, "SELECT quarantine FROM images") == "blurred"


def events(ledger: Ledger) -> list[tuple[str | None, str | None, str, str, float]]:
    query = "SELECT before, after, who, why, at FROM quarantines ORDER BY id"
    return [(row[0], row[1], row[2], row[3], row[4]) for row in ledger.read(query)]


def change(ledger: Ledger, reason: str | None) -> bool:
    with ledger.transaction() as db:
        return set_aside(db, 1, reason, who="clean", why="for a test", at=NOON)


def test_every_change_is_an_event(ledger: Ledger) -> None:
    assert change(ledger, Quarantine.TOO_SMALL)
    assert not change(ledger, Quarantine.TOO_SMALL)
    assert change(ledger, None)
    assert not change(ledger, None)
    assert events(ledger) == [
        (None, "too_small", "clean", "for a test", NOON),
        ("too_small", None, "clean", "for a test", NOON),
    ]
    assert one(ledger, "SELECT quarantine FROM images") is None


def test_a_row_says_why(ledger: Ledger) -> None:
    change(ledger, Quarantine.TOO_SMALL)
    with Dataset(ledger.folder) as data:
        (row,) = data.filter(quarantined=True)
    assert (row.quarantine, row.why) == ("too_small", "for a test")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE quarantines SET who = 'nobody'",
        "DELETE FROM quarantines",
        "REPLACE INTO quarantines SELECT * FROM quarantines",
    ],
)
def test_events_are_for_ever(ledger: Ledger, statement: str) -> None:
    change(ledger, Quarantine.TOO_SMALL)
    with pytest.raises(sqlite3.IntegrityError, match="quarantine events are never"):
        ledger.connection.execute(statement)


def test_a_denied_image_says_which_word(ledger: Ledger) -> None:
    register(ledger, [(url("a"), denied("'bad' in its list"))])
    assert events(ledger) == [(None, "denied", "collect", "'bad' in its list", NOON)]


def test_safety_goes_before_other_reasons_which_hold_again_afterwards(ledger: Ledger) -> None:
    change(ledger, Quarantine.DUPLICATE)
    register(ledger, [(url("a"), denied())])
    assert one(ledger, "SELECT quarantine FROM images") == "denied"
    register(ledger, [(url("a"), mapped())])
    assert one(ledger, "SELECT quarantine FROM images") == "duplicate"
    with ledger.transaction() as db:
        quarantine_unchecked(db, 1, is_checked=False, at=NOON)
    assert one(ledger, "SELECT quarantine FROM images") == "unchecked"
    with ledger.transaction() as db:
        quarantine_unchecked(db, 1, is_checked=True, at=NOON)
    assert one(ledger, "SELECT quarantine FROM images") == "duplicate"


@pytest.mark.parametrize("reason", OF_SAFETY - {Quarantine.DENIED})
def test_one_reason_of_safety_does_not_hide_another(ledger: Ledger, reason: Quarantine) -> None:
    change(ledger, reason)
    with ledger.transaction() as db:
        quarantine_unchecked(db, 1, is_checked=False, at=NOON)
    assert one(ledger, "SELECT quarantine FROM images") == reason


def test_a_denied_image_that_could_not_be_checked_has_to_be(ledger: Ledger) -> None:
    register(ledger, [(url("a"), denied())])
    with ledger.transaction() as db:
        quarantine_unchecked(db, 1, is_checked=False, at=NOON)
    register(ledger, [(url("a"), mapped())])
    assert one(ledger, "SELECT quarantine FROM images") == "unchecked"
    register(ledger, [(url("a"), denied())])
    with ledger.transaction() as db:
        quarantine_unchecked(db, 1, is_checked=True, at=NOON)
    assert one(ledger, "SELECT quarantine FROM images") == "denied"


def test_a_blocklisted_image_is_never_unchecked_or_denied(ledger: Ledger) -> None:
    with ledger.transaction() as db:
        quarantine_blocklisted(db, 1, "a list", NOON)
        quarantine_unchecked(db, 1, is_checked=True, at=NOON)
    register(ledger, [(url("a"), denied())])
    register(ledger, [(url("a"), mapped())])
    assert one(ledger, "SELECT quarantine FROM images") == "blocklisted"
