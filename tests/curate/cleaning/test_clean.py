"""Cleaning as a whole: every rule on real pictures, people's word, safety, and doing it again."""

from pathlib import Path
from typing import Any

import pytest

from figleaf.curate.cleaning.clean import clean
from figleaf.curate.cleaning.rules import RULES
from figleaf.curate.restore import restore
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import OF_SAFETY, Quarantine
from figleaf.errors import DatasetError, InputError

from ...sources.collecting import files_of
from .dirty import (
    ASTRONAUT,
    DIRTY,
    aside,
    cleaned,
    data_set,
    dropped,
    encoded,
    events,
    hash_of,
    path_of,
    picture,
    put_aside,
    reasons,
    relabel,
    table,
)

ALONE = {
    "neutral/small.png": "too_small",
    "neutral/banner.jpg": "aspect_ratio",
    "neutral/plain.jpg": "single_colour",
    "neutral/gone.png": "placeholder",
}
COPIES = dict.fromkeys(
    ["neutral/again.jpg", "neutral/little.jpg", "neutral/framed.jpg", "neutral/mirror.jpg"],
    "duplicate",
)
CONFLICTS = dict.fromkeys(
    ["neutral/rocket.png", "drawings/rocket.jpg", "drawings/cat.jpg"], "label_conflict"
)
"""The cat has two files: its first is that in drawings."""
ALL = ALONE | COPIES | CONFLICTS
FINE = {"neutral/fine.jpg", "neutral/best.png", "neutral/large.jpg"}


def test_every_rule_drops_what_it_is_for_and_nothing_else(out: Path) -> None:
    report = cleaned(out)
    assert aside(out) == ALL == dropped(report, out)
    assert reasons(out).keys() - aside(out) == FINE
    assert (report.images, report.kept) == (len(DIRTY) - 1, len(FINE))
    assert report.newly == report.dropped
    assert (report.examined, report.brought_back, report.corrected) == (0, 0, 0)


def test_every_drop_says_why(out: Path) -> None:
    report = cleaned(out)
    best = hash_of(out, "neutral/best.png")[:8]
    whys = {name: one.why for one, name in zip(report.drops, dropped(report, out), strict=True)}
    assert whys["neutral/small.png"] == "40x90, a side under 64"
    assert whys["neutral/banner.jpg"] == "480x80 is 6 to 1, over 5"
    assert whys["neutral/gone.png"] == "161x81, the size of a known placeholder"
    assert "of 255, under 3" in whys["neutral/plain.jpg"]
    assert whys["neutral/again.jpg"].startswith(f"the same picture as {best}, a better file; ")
    assert whys["neutral/rocket.png"] == "the same picture in drawings and neutral"
    assert whys["drawings/cat.jpg"] == "its lists disagree about its class: drawings, neutral"
    with Dataset(out) as data:
        assert {row.why for row in data.filter(quarantined=True)} == set(whys.values())
    assert all(Path(one.path).is_file() for one in report.drops)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_can_be_switched_off(out: Path, rule: Quarantine) -> None:
    cleaned(out, off=[rule])
    found = aside(out)
    assert rule not in found.values()
    rest = {name: reason for name, reason in ALL.items() if reason != rule}
    # What it dropped may be dropped by another rule instead.
    assert {name: found.get(name) for name in rest} == rest
    others = {name: found[name] for name in found.keys() - rest.keys()}
    if rule is Quarantine.LABEL_CONFLICT:
        assert others == {"drawings/rocket.jpg": "duplicate"}
    else:
        assert not others


def test_with_all_rules_off_all_stays_in_use(out: Path) -> None:
    assert cleaned(out, off=RULES).kept == len(DIRTY) - 1
    assert not aside(out)


