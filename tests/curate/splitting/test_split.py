"""Splits of whole data sets: exact, whole groups, kept for ever, all or nothing."""

import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from math import ceil, floor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import figleaf
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.curate.splitting.images import comparison
from figleaf.curate.splitting.leaks import MOST_LEAKS, Comparison
from figleaf.curate.splitting.rules import By, SplitChanges, SplitRules
from figleaf.curate.splitting.split import SplitReport, check_split, split
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError, InputError, LeakError

from ...dataset.samples import in_memory, line_of, python
from .samples import (
    change,
    clean,
    collect,
    film,
    names,
    on_a_full_disk,
    pdq,
    places,
    plant,
    set_aside,
    sha256,
)

HASHED = SplitRules(test=0.3, folds=3, stratified=False)


def part_of(folder: Path, name: str) -> str | None:
    return places(folder)[name][0]


def parts_of(folder: Path) -> dict[str, str | None]:
    return {name: part for name, (part, _) in places(folder).items()}


def total(found: SplitReport) -> int:
    return sum(found.counts.values())


def test_fifteen_of_a_hundred_are_to_test_in_every_class(data_set: Path) -> None:
    found = split(data_set)
    assert found.counts == {
        ("drawings", "test"): 3,
        ("drawings", "train"): 17,
        ("neutral", "test"): 12,
        ("neutral", "train"): 68,
    }
    assert (found.rules, found.new, found.left_out, found.unlabelled) == (SplitRules(), 100, 0, 0)
    assert found.folds == {}
    assert Counter(places(data_set).values()) == {("test", None): 15, ("train", None): 85}


def test_rows_and_filters_know_the_split(data_set: Path) -> None:
    found = split(data_set, rules=SplitRules(test=0.2, validation=0.1, folds=4))
    with figleaf.Dataset(data_set) as data:
        for part, count in (("train", 70), ("validation", 10), ("test", 20)):
            rows = list(data.filter(split=part))
            assert len(rows) == len(data.filter(split=part)) == count
            assert {row.split for row in rows} == {part}
        for fold in range(4):
            rows = list(data.filter(split="train", fold=fold))
            assert len(rows) == len(data.filter(fold=fold)) == found.folds[fold]
            assert {(row.split, row.fold) for row in rows} == {("train", fold)}
        assert len(data.filter(split="train", fold=[1, 2])) == found.folds[1] + found.folds[2]
        assert len(data.filter(fold=None)) == 30
        assert len(data.filter(split=None)) == 0
        assert len(data.filter(split="train", label="drawings", fold=0)) in (3, 4)
    assert max(found.folds.values()) - min(found.folds.values()) <= 2


@pytest.mark.parametrize("wrong", [1.5, "1", [0, "1"]])
def test_a_fold_is_a_whole_number(data_set: Path, wrong: Any) -> None:
    with figleaf.Dataset(data_set) as data, pytest.raises(InputError, match=r"fold.*whole number"):
        data.filter(fold=wrong)


def test_the_same_data_gives_the_same_split_in_whatever_order_it_came(
    data_set: Path, tmp_path: Path
) -> None:
    labels = {name: ("neutral", "drawings")[at % 5 == 0] for at, name in enumerate(names(100))}
    shuffled = list(labels)
    random.Random(5).shuffle(shuffled)
    other = tmp_path / "other"
    collect(other, {name: labels[name] for name in shuffled[:40]})
    collect(other, {name: labels[name] for name in shuffled[40:]})
    clean(other)
    rules = SplitRules(folds=5, seed=3)
    assert split(other, rules=rules).fingerprint == split(data_set, rules=rules).fingerprint
    assert places(other) == places(data_set)


GOLDEN = "2f83d907cb761998b8624df90f4fe842c7bf5bc61c591f2dc7e1904dea216dcc"


