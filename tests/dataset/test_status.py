"""Where a data set stands: numbers by class, from indexes alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.records import Outcome, Reason, State, Stored
from figleaf.dataset.register import register
from figleaf.dataset.status import _IMAGES, _ITEMS, _SET_ASIDE, SourceProblem, read_status

from .samples import denied_by_name, file, image, ledger_with, mapped, pending, unmapped, url


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_with(tmp_path) as opened:
        yield opened


def fill(ledger: Ledger) -> None:
    register(ledger, [(url(f"n{n}"), mapped("neutral")) for n in range(5)])
    register(ledger, [(url(f"d{n}", "d.txt"), mapped("drawings")) for n in range(3)])
    register(ledger, [(file("/no class"), mapped(None)), (url("u", "u.txt"), unmapped())])
    register(ledger, [(url("bad"), denied_by_name())])
    ends = {
        "n0": image("12345"),
        "n1": image("1234567"),
        "n2": Reason.GONE,
        "n3": Reason.TIMEOUT,
        "d0": image("12345"),
        "d1": Reason.SERVER_ERROR,
        "no class": image("123"),
    }
    for task in pending(ledger):
        end = ends.get(task.locator.rpartition("/")[2])
        if isinstance(end, Reason):
            apply(ledger, [Outcome(task.id, end)])
        elif isinstance(end, Stored):
            apply(ledger, [Outcome(task.id, stored=(end,))])


def test_images_and_items_by_class(ledger: Ledger) -> None:
    fill(ledger)
    drawings, neutral, rest = read_status(ledger).classes
    assert (neutral.label, neutral.images, neutral.size) == ("neutral", 1, 7)
    assert neutral.items == {State.FETCHED: 2, State.FAILED: 2, State.PENDING: 1}
    assert neutral.losses == {Reason.GONE: 1, Reason.TIMEOUT: 1}
    assert (drawings.label, drawings.images, drawings.size) == ("drawings", 0, 0)
    assert drawings.items == {State.FETCHED: 1, State.FAILED: 1, State.PENDING: 1}
    # The image that two lists file under different classes, and the file without a class.
    assert (rest.label, rest.images, rest.size) == (None, 2, 8)
    assert rest.items == {State.FETCHED: 1, State.REFUSED: 2}
    assert rest.losses == {Reason.UNMAPPED: 1, Reason.DENIED: 1}


def test_everything_together(ledger: Ledger) -> None:
    fill(ledger)
    status = read_status(ledger)
    total = status.total
    assert (total.images, total.size) == (3, 15)
    assert total.items.total() == 11
    assert total.losses.total() == total.items[State.FAILED] + total.items[State.REFUSED] == 5
    assert status.retryable == 2
    assert total.items[State.PENDING] == ledger.count_pending()


def test_what_is_set_aside_does_not_count(ledger: Ledger) -> None:
    fill(ledger)
    ledger.connection.execute("UPDATE images SET quarantine = 'tiny' WHERE bytes = 5")
    assert read_status(ledger).total.images == 2


def test_an_empty_data_set(ledger: Ledger) -> None:
    status = read_status(ledger)
    assert status.classes == ()
    assert (status.total.images, status.total.size, status.retryable) == (0, 0, 0)
    with Dataset(ledger.folder) as data:
        assert data.status() == status


def test_why_images_are_set_aside(ledger: Ledger) -> None:
    fill(ledger)
    assert read_status(ledger).set_aside == {}
    ledger.connection.execute("UPDATE images SET quarantine = 'denied' WHERE bytes = 5")
    ledger.connection.execute("UPDATE images SET quarantine = 'blocklisted' WHERE bytes = 7")
    assert read_status(ledger).set_aside == {"denied": 1, "blocklisted": 1}


def test_images_whose_lists_disagree(ledger: Ledger) -> None:
    fill(ledger)
    # "12345" has two classes; "123" has none to begin with.
    assert read_status(ledger).conflicts == 1
    with ledger.transaction() as db:
        (number,) = db.execute("SELECT id FROM images WHERE bytes = 5").fetchone()
        decided = "INSERT INTO labels (image_id, who, why, at) VALUES (?, 'kim', 'neither', 0)"
        db.execute(decided, (number,))
    assert read_status(ledger).conflicts == 0


def test_a_conflict_that_is_settled_or_set_aside_does_not_count(ledger: Ledger) -> None:
    fill(ledger)
    ledger.connection.execute("UPDATE images SET quarantine = 'denied' WHERE bytes = 5")
    assert read_status(ledger).conflicts == 0
    ledger.connection.execute("UPDATE images SET quarantine = NULL")
    assert read_status(ledger).conflicts == 1
    register(ledger, [(url("new", "d.txt"), mapped("neutral"))])
    assert read_status(ledger).conflicts == 0


def test_problems_are_those_of_the_last_run_that_named_the_source(ledger: Ledger) -> None:
    with ledger.run("collect", {}, {}):
        ledger.note_problems("a", [("bad rows", 3), ("links", 9)])
        ledger.note_problems("b", [("bad rows", 1)])
        ledger.note_problems("b", [("bad rows", 1)])  # another of the same name
    with ledger.run("collect", {}, {}):
        ledger.note_problems("a", [("bad rows", 2)])
    assert read_status(ledger).problems == (
        SourceProblem("a", "bad rows", 2),
        SourceProblem("b", "bad rows", 2),
    )
    with ledger.run("collect", {}, {}):
        ledger.note_problems("a", [])
    assert read_status(ledger).problems == (SourceProblem("b", "bad rows", 2),)


@pytest.mark.parametrize("query", [_IMAGES, _ITEMS, _SET_ASIDE])
def test_the_counts_are_answered_from_indexes_alone(ledger: Ledger, query: str) -> None:
    fill(ledger)
    plan = [step[3] for step in ledger.read(f"EXPLAIN QUERY PLAN {query}")]
    assert len(plan) == 1
    assert "USING COVERING INDEX" in plan[0]