@pytest.mark.parametrize(
    ("rules", "name", "reason"),
    [
        ({"min_side": 300}, "neutral/fine.jpg", "too_small"),
        ({"min_side": 257}, "neutral/large.jpg", None),
        ({"min_side": 40}, "neutral/small.png", None),
        ({"min_bytes": 50_000}, "neutral/fine.jpg", "too_small"),
        ({"max_pixels": 600 * 400 - 1}, "neutral/large.jpg", "too_large"),
        ({"max_pixels": 600 * 400}, "neutral/large.jpg", None),
        ({"max_bytes": 20_000}, "neutral/large.jpg", "too_large"),
        ({"max_aspect": 6}, "neutral/banner.jpg", None),
        ({"max_aspect": 1.4}, "neutral/large.jpg", "aspect_ratio"),
        ({"min_spread": 0}, "neutral/plain.jpg", None),
        ({"min_spread": 100}, "neutral/fine.jpg", "single_colour"),
        ({"placeholder_sizes": ()}, "neutral/gone.png", None),
        ({"placeholder_sizes": ((256, 256),)}, "neutral/fine.jpg", "placeholder"),
        ({"mirrored": False}, "neutral/mirror.jpg", None),
        ({"distance": 0}, "neutral/little.jpg", None),
        ({"min_quality": 100, "distance": 64}, "neutral/plain.jpg", "single_colour"),
    ],
)
def test_every_rule_can_be_tuned(
    out: Path, rules: dict[str, Any], name: str, reason: str | None
) -> None:
    cleaned(out, **rules)
    assert reasons(out)[name] == reason


def test_a_hash_of_low_quality_is_not_compared(tmp_path: Path) -> None:
    faint = {f"neutral/{level}.png": _faint(level) for level in (100, 104)}
    out = data_set(tmp_path, faint)
    assert cleaned(out, min_spread=1).kept == 2
    assert not table(out, "clusters")
    assert list(dropped(cleaned(out, min_spread=1, min_quality=0), out).values()) == ["duplicate"]