@pytest.mark.parametrize("seed", ["0", "random"])
def test_another_process_gives_the_split_that_there_always_was(data_set: Path, seed: str) -> None:
    program = """
import sys
from figleaf.curate.splitting.rules import SplitRules
from figleaf.curate.splitting.split import split
print(split(sys.argv[1], rules=SplitRules(validation=0.1, folds=5, seed=20)).fingerprint)
"""
    found = subprocess.run(
        [sys.executable, "-c", program, data_set],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == GOLDEN


def test_another_seed_gives_another_split(data_set: Path) -> None:
    first = split(data_set)
    again = split(data_set, rules=SplitRules(seed=1), anew=True)
    assert again.fingerprint != first.fingerprint
    assert again.counts == first.counts
    assert again.new == 100


def test_the_same_command_again_changes_nothing(data_set: Path) -> None:
    first = split(data_set, rules=SplitRules(folds=3))
    for rules in (None, SplitRules(folds=3)):
        again = split(data_set, rules=rules)
        assert again.new == 0
        assert (again.fingerprint, again.counts, again.folds, again.rules) == (
            *(first.fingerprint, first.counts, first.folds, first.rules),
        )
    assert check_split(data_set).fingerprint == first.fingerprint


def test_no_image_and_one_image(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    collect(folder, {})
    clean(folder)
    assert total(split(folder)) == 0
    with pytest.raises(DatasetError, match="not split yet; figleaf split makes a split"):
        check_split(folder)
    collect(folder, {"1.jpg": "neutral"})
    clean(folder)
    assert split(folder).counts == {("neutral", "train"): 1}


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1, 25), min_size=1, max_size=4),
    st.sampled_from([SplitRules(test=0.3, folds=3), HASHED, SplitRules(test=0.0, validation=0.5)]),
)
def test_images_that_come_later_never_move_others(batches: list[int], rules: SplitRules) -> None:
    with in_memory() as memory:
        folder = Path(memory) / "data"
        before: dict[str, tuple[str | None, int | None]] = {}
        count = 0
        for batch in batches:
            new = names(batch, start=count)
            collect(folder, {name: ("neutral", "porn")[name < "15"] for name in new})
            clean(folder)
            found = split(folder, rules=rules)
            after = places(folder)
            assert {name: after[name] for name in before} == before
            assert found.new == batch
            before, count = after, count + batch
            if rules.stratified:
                for label in ("neutral", "porn"):
                    of_class = found.counts.get((label, "test"), 0)
                    every = sum(n for (one, _), n in found.counts.items() if one == label)
                    assert floor(rules.test * every) - 1 <= of_class <= ceil(rules.test * every)


def test_by_hash_alone_it_does_not_matter_what_was_there_before(
    data_set: Path, tmp_path: Path
) -> None:
    split(data_set, rules=HASHED)
    other = tmp_path / "other"
    collect(other, dict.fromkeys(names(30, start=50), "neutral"))
    clean(other)
    split(other, rules=HASHED)
    known = places(data_set)
    assert places(other) == {name: known[name] for name in places(other)}


# Groups.


