"""What the ledger says of all images, in arrays; and that it is read in a straight line."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from figleaf.curate.cleaning import catalogue, examine, misnamed
from figleaf.curate.cleaning.catalogue import Catalogue, Opinions, Role, read_catalogue
from figleaf.curate.cleaning.examine import count_waiting, waiting
from figleaf.curate.cleaning.misnamed import count_misnamed
from figleaf.curate.cleaning.placeholders import Placeholders
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.curate.restore import restore
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import Quarantine

from ...dataset.samples import in_memory
from .dirty import cleaned, hash_of, hashes, relabel

COUNT = 20_050
"""More than two pages."""


@pytest.fixture(scope="module")
def large() -> Iterator[Path]:
    """Many images of which only the ledger knows: JPEGs that were called PNG, one in ten small."""
    with in_memory() as folder:
        with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
            for number in range(1, COUNT + 1):
                digest = hashlib.sha256(number.to_bytes(4)).digest()
                side = 8 if number % 10 == 0 else 100
                db.execute(
                    "INSERT INTO images (id, sha256, format, width, height, bytes, pdq,"
                    " pdq_quality, added) VALUES (?, ?, 'jpeg', ?, 300, ?, ?, 100, 0)",
                    (number, digest, side, 1_000 + number, digest),
                )
                db.execute(
                    "INSERT INTO examinations (image_id, status, detail, format, spread, mirrored,"
                    " inner_pdq, inner_mirrored, inner_quality, at)"
                    " VALUES (?, 'ok', '', 'jpeg', 9, ?, ?, ?, ?, 0)",
                    (number, digest, *((digest, digest, 60) if number % 3 == 0 else (None,) * 3)),
                )
                # The items came in another order than the images.
                item = COUNT + 1 - number
                db.execute(
                    "INSERT INTO items (id, key, kind, state) VALUES (?, ?, 'file', 'fetched')",
                    (item, digest[:16]),
                )
                db.execute("INSERT INTO locators VALUES (?, ?)", (item, f"/photos/{number}.png"))
                db.execute("INSERT INTO origins VALUES (?, ?, NULL)", (item, number))
        yield Path(folder)


def catalogued(ledger: Ledger, rules: CleanRules) -> Catalogue:
    loaded = Placeholders.load(ledger, rules)
    return read_catalogue(ledger, rules, loaded, Opinions.read(ledger))


def test_all_pages_are_read_and_the_columns_fit_together(large: Path) -> None:
    with Ledger(large) as ledger:
        found = catalogued(ledger, CleanRules())
    assert found.images == COUNT
    assert sorted(found.findings) == list(range(10, COUNT + 1, 10))
    assert {one.reason for one in found.findings.values()} == {Quarantine.TOO_SMALL}
    candidates = found.candidates
    ids = candidates.ids.tolist()
    assert ids == list(range(1, COUNT + 1))
    dropped = candidates.roles == Role.BYSTANDER
    assert candidates.ids[dropped].tolist() == list(range(10, COUNT + 1, 10))
    assert set(candidates.roles[~dropped].tolist()) == {Role.CANDIDATE}
    assert candidates.sizes.tolist() == [1_000 + number for number in ids]
    assert set(candidates.pixels[~dropped].tolist()) == {30_000}
    assert set(candidates.labels.tolist()) == {-1}
    assert candidates.whole.shape == candidates.mirrored.shape == (len(ids), 32)
    last = hashlib.sha256(ids[-1].to_bytes(4)).digest()
    assert bytes(candidates.sha256[-1]) == bytes(candidates.whole[-1]) == last
    bordered = [ids[place] for place in candidates.bordered]
    assert bordered == [number for number in ids if number % 3 == 0]
    assert bytes(candidates.inner[-1]) == hashlib.sha256(bordered[-1].to_bytes(4)).digest()


def test_a_border_whose_inside_says_little_is_none(large: Path) -> None:
    with Ledger(large) as ledger:
        candidates = catalogued(ledger, CleanRules(min_quality=61)).candidates
    assert len(candidates.ids)
    assert not len(candidates.bordered)
    assert candidates.inner.shape == candidates.inner_mirrored.shape == (0, 32)


def test_all_sources_are_counted(large: Path) -> None:
    with Ledger(large) as ledger:
        assert count_misnamed(ledger) == {("png", "jpeg"): COUNT}


def test_all_that_waits_is_found_page_by_page(large: Path) -> None:
    with Ledger(large, write=True) as ledger:
        assert count_waiting(ledger) == 0
        with ledger.transaction() as db:
            db.execute("UPDATE examinations SET status = 'timeout' WHERE image_id % 2")
        assert [one.id for one in waiting(ledger)] == list(range(1, COUNT + 1, 2))
        with ledger.transaction() as db:
            db.execute("UPDATE examinations SET status = 'ok'")


@pytest.mark.parametrize("query", [catalogue._IMAGES, examine._IMAGES, misnamed._NAMES])
def test_a_page_is_read_without_sorting_what_comes_after_it(large: Path, query: str) -> None:
    """Else a million images take hours: each page would go through all the rest."""
    with Ledger(large) as ledger:
        plan = [row[3] for row in ledger.read(f"EXPLAIN QUERY PLAN {query}", (5,))]
    assert not [step for step in plan if "TEMP B-TREE" in step]
    first, *others = plan
    assert first.startswith("SEARCH")
    assert "(rowid>?)" in first
    assert not [step for step in others if step.startswith("SCAN")]


# What people said.


def image_of(out: Path, name: str) -> int:
    with Ledger(out) as ledger:
        digest = bytes.fromhex(hash_of(out, name))
        return int(ledger.read("SELECT id FROM images WHERE sha256 = ?", (digest,))[0][0])


def opinions(out: Path) -> Opinions:
    with Ledger(out) as ledger:
        return Opinions.read(ledger)


def test_lists_that_disagree_leave_an_image_disputed(out: Path) -> None:
    assert len(hashes(out)) > 1
    cat = image_of(out, "drawings/cat.jpg")
    assert opinions(out) == Opinions(frozenset(), frozenset(), {cat: "drawings, neutral"})


def test_a_person_who_says_something_ends_the_dispute(out: Path) -> None:
    cat = image_of(out, "drawings/cat.jpg")
    relabel(out, "drawings/cat.jpg", None, "ana")
    assert opinions(out) == Opinions(frozenset(), frozenset({cat}), {})


def test_no_class_for_another_reason_is_no_dispute(out: Path) -> None:
    relabel(out, "neutral/fine.jpg", None)
    assert image_of(out, "neutral/fine.jpg") not in opinions(out).disputed


def test_the_last_word_counts(out: Path) -> None:
    relabel(out, "neutral/fine.jpg", "drawings", "ana")
    relabel(out, "neutral/fine.jpg", "neutral")
    assert not opinions(out).by_person
    relabel(out, "neutral/fine.jpg", "neutral", "ben")
    assert opinions(out).by_person == {image_of(out, "neutral/fine.jpg")}


def test_what_a_person_brought_back_is_told_from_what_a_tool_did(out: Path) -> None:
    cleaned(out)
    cleaned(out, off=["too_small"])
    assert not opinions(out).brought_back
    restore(out, reasons=["placeholder"], who="ana")
    assert opinions(out).brought_back == {(image_of(out, "neutral/gone.png"), "placeholder")}


def test_lists_that_are_denied_or_mean_nothing_dispute_nothing(out: Path) -> None:
    with Ledger(out, write=True) as ledger, ledger.transaction() as db:
        db.execute("UPDATE listings SET reason = 'denied' WHERE filed = 'drawings'")
    assert not opinions(out).disputed
