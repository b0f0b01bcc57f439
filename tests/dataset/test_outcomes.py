"""What becomes of items: each state, written once, matches withheld, second tries, frames."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply, retry
from figleaf.dataset.records import Kind, Outcome, Reason, State, Stored, Task
from figleaf.dataset.register import key_of, register
from figleaf.errors import InputError

from .samples import (
    NOON,
    bytes_of,
    denied,
    file,
    image,
    in_memory,
    items,
    keep,
    ledger_with,
    mapped,
    one,
    pending,
    unmapped,
    url,
)

MATCH = Reason.BLOCKLISTED


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with ledger_with(tmp_path, (url("a"), mapped())) as opened:
        yield opened


def task(ledger: Ledger) -> Task:
    [found] = pending(ledger)
    return found


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_state(ledger: Ledger, reason: Reason) -> None:
    apply(ledger, [Outcome(task(ledger).id, reason, "why not", 418, 3, 10, b"s" * 32)])
    columns = "state, reason, detail, http_status, attempts, bytes, sha256, updated"
    assert one(ledger, f"SELECT {columns} FROM items") == (
        reason.state,
        reason,
        "why not",
        418,
        3,
        10,
        b"s" * 32,
        NOON,
    )
    assert reason.state in (State.FAILED, State.REFUSED)
    assert not pending(ledger)
    assert one(ledger, "SELECT count(*) FROM images") == 0


def test_an_image_is_kept_with_what_is_known_of_it(ledger: Ledger) -> None:
    kept = Stored(b"s" * 32, "png", 640, 480, 1_000, b"p" * 32, 77)
    apply(ledger, [Outcome(task(ledger).id, http_status=200, size=1_000, stored=(kept,))])
    columns = "sha256, format, width, height, bytes, pdq, pdq_quality, quarantine, added"
    assert one(ledger, f"SELECT {columns} FROM images") == (
        b"s" * 32,
        "png",
        640,
        480,
        1_000,
        b"p" * 32,
        77,
        None,
        NOON,
    )
    assert items(ledger) == {"a": ("fetched", None, "neutral")}
    assert ledger.read("SELECT * FROM origins") == [(1, 1, None)]


def everything(ledger: Ledger) -> list[str]:
    with sqlite3.connect(ledger.folder / "figleaf.db") as connection:
        lines = list(connection.iterdump())
    connection.close()
    return lines


@pytest.mark.parametrize("reason", [None, Reason.GONE, Reason.ROBOTS, MATCH])
def test_the_same_outcome_again_changes_nothing(tmp_path: Path, reason: Reason | None) -> None:
    times = iter(range(1_000))
    with Ledger(tmp_path, write=True, clock=lambda: float(next(times))) as ledger:
        register(ledger, [(url("a"), mapped())])
        frames = (image("one"), replace(image("two"), seconds=0.5)) if reason is None else ()
        outcome = Outcome(task(ledger).id, reason, stored=frames)
        apply(ledger, [outcome])
        first = everything(ledger)
        apply(ledger, [outcome, outcome])
        assert everything(ledger) == first


def test_an_outcome_of_what_is_no_longer_pending_is_left_out(ledger: Ledger) -> None:
    late = task(ledger).id
    register(ledger, [(url("a"), denied())])
    apply(ledger, [Outcome(late, stored=(image("late"),)), Outcome(99, stored=(image("none"),))])
    assert items(ledger) == {"a": ("refused", "denied", None)}
    assert one(ledger, "SELECT count(*) FROM images") == 0


def test_a_transaction_holds_all_outcomes_or_none(ledger: Ledger) -> None:
    register(ledger, [(url("b"), mapped())])
    good, bad = (one.id for one in pending(ledger))
    broken = replace(image("x"), sha256="text\udce9")  # type: ignore[arg-type]  # what SQLite refuses
    with pytest.raises(UnicodeEncodeError):
        apply(ledger, [Outcome(good, stored=(image("y"),)), Outcome(bad, stored=(broken,))])
    assert ledger.count_pending() == 2
    assert one(ledger, "SELECT count(*) FROM images") == 0


def test_details_with_odd_text(ledger: Ledger) -> None:
    apply(ledger, [Outcome(task(ledger).id, Reason.NOT_FOUND, "no \udce9 there\0")])
    assert one(ledger, "SELECT detail FROM items") == "no \\udce9 there\0"


def test_the_same_image_from_two_items_is_one(ledger: Ledger) -> None:
    register(ledger, [(file("/b"), mapped())])
    keep(ledger, "same")
    assert one(ledger, "SELECT count(*) FROM images") == 1
    assert ledger.read("SELECT item_id, image_id FROM origins ORDER BY item_id") == [(1, 1), (2, 1)]


def test_a_hash_that_was_not_computed_at_first_is_added_later(ledger: Ledger) -> None:
    keep(ledger, "same")
    register(ledger, [(url("b"), mapped())])
    keep(ledger, "same", pdq=b"p" * 32, pdq_quality=60)
    register(ledger, [(url("c"), mapped())])
    keep(ledger, "same")
    assert one(ledger, "SELECT pdq, pdq_quality FROM images") == (b"p" * 32, 60)


def test_the_frames_of_one_item(ledger: Ledger) -> None:
    frames = [
        replace(image(name), seconds=time) for name, time in zip("xyx", (0, 0.5, 1), strict=True)
    ]
    apply(ledger, [Outcome(task(ledger).id, stored=tuple(frames), sha256=b"v" * 32)])
    assert ledger.read("SELECT image_id, seconds FROM origins ORDER BY seconds") == [
        (1, 0.0),
        (2, 0.5),
        (1, 1.0),
    ]
    assert one(ledger, "SELECT sha256 FROM items") == b"v" * 32


# Matches.


def traces(folder: Path, text: bytes) -> list[str]:
    return [name for name, data in bytes_of(folder) if text in data]


def test_the_url_of_a_match_is_nowhere_in_the_ledger(ledger: Ledger) -> None:
    folder = ledger.folder
    assert traces(folder, b"pictures.example/a")
    apply(ledger, [Outcome(task(ledger).id, MATCH, "a md5 hash of a list")])
    # At once, not only when it is closed: a kill may come before.
    assert not traces(folder, b"pictures.example/a")
    ledger.close()
    assert not traces(folder, b"pictures.example/a")


def test_the_url_of_a_match_is_gone_though_somebody_reads(ledger: Ledger) -> None:
    with Ledger(ledger.folder) as reader:
        waiting = reader.pending(Kind.URL)
        apply(ledger, [Outcome(next(waiting).id, MATCH)])
        ledger.close()
        assert not traces(ledger.folder, b"pictures.example/a")


def test_registering_its_list_again_does_not_bring_back_a_match(ledger: Ledger) -> None:
    apply(ledger, [Outcome(task(ledger).id, MATCH)])
    for decision in (mapped(), unmapped(), denied(), mapped("drawings")):
        register(ledger, [(url("a"), decision), (url("a", "other.txt"), mapped())])
        assert one(ledger, "SELECT state, reason FROM items") == ("refused", "blocklisted")
        assert one(ledger, "SELECT locator FROM locators") is None
    assert not pending(ledger)
    ledger.close()
    assert not traces(ledger.folder, b"pictures.example/a")


def test_a_match_is_shown_by_its_key_alone(ledger: Ledger) -> None:
    apply(ledger, [Outcome(task(ledger).id, MATCH, "a md5 hash of a list")])
    with Dataset(ledger.folder) as data:
        [loss] = data.losses()
    assert loss.locator == f"withheld:{key_of(Kind.URL, url('a').locator).hex()}"
    assert (loss.reason, loss.detail) == (MATCH, "a md5 hash of a list")


def test_a_match_is_withheld_whatever_the_state_of_its_item(ledger: Ledger) -> None:
    found = task(ledger).id
    apply(ledger, [Outcome(found, Reason.TIMEOUT)])
    apply(ledger, [Outcome(found, MATCH)])
    assert one(ledger, "SELECT state, reason, locator FROM items, locators") == (
        "refused",
        "blocklisted",
        None,
    )


def test_no_trace_of_matches_among_thousands_of_rows_that_grow_and_move() -> None:
    random = Random(7)
    names = [f"{random.randbytes(12).hex()}{'x' * random.randrange(90)}" for _ in range(6_000)]
    names[::500] = [f"{name}{'long' * 2_000}" for name in names[::500]]
    with in_memory() as folder:
        ledger = ledger_with(Path(folder), *((url(name), mapped()) for name in names))
        everyone = {one.id: one.locator.rpartition("/")[2] for one in pending(ledger)}
        withheld = set(random.sample(sorted(everyone), 600)) | {1, 501}
        for ids in batches(random, everyone):
            apply(ledger, [Outcome(one, Reason.DNS, "d" * random.randrange(90)) for one in ids])
            retry(ledger, [Reason.DNS])
            apply(ledger, [ending(random, one, one in withheld) for one in ids])
        register(ledger, [(url(name, "again.txt"), mapped("drawings")) for name in names])
        ledger.close()
        data = (Path(folder) / "figleaf.db").read_bytes()
    # Nor is there a second copy of any, which would stay if that one were withheld.
    copies = Counter(re.findall(rb"pictures\.example/([0-9a-f]{24})", data))
    assert {one: copies[name[:24].encode()] for one, name in everyone.items()} == {
        one: int(one not in withheld) for one in everyone
    }


def batches(random: Random, everyone: dict[int, str]) -> Iterator[list[int]]:
    left = sorted(everyone)
    random.shuffle(left)
    while left:
        size = random.randrange(1, 900)
        yield left[:size]
        del left[:size]


def ending(random: Random, number: int, withheld: bool) -> Outcome:
    if withheld:
        return Outcome(number, MATCH, "a md5 hash of a list")
    if random.random() < 0.5:
        return Outcome(number, stored=(image(str(number)),), sha256=b"s" * 32)
    return Outcome(number, Reason.GONE, "g" * random.randrange(200), 404)


# Second tries.


def test_a_second_try_of_some_reasons(ledger: Ledger) -> None:
    register(ledger, [(url(name), mapped()) for name in "bcd"])
    reasons = [Reason.TIMEOUT, Reason.GONE, Reason.ROBOTS, None]
    apply(
        ledger,
        [
            Outcome(number, reason, "why", attempts=2)
            for number, reason in enumerate(reasons, start=1)
        ],
    )
    assert retry(ledger, iter([Reason.TIMEOUT, Reason.ROBOTS, Reason.DNS])) == 2
    assert {one.id for one in pending(ledger)} == {1, 3}
    assert ledger.read("SELECT reason, detail FROM items WHERE id IN (1, 3)") == [(None, "")] * 2
    apply(ledger, [Outcome(1, Reason.TIMEOUT, attempts=3)])
    assert one(ledger, "SELECT attempts FROM items WHERE id = 1") == 5


def test_nothing_is_tried_again_for_no_reason(ledger: Ledger) -> None:
    apply(ledger, [Outcome(task(ledger).id, Reason.TIMEOUT)])
    assert retry(ledger, []) == 0
    assert retry(ledger, [Reason.GONE]) == 0
    assert not pending(ledger)


@pytest.mark.parametrize("reason", [Reason.DENIED, Reason.UNMAPPED, MATCH])
def test_what_the_rules_say_cannot_be_tried_again(ledger: Ledger, reason: Reason) -> None:
    apply(ledger, [Outcome(task(ledger).id, Reason.TIMEOUT)])
    with pytest.raises(InputError, match=f"{reason}: no second try changes it"):
        retry(ledger, [Reason.TIMEOUT, reason])
    assert not pending(ledger)