def test_groups_stay_whole_in_parts_and_folds(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    collect(folder, dict.fromkeys(names(120), "neutral"))
    groups = [names(1 + at % 4, start=4 * at) for at in range(30)]
    clean(folder, *groups)
    found = split(folder, rules=SplitRules(test=0.2, validation=0.1, folds=4))
    where = places(folder)
    for group in groups:
        assert len({where[name] for name in group}) == 1
    assert 20 <= found.counts["neutral", "test"] <= 24
    assert max(found.folds.values()) - min(found.folds.values()) <= 4


def test_a_duplicate_of_an_old_image_goes_where_that_one_is(data_set: Path) -> None:
    split(data_set, rules=SplitRules(test=0.3, folds=3))
    before = places(data_set)
    new = names(100, start=100)
    collect(data_set, dict.fromkeys(new, "neutral"))
    clean(data_set, *([old, name] for old, name in zip(names(100), new, strict=True)))
    found = split(data_set)
    after = places(data_set)
    for old, name in zip(names(100), new, strict=True):
        assert after[name] == after[old] == before[old]
    assert (found.new, found.left_out) == (100, 0)


def test_what_inherits_its_part_counts_for_the_shares(data_set: Path) -> None:
    """Ten new images go to test with what they duplicate: then fewer others do."""
    split(data_set)
    in_test = [name for name, (part, _) in places(data_set).items() if part == "test"][:10]
    copies = names(10, start=100)
    collect(data_set, dict.fromkeys(names(80, start=100), "neutral"))
    clean(data_set, *([old, new] for old, new in zip(in_test, copies, strict=True)))
    found = split(data_set)
    assert found.counts["neutral", "test"] == 24  # of 160


def test_what_connects_two_parts_is_in_none(data_set: Path) -> None:
    split(data_set)
    where = parts_of(data_set)
    train = next(name for name, part in where.items() if part == "train")
    test = next(name for name, part in where.items() if part == "test")
    collect(data_set, {"between.jpg": "neutral"})
    clean(data_set, [train, "between.jpg", test])
    found = split(data_set)
    assert (found.new, found.left_out) == (0, 1)
    assert places(data_set)["between.jpg"] == (None, None)
    assert parts_of(data_set) | {"between.jpg": None} == where | {"between.jpg": None}
    assert check_split(data_set).left_out == 1


def test_what_connects_two_folds_is_in_none(data_set: Path) -> None:
    split(data_set, rules=SplitRules(folds=2))
    where = places(data_set)
    one, other = (next(n for n, (_, at) in where.items() if at == fold) for fold in (0, 1))
    collect(data_set, {"between.jpg": "neutral"})
    clean(data_set, [one, "between.jpg", other])
    assert split(data_set).left_out == 1
    assert places(data_set)["between.jpg"] == (None, None)


def test_an_image_that_comes_back_has_its_old_part(data_set: Path) -> None:
    split(data_set, rules=SplitRules(folds=5))
    before = places(data_set)
    gone = names(20)
    set_aside(data_set, gone, "too_small")
    assert total(split(data_set)) == 80
    set_aside(data_set, gone, None)
    clean(data_set)
    found = split(data_set)
    assert (total(found), found.new) == (100, 0)
    assert places(data_set) == before


def test_a_better_file_goes_where_the_one_was_that_it_replaces(data_set: Path) -> None:
    split(data_set, rules=SplitRules(test=0.5))
    before = parts_of(data_set)
    better = {name: f"better-{name}" for name in before}
    collect(data_set, dict.fromkeys(better.values(), "neutral"))
    clean(data_set, *([new, old] for old, new in better.items()))
    set_aside(data_set, before, "duplicate")
    assert split(data_set).left_out == 0
    after = parts_of(data_set)
    assert after == {better[name]: part for name, part in before.items()}


def test_images_without_a_class_are_in_no_part(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    collect(folder, {"1.jpg": "neutral", "2.jpg": None, "3.jpg": None})
    clean(folder)
    found = split(folder)
    assert (found.counts, found.unlabelled) == ({("neutral", "train"): 1}, 2)


def test_frames_of_a_film_stay_together(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for number in range(12):
        film(folder, f"{number}.gif", "porn", [f"{number}.gif#{at}" for at in range(5)])
    clean(folder)
    rules = SplitRules(test=0.25, validation=0.25, folds=2)
    assert split(folder, rules=rules).counts["porn", "test"] == 15
    where = places(folder)
    assert len(where) == 60
    for number in range(12):
        assert len({where[f"{number}.gif#{at}"] for at in range(5)}) == 1


def test_films_that_share_a_frame_or_a_duplicate_stay_together(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for number in range(9):
        frames = [f"{number}.gif#0", f"{number}.gif#1", f"{number + 1}.gif#0"]
        film(folder, f"{number}.gif", "porn", frames)
    collect(folder, {"still.jpg": "porn", "other.jpg": "porn"})
    clean(folder, ["3.gif#1", "still.jpg"])
    split(folder, rules=SplitRules(test=0.5, folds=3))
    where = places(folder)
    other = where.pop("other.jpg")
    assert len(set(where.values())) == 1
    assert other[0] == "test"


# Leaks.


def test_frames_that_are_apart_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    film(folder, "1.gif", "porn", ["1.gif#0", "1.gif#1", "1.gif#2"])
    clean(folder)
    split(folder)
    plant(folder, sha256("1.gif#1"), "test")
    for again in (split, check_split):
        with pytest.raises(LeakError, match=r"frames of the same film") as refused:
            again(folder)
        (line,) = refused.value.leaks
        assert line.startswith(f"{sha256('1.gif#1').hex()[:8]} in test and ")


VARIANTS = ("original", "recompressed", "mirrored", "bordered")


def hash_of(folder: Path, stem: str) -> str:
    """The SHA-256 of an image, by the name of the file that it came from."""
    with figleaf.Dataset(folder) as data:
        (found,) = (row.sha256 for row in data if Path(row.origins[0]).stem == stem)
    return found


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("place", [("test", None), ("train", 1)])
def test_a_near_duplicate_on_the_other_side_is_refused(
    real: Path, variant: str, place: tuple[str, int | None]
) -> None:
    split(real, rules=SplitRules(folds=2))
    for name in VARIANTS:
        plant(real, hash_of(real, name), "train", 0)
    assert check_split(real)
    moved = hash_of(real, variant)
    plant(real, moved, *place)
    for again in (split, check_split):
        with pytest.raises(LeakError, match=r"the split leaks: .*the same picture") as refused:
            again(real)
        assert all(moved[:8] in line for line in refused.value.leaks)
        assert all("bits of PDQ apart" in line for line in refused.value.leaks)
        assert "figleaf clean sets duplicates aside" in str(refused.value)
    assert split(real, anew=True).left_out == 0
    assert check_split(real)


def test_a_real_data_set_keeps_near_duplicates_together(real: Path) -> None:
    for seed in range(4):
        split(real, rules=SplitRules(test=0.4, folds=4, seed=seed), anew=True)
        with figleaf.Dataset(real) as data:
            rows = {Path(row.origins[0]).stem: (row.split, row.fold) for row in data}
        assert len({rows[stem] for stem in VARIANTS}) == 1


def test_of_very_many_leaks_a_thousand_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    every = names(2 * MOST_LEAKS + 20)
    collect(folder, dict.fromkeys(every, "neutral"), pdq=pdq("the same"))
    clean(folder, every)
    split(folder)
    change(folder, "UPDATE splits SET part = iif(image_id % 2, 'train', 'test')")
    with pytest.raises(LeakError, match=r"apart; 1,000 or more in all\. figleaf") as refused:
        check_split(folder)
    assert len(refused.value.leaks) == MOST_LEAKS
    assert "figleaf split --anew --by hash keeps together" in str(refused.value)


def test_images_set_aside_are_no_leak(real: Path) -> None:
    split(real)
    other = hash_of(real, "recompressed")
    plant(real, other, "validation")
    with pytest.raises(LeakError):
        check_split(real)
    change(
        real,
        "INSERT INTO quarantines (image_id, after, who, why, at)"
        " SELECT id, 'duplicate', 'clean', '', 0 FROM images WHERE sha256 = ?",
        bytes.fromhex(other),
    )
    assert check_split(real)


# What is refused.


def test_a_data_set_that_was_not_cleaned_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    collect(folder, {"1.jpg": "neutral"})
    with pytest.raises(DatasetError, match=f"not cleaned yet, .*; first: figleaf clean {folder}"):
        split(folder)


def test_images_that_came_since_are_refused(data_set: Path) -> None:
    split(data_set)
    collect(data_set, {"new.jpg": "neutral", "unlabelled.jpg": None})
    for again in (split, check_split):
        with pytest.raises(DatasetError, match=r"1 image came, or came back, since the last"):
            again(data_set)
    clean(data_set)
    assert split(data_set).new == 1


def test_images_that_came_back_since_are_refused(data_set: Path) -> None:
    """What was too small when the rest was compared was compared with nothing."""
    set_aside(data_set, ["1.jpg"], "too_small")
    change(
        data_set,
        "DELETE FROM clusters WHERE image_id = (SELECT id FROM images WHERE sha256 = ?)",
        sha256("1.jpg"),
    )
    assert total(split(data_set)) == 99
    set_aside(data_set, ["1.jpg"], None)
    for again in (split, check_split):
        with pytest.raises(DatasetError, match=r"1 image came, or came back, since the last"):
            again(data_set)


def test_images_that_no_hash_tells_apart_are_split_all_the_same(data_set: Path) -> None:
    collect(data_set, {"flat.jpg": "neutral"}, pdq_quality=3)
    clean(data_set)
    change(
        data_set,
        "DELETE FROM clusters WHERE image_id = (SELECT id FROM images WHERE pdq_quality = 3)",
    )
    assert total(split(data_set)) == 101
    clean(data_set, min_quality=0)
    assert total(split(data_set)) == 101


def test_a_dry_run_and_a_cleaning_that_was_cut_short_are_no_cleaning(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    collect(folder, {"1.jpg": "neutral"})
    with Ledger(folder, write=True) as ledger:
        for command in ("clean --dry-run", "clean"):
            with ledger.run(command, CleanRules().as_dict(), {}):
                pass
    with pytest.raises(DatasetError, match="not cleaned yet"):
        split(folder)


def test_the_comparison_is_that_of_the_cleaning_that_wrote_the_clusters(data_set: Path) -> None:
    """Killed after it wrote them, it has no end; one that wrote none has no say."""
    clean(data_set, distance=40, min_quality=20, mirrored=False)
    change(
        data_set,
        "UPDATE runs SET ended = NULL, outcome = NULL WHERE id = (SELECT max(id) FROM runs)",
    )
    with Ledger(data_set, write=True) as ledger:
        with ledger.run("clean", CleanRules(distance=5).as_dict(), {}):
            pass
        assert comparison(ledger) == Comparison(40, 20, mirrored=False)


def test_other_rules_need_a_word(data_set: Path) -> None:
    first = split(data_set, rules=SplitRules(test=0.2, seed=4))
    with pytest.raises(
        InputError,
        match=r"its split was made with test 0\.2, folds 0, seed 4, and you gave test 0\.1,"
        r" folds 3, seed 0; anew=True makes another, and what was tested with the first is not",
    ):
        split(data_set, rules=SplitRules(test=0.1, folds=3))
    assert check_split(data_set).fingerprint == first.fingerprint
    again = split(data_set, rules=SplitRules(test=0.1), anew=True)
    assert again.counts["neutral", "test"] == 8
    assert check_split(data_set).rules == SplitRules(test=0.1)


def test_what_is_not_asked_for_is_as_it_was(data_set: Path) -> None:
    first = split(data_set, rules=SplitChanges(folds=3, validation=0.1, stratified=False))
    assert first.rules == SplitRules(folds=3, validation=0.1, stratified=False)
    assert split(data_set, rules=SplitChanges(folds=3)).fingerprint == first.fingerprint
    with pytest.raises(InputError, match=r"made with seed 0, and you gave seed 3; anew=True"):
        split(data_set, rules=SplitChanges(seed=3, folds=3))
    with pytest.raises(
        InputError,
        match="made with --no-stratify, --by hash, and you gave --stratify, --by sources;",
    ):
        split(data_set, rules=SplitChanges(stratified=True, by=By.SOURCES))
    again = split(data_set, rules=SplitChanges(seed=3), anew=True)
    assert again.rules == SplitRules(folds=3, validation=0.1, stratified=False, seed=3)
    assert split(data_set, anew=True).fingerprint == again.fingerprint


def test_changes_that_cannot_be_meant(data_set: Path) -> None:
    with pytest.raises(InputError, match="test must be a share"):
        SplitChanges(test=1)
    with pytest.raises(InputError, match="leave nothing to train on"):
        SplitChanges(test=0.5, validation=0.5)
    split(data_set, rules=SplitRules(test=0.6))
    with pytest.raises(InputError, match="leave nothing to train on"):
        split(data_set, rules=SplitChanges(validation=0.5), anew=True)


LESS: list[tuple[dict[str, Any], str]] = [
    ({"distance": 10}, "--distance 31"),
    ({"min_quality": 60, "distance": 40}, "--distance 40"),
    ({"mirrored": False, "min_quality": 20}, "--distance 31 --min-quality 20"),
]


@pytest.mark.parametrize(("less", "options"), LESS)
def test_a_cleaning_that_compared_less_is_refused(
    data_set: Path, less: dict[str, Any], options: str
) -> None:
    first = split(data_set)
    clean(data_set, **less)
    for again in (split, check_split):
        with pytest.raises(
            DatasetError,
            match=f"compared less .*first: figleaf clean {data_set} {options}; or: figleaf split",
        ):
            again(data_set)
    clean(data_set)
    assert check_split(data_set).fingerprint == first.fingerprint
    clean(data_set, **less)
    split(data_set, anew=True)
    assert check_split(data_set).fingerprint == first.fingerprint


def test_a_cleaning_that_compared_more_is_from_then_on_what_it_takes(data_set: Path) -> None:
    clean(data_set, mirrored=False)
    split(data_set)
    clean(data_set, distance=40)
    collect(data_set, {"new.jpg": "neutral"})
    clean(data_set, distance=40)
    assert split(data_set).new == 1
    clean(data_set)
    with pytest.raises(
        DatasetError, match=r"less \(--distance 31\) than .* after \(--distance 40\), and"
    ):
        check_split(data_set)


def test_a_split_that_does_not_say_how_it_compared_is_checked_all_the_same(data_set: Path) -> None:
    first = split(data_set)
    change(
        data_set,
        "UPDATE runs SET arguments = json_remove(arguments, '$.compared') WHERE command = 'split'",
    )
    clean(data_set, distance=0)
    assert check_split(data_set).fingerprint == first.fingerprint


def test_a_split_anew_forgets_what_is_set_aside(data_set: Path) -> None:
    split(data_set, rules=SplitRules(test=0.5))
    set_aside(data_set, ["1.jpg"], "broken")
    split(data_set, anew=True)
    with Ledger(data_set) as ledger:
        assert ledger.read("SELECT count(*) FROM splits") == [(99,)]


def test_there_has_to_be_a_data_set(tmp_path: Path) -> None:
    for wrong in (split, check_split):
        with pytest.raises(DatasetError, match="no data set here"):
            wrong(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_full_disk_is_told_in_words(data_set: Path) -> None:
    collect(data_set, dict.fromkeys(names(700, start=100), "neutral"))
    clean(data_set)
    said = on_a_full_disk(data_set, "split(sys.argv[1])")
    assert said.startswith(f"DatasetError {data_set}: disk I/O error; nothing is lost")
    assert split(data_set).new == 800


# Killed.


def test_a_killed_split_is_whole_or_not_there(data_set: Path) -> None:
    """Killed in the middle of writing: the rows of a statement that has begun are all gone."""
    first = split(data_set)
    program = """
        import sys, time
        from figleaf.curate.splitting import split as module
        from figleaf.curate.splitting.rules import SplitRules

        rows = module._new
        def slow(*arguments):
            for count, row in enumerate(rows(*arguments)):
                if count == 50:
                    print("half", flush=True)
                    time.sleep(60)
                yield row
        module._new = slow
        module.split(sys.argv[1], rules=SplitRules(test=0.5), anew=True)
    """
    process = python(program, data_set)
    assert line_of(process) == "half\n"
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        assert pipe
        pipe.close()
    assert check_split(data_set).fingerprint == first.fingerprint
    assert split(data_set).rules == first.rules
    again = split(data_set, rules=SplitRules(test=0.5), anew=True)
    assert (again.new, again.counts["neutral", "test"]) == (100, 40)


def test_killed_at_any_moment(data_set: Path) -> None:
    known = {split(data_set).fingerprint}
    known.add(split(data_set, rules=SplitRules(seed=1), anew=True).fingerprint)
    chance = random.Random(6)
    for _ in range(6):
        with TemporaryDirectory() as memory:
            folder = Path(shutil.copytree(data_set, Path(memory) / "data"))
            process = subprocess.Popen(
                [sys.executable, "-m", "figleaf", "split", folder, "--anew"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                process.wait(timeout=chance.uniform(0.2, 0.9))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            assert check_split(folder).fingerprint in known