def _faint(level: int) -> bytes:
    """A photo of hardly any contrast."""
    return encoded(picture(ASTRONAUT).point(lambda value: level + value // 25), "PNG")


def test_the_same_again_changes_nothing_and_writes_no_event(out: Path) -> None:
    first = cleaned(out)
    before = events(out), table(out, "clusters"), table(out, "examinations"), files_of(out)
    second = cleaned(out)
    assert (events(out), table(out, "clusters")) == before[:2]
    assert (table(out, "examinations"), files_of(out)) == before[2:]
    assert second.drops == first.drops
    assert not second.newly
    assert (second.largest, second.conflicts) == (first.largest, first.conflicts)


def test_cleaning_writes_no_label(out: Path) -> None:
    before = table(out, "labels")
    cleaned(out)
    assert table(out, "labels") == before


def test_other_rules_bring_images_back_and_every_change_is_an_event(out: Path) -> None:
    cleaned(out)
    report = cleaned(out, min_side=32, off=["duplicate"])
    assert report.brought_back == 1 + len(COPIES)
    assert not report.newly
    assert aside(out) == {
        name: reason for name, reason in ALL.items() if reason not in ("too_small", "duplicate")
    }
    last = [event[1:] for event in events(out)[-report.brought_back :]]
    assert {event[:3] for event in last} == {
        ("too_small", None, "clean"),
        ("duplicate", None, "clean"),
    }
    assert cleaned(out).newly == {"too_small": 1, "duplicate": len(COPIES)}


def test_an_image_is_dropped_by_the_first_rule_that_holds(out: Path) -> None:
    cleaned(out, placeholder_sizes=((40, 90),), min_side=200, max_aspect=1.1)
    found = aside(out)
    assert found["neutral/small.png"] == "placeholder"
    assert found["neutral/banner.jpg"] == "too_small"
    assert found["neutral/large.jpg"] == "aspect_ratio"


def test_a_dry_run_says_what_the_real_one_does_and_changes_nothing(out: Path) -> None:
    before = events(out), table(out, "images"), table(out, "clusters")
    dry = cleaned(out, dry_run=True)
    assert (events(out), table(out, "images"), table(out, "clusters")) == before
    wet = cleaned(out)
    assert dry.drops == wet.drops
    assert (dry.newly, dry.conflicts, dry.largest) == (wet.newly, wet.conflicts, wet.largest)
    assert dry.is_dry
    assert not wet.is_dry
    assert [row[0] for row in table(out, "runs")] == [1, 2, 3, 4]


def test_a_dry_run_after_a_real_one_brings_nothing_back(out: Path) -> None:
    cleaned(out)
    before = events(out), table(out, "clusters")
    assert cleaned(out, dry_run=True, off=RULES).brought_back == len(ALL)
    assert (events(out), table(out, "clusters")) == before


def test_the_largest_clusters_come_first(out: Path) -> None:
    report = cleaned(out)
    assert report.clusters == 2
    assert [len(one.ids) for one in report.largest] == [5, 2]
    assert report.largest[0].sha256[0] == hash_of(out, "neutral/best.png")
    assert set(report.largest[0].labels) == {"neutral"}
    assert report.largest[0].distances[0] == 0
    assert max(report.largest[0].distances) <= 31


# People.


def test_what_a_person_brought_back_stays_for_that_reason_and_not_for_another(out: Path) -> None:
    cleaned(out)
    restore(out, [hash_of(out, "neutral/small.png")], who="ana")
    cleaned(out)
    assert reasons(out)["neutral/small.png"] is None
    cleaned(out, max_aspect=2)
    assert reasons(out)["neutral/small.png"] == "aspect_ratio"
    cleaned(out)
    assert reasons(out)["neutral/small.png"] is None


def test_a_duplicate_that_a_person_brought_back_stays_beside_the_best(out: Path) -> None:
    cleaned(out)
    restore(out, [hash_of(out, "neutral/again.jpg")], who="ana")
    cleaned(out)
    found = reasons(out)
    assert (found["neutral/again.jpg"], found["neutral/best.png"]) == (None, None)
    assert found["neutral/little.jpg"] == "duplicate"


def test_a_persons_label_settles_a_conflict(out: Path) -> None:
    cleaned(out)
    restore(out, [hash_of(out, "drawings/rocket.jpg")], label="drawings", who="ana")
    report = cleaned(out)
    # The worse file, but the one that a person has looked at.
    assert reasons(out)["drawings/rocket.jpg"] is None
    with Dataset(out) as data:
        (other,) = data.filter(quarantined=True, where=lambda row: "person" in (row.why or ""))
    assert other.sha256 == hash_of(out, "neutral/rocket.png")
    assert other.quarantine == "label_conflict"
    assert other.why == "neutral, but a person calls a duplicate of it drawings"
    assert [one.sha256 for one in report.conflicts] == [(hash_of(out, "drawings/cat.jpg"),)]
    assert not cleaned(out).newly


def test_a_persons_label_settles_what_lists_dispute(out: Path) -> None:
    cleaned(out)
    restore(out, [hash_of(out, "drawings/cat.jpg")], label="neutral", who="ana")
    report = cleaned(out)
    with Dataset(out) as data:
        labels = {row.sha256: row.label for row in data}
    assert labels[hash_of(out, "drawings/cat.jpg")] == "neutral"
    assert len(report.conflicts) == 1


def test_two_people_who_disagree_are_a_conflict(out: Path) -> None:
    relabel(out, "neutral/rocket.png", "neutral", "ana")
    relabel(out, "drawings/rocket.jpg", "drawings", "ben")
    cleaned(out)
    found = aside(out)
    assert found["neutral/rocket.png"] == found["drawings/rocket.jpg"] == "label_conflict"


def test_a_person_who_says_no_class_is_not_overruled(out: Path) -> None:
    relabel(out, "neutral/little.jpg", None, "ana")
    report = cleaned(out)
    found = reasons(out)
    assert found["neutral/little.jpg"] is None
    assert found["neutral/best.png"] == "label_conflict"
    whys = {one.why for one in report.drops if one.reason == "label_conflict"}
    assert "neutral, but a person gives a duplicate of it no class" in whys


def test_an_image_of_a_conflict_that_is_brought_back_is_no_duplicate_of_one_that_is_not(
    out: Path,
) -> None:
    """Else the picture would be gone: the better file is set aside itself."""
    cleaned(out)
    restore(out, [hash_of(out, "drawings/rocket.jpg")], who="ana")
    cleaned(out)
    found = reasons(out)
    assert found["drawings/rocket.jpg"] is None
    assert found["neutral/rocket.png"] == "label_conflict"


def test_all_of_a_conflict_that_are_brought_back_leave_the_best(out: Path) -> None:
    cleaned(out)
    restore(out, reasons=["label_conflict"], who="ana")
    report = cleaned(out)
    found = reasons(out)
    assert found["neutral/rocket.png"] is None
    assert found["drawings/rocket.jpg"] == "duplicate"
    assert found["drawings/cat.jpg"] is None
    assert not report.conflicts


def test_no_conflict_is_listed_where_the_rule_is_off(out: Path) -> None:
    assert not cleaned(out, off=["label_conflict"]).conflicts


# Classes.


def test_an_image_without_a_class_is_a_duplicate_of_one_with(out: Path) -> None:
    relabel(out, "neutral/best.png", None)
    cleaned(out)
    found = reasons(out)
    assert found["neutral/best.png"] == "duplicate"
    assert found["neutral/mirror.jpg"] is None  # the largest file of as many pixels
    assert not [name for name, reason in found.items() if name in COPIES and reason == "conflict"]


def test_images_without_a_class_alone_are_no_conflict(out: Path) -> None:
    for name in COPIES | {"neutral/best.png": ""}:
        relabel(out, name, None)
    cleaned(out)
    assert {name: aside(out).get(name) for name in COPIES} == COPIES


def test_a_disputed_image_that_cannot_be_compared_is_a_conflict_too(out: Path) -> None:
    with Ledger(out, write=True) as ledger, ledger.transaction() as db:
        db.execute("UPDATE images SET pdq_quality = 10 WHERE label IS NULL")
    report = cleaned(out)
    assert (hash_of(out, "drawings/cat.jpg"),) in [one.sha256 for one in report.conflicts]
    assert aside(out) == ALL


# What is not cleaning's.


@pytest.mark.parametrize("reason", [*sorted(OF_SAFETY), "screened", "blurred"])
def test_what_is_set_aside_for_another_reason_stays_so(out: Path, reason: str) -> None:
    for name in ("neutral/small.png", "neutral/fine.jpg", "neutral/again.jpg"):
        put_aside(out, name, reason)
    report = cleaned(out)
    found = reasons(out)
    for name in ("neutral/small.png", "neutral/fine.jpg", "neutral/again.jpg"):
        assert found[name] == reason
    assert report.images == len(DIRTY) - 1 - 3
    cleaned(out, off=RULES)
    left = aside(out)
    assert [name for name, why in left.items() if why == reason] == sorted(
        ["neutral/small.png", "neutral/fine.jpg", "neutral/again.jpg"], key=list(left).index
    )
    # The copies of what is denied or on a blocklist stay with it, whatever is switched off.
    copies = {name for name, why in left.items() if why == "duplicate"}
    with_it = {"neutral/best.png", *COPIES} - {"neutral/again.jpg"}
    assert copies == (with_it if reason in ("blocklisted", "denied") else set())


@pytest.mark.parametrize("reason", ["blocklisted", "denied", "screened"])
def test_the_copies_of_what_is_set_aside_stay_with_it(out: Path, reason: str) -> None:
    cleaned(out)
    put_aside(out, "neutral/best.png", reason)
    report = cleaned(out)
    assert report.brought_back == 0
    found = reasons(out)
    assert found["neutral/best.png"] == reason
    assert {found[name] for name in COPIES} == {"duplicate"}
    best = hash_of(out, "neutral/best.png")[:8]
    whys = {drop.why for drop in report.drops if drop.reason == "duplicate"}
    assert all(f"{best}, which is set aside: {reason}; " in why for why in whys)


def test_nobody_brings_back_a_copy_of_what_is_denied(out: Path) -> None:
    put_aside(out, "neutral/best.png", "denied")
    cleaned(out)
    put_aside(out, "neutral/again.jpg", None, who="kim")
    cleaned(out)
    assert reasons(out)["neutral/again.jpg"] == "duplicate"
    put_aside(out, "neutral/best.png", None)
    cleaned(out)
    assert reasons(out)["neutral/best.png"] is None


def test_the_copies_of_what_could_not_be_checked_are_judged_by_themselves(out: Path) -> None:
    put_aside(out, "neutral/best.png", "unchecked")
    cleaned(out)
    found = reasons(out)
    assert found["neutral/best.png"] == "unchecked"
    assert [found[name] for name in COPIES].count(None) == 1


def test_a_blocklisted_file_is_never_opened(tmp_path: Path) -> None:
    out = data_set(tmp_path, {"neutral/fine.jpg": DIRTY["neutral/fine.jpg"]})
    put_aside(out, "neutral/fine.jpg", Quarantine.BLOCKLISTED)
    path_of(out, "neutral/fine.jpg").unlink()
    report = cleaned(out)
    assert (report.images, report.examined) == (0, 0)
    assert not table(out, "examinations")
    assert reasons(out) == {"neutral/fine.jpg": "blocklisted"}


def test_a_reason_of_safety_that_is_lifted_leaves_the_image_to_the_rules(out: Path) -> None:
    put_aside(out, "neutral/small.png", Quarantine.UNCHECKED)
    cleaned(out)
    put_aside(out, "neutral/small.png", None)
    cleaned(out)
    assert reasons(out)["neutral/small.png"] == "too_small"


# Data sets that have little to clean, or cannot be.


def test_an_empty_data_set(tmp_path: Path) -> None:
    Ledger(tmp_path / "data", write=True).close()
    report = cleaned(tmp_path / "data")
    assert (report.images, report.kept, report.clusters) == (0, 0, 0)
    assert not report.drops


def test_a_data_set_of_nothing_that_is_of_use(out: Path) -> None:
    report = cleaned(out, min_side=2_000)
    assert (report.kept, report.clusters) == (0, 0)
    assert cleaned(out).kept == len(FINE)


def test_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no data set here"):
        clean(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_data_set_in_use(out: Path) -> None:
    with Ledger(out, write=True), pytest.raises(DatasetError, match="another process"):
        clean(out)


@pytest.mark.parametrize("workers", [0, -5])
def test_no_workers(out: Path, workers: int) -> None:
    with pytest.raises(InputError, match=f"workers must be at least 1, not {workers}"):
        clean(out, workers=workers)


def test_a_reader_meanwhile_is_not_in_the_way(out: Path) -> None:
    with Dataset(out) as data:
        rows = iter(data)
        next(rows)
        cleaned(out)
        assert len(data) == len(FINE)


def test_the_ledger_says_what_ran_with_which_rules(out: Path) -> None:
    cleaned(out, min_side=100)
    query = "SELECT command, json_extract(arguments, '$.min_side'), outcome FROM runs ORDER BY id"
    with Ledger(out) as ledger:
        *_, last = ledger.read(query)
    assert last == ("clean", 100, "done")


def test_copies_of_the_same_bytes_are_counted(out: Path) -> None:
    assert cleaned(out).copies == 1  # the cat's


def test_a_file_that_is_damaged_later_is_found_when_all_are_read_again(out: Path) -> None:
    cleaned(out)
    path = path_of(out, "neutral/fine.jpg")
    path.write_bytes(path.read_bytes()[:500])
    assert "neutral/fine.jpg" not in dropped(cleaned(out), out)
    report = clean(out, again=True, workers=1)
    assert report.examined == len(DIRTY) - 1
    assert dropped(report, out)["neutral/fine.jpg"] == "broken"
