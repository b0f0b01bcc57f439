"""Label events: what lists say, where they disagree, what a person says; and all of it stays."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from figleaf.dataset.labelling import AUDIT, relabel, set_label, take_back
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.records import Outcome
from figleaf.dataset.register import register

from .samples import (
    NOON,
    denied,
    file,
    image,
    keep,
    ledger_with,
    mapped,
    one,
    pending,
    unmapped,
    url,
)

LAST = "SELECT before, after, who, why, at FROM labels ORDER BY id DESC LIMIT 1"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_with(tmp_path) as opened:
        yield opened


def say(ledger: Ledger, label: str | None, who: str = "jiwoo") -> None:
    with ledger.transaction() as db:
        db.execute(
            "INSERT INTO labels (image_id, before, after, who, why, at)"
            " SELECT id, label, ?, ?, 'looked at it', 0 FROM images",
            (label, who),
        )


def events(ledger: Ledger) -> int:
    return int(one(ledger, "SELECT count(*) FROM labels"))


def label(ledger: Ledger) -> str | None:
    found: str | None = one(ledger, "SELECT label FROM images")
    return found


def test_an_image_gets_the_class_of_its_list(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped("drawings"))])
    keep(ledger)
    why = "listed as drawings in lists/urls.txt"
    assert one(ledger, LAST) == (None, "drawings", "collect", why, NOON)
    assert label(ledger) == "drawings"


def test_an_image_whose_lists_give_no_class_has_no_event(ledger: Ledger) -> None:
    register(ledger, [(file("/a"), mapped(None))])
    keep(ledger)
    assert (events(ledger), label(ledger)) == (0, None)


def test_lists_that_disagree_give_none_and_say_why(ledger: Ledger) -> None:
    register(ledger, [(url("a", "one.txt"), mapped()), (url("a", "two.txt"), mapped("drawings"))])
    keep(ledger)
    before, after, _, why, _ = one(ledger, LAST)
    assert (before, after, label(ledger)) == (None, None, None)
    assert why == "listed as drawings in lists/two.txt, neutral in lists/one.txt"


def test_items_that_disagree_about_the_same_image(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped())])
    keep(ledger, "same")
    register(ledger, [(url("b", "two.txt"), mapped("drawings"))])
    keep(ledger, "same")
    assert one(ledger, LAST)[:2] == ("neutral", None)
    assert label(ledger) is None


def test_items_that_agree_add_no_event(ledger: Ledger) -> None:
    for name in "abc":
        register(ledger, [(url(name, f"{name}.txt"), mapped())])
        keep(ledger, "same")
    assert (events(ledger), label(ledger)) == (1, "neutral")


def test_a_long_reason_names_a_few_lists_and_counts_the_rest(ledger: Ledger) -> None:
    register(ledger, [(url("a", f"{n}.txt"), mapped()) for n in range(7)])
    keep(ledger)
    assert one(ledger, LAST)[3] == (
        "listed as neutral in lists/0.txt, neutral in lists/1.txt, neutral in lists/2.txt,"
        " neutral in lists/3.txt and 3 more"
    )


def test_a_source_that_is_one_list_is_named_alone(ledger: Ledger) -> None:
    register(ledger, [(file("/a", "neutral"), mapped())])
    keep(ledger)
    assert one(ledger, LAST)[3] == "listed as neutral in folder"


@pytest.mark.parametrize("said", ["sexy", None])
def test_a_persons_word_is_not_overruled(ledger: Ledger, said: str | None) -> None:
    register(ledger, [(url("a"), mapped())])
    keep(ledger, "same")
    say(ledger, said)
    register(ledger, [(url("a"), mapped("drawings"))])
    register(ledger, [(url("b", "two.txt"), mapped("hentai"))])
    keep(ledger, "same")
    register(ledger, [(url("a"), denied()), (url("b", "two.txt"), denied())])
    assert (events(ledger), label(ledger)) == (2, said)


def test_unmapped_and_denied_lists_have_no_say(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped()), (url("a", "odd.txt"), unmapped())])
    keep(ledger, "same")
    assert label(ledger) == "neutral"
    register(ledger, [(url("b"), mapped())])
    keep(ledger, "same")
    # Now one of its two items is denied, and the other still says what it is.
    register(ledger, [(url("a", "bad.txt"), denied())])
    assert label(ledger) == "neutral"
    register(ledger, [(url("b", "bad.txt"), denied())])
    assert label(ledger) is None


def test_relabelling_twice_adds_nothing(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped())])
    keep(ledger)
    with ledger.transaction() as db:
        relabel(db, 1, NOON)
        relabel(db, 1, NOON)
    assert events(ledger) == 1


def correct(ledger: Ledger, label: str) -> None:
    with ledger.transaction() as db:
        set_label(db, 1, label, who=AUDIT, why="doubt 0.9", at=NOON)


def undo(ledger: Ledger) -> int:
    with ledger.transaction() as db:
        return take_back(db, why="taken back", at=NOON)


def test_an_audits_correction_stays_while_lists_say_nothing_new(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped())])
    keep(ledger, "same")
    correct(ledger, "sexy")
    register(ledger, [(url("b", "two.txt"), mapped())])
    keep(ledger, "same")
    assert label(ledger) == "sexy"
    register(ledger, [(url("a"), mapped("drawings")), (url("b", "two.txt"), mapped("drawings"))])
    assert one(ledger, LAST)[:3] == ("sexy", "drawings", "collect")


def test_a_corrected_image_has_no_class_once_its_lists_are_denied(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped())])
    keep(ledger)
    correct(ledger, "sexy")
    register(ledger, [(url("a"), denied())])
    assert label(ledger) is None


def test_corrections_are_taken_back_to_what_was_said_before(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped())])
    keep(ledger)
    correct(ledger, "sexy")
    correct(ledger, "porn")
    assert undo(ledger) == 1
    assert one(ledger, LAST)[:3] == ("porn", "neutral", "audit")
    assert undo(ledger) == 0
    # Lists go on where they were.
    register(ledger, [(url("a"), mapped("drawings"))])
    assert label(ledger) == "drawings"


def test_nothing_is_taken_back_from_a_person(ledger: Ledger) -> None:
    register(ledger, [(url("a"), mapped())])
    keep(ledger)
    correct(ledger, "sexy")
    say(ledger, "porn")
    assert undo(ledger) == 0
    assert label(ledger) == "porn"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE labels SET after = 'neutral'",
        "UPDATE labels SET at = 0 WHERE id = 1",
        "DELETE FROM labels",
        "DELETE FROM labels WHERE id = 1",
        "INSERT OR REPLACE INTO labels VALUES (1, 1, NULL, 'neutral', 'x', 'y', 0)",
    ],
)
def test_events_are_never_changed_or_deleted(ledger: Ledger, statement: str) -> None:
    register(ledger, [(url("a"), mapped("drawings"))])
    keep(ledger)
    event = one(ledger, LAST)
    with pytest.raises(sqlite3.IntegrityError, match="label events are never"):
        ledger.connection.execute(statement)
    assert one(ledger, LAST) == event


def test_several_images_of_one_item_have_its_class(ledger: Ledger) -> None:
    register(ledger, [(url("a.gif"), mapped("drawings"))])
    frames = tuple(replace(image(f"frame {n}"), seconds=n / 2) for n in range(3))
    apply(ledger, [Outcome(pending(ledger)[0].id, stored=frames)])
    assert ledger.read("SELECT label FROM images") == [("drawings",)] * 3
