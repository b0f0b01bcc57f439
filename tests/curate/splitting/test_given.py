"""The parts that sources have, taken as they are, and refused where they leak."""

from pathlib import Path
from typing import Any

import pytest

from figleaf.curate.cleaning.clean import clean as clean_for_real
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.curate.splitting.rules import By, SplitRules
from figleaf.curate.splitting.split import check_split, split
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.register import register
from figleaf.errors import DatasetError, InputError, LeakError

from ...dataset.samples import file, mapped
from ...sources.collecting import collected
from .samples import change, clean, collect, film, names, pdq, places, set_aside, sha256, variants

SOURCES = SplitRules(by=By.SOURCES)
Parts = dict[str, list[str]]


def made(folder: Path, parts: Parts, *groups: list[str], **rules: Any) -> Path:
    for part, some in parts.items():
        collect(folder, dict.fromkeys(some, "neutral"), part=part)
    clean(folder, *groups, **rules)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        *((name, "train") for name in ("train", "training", "Train", " TRAINING ")),
        *((name, "validation") for name in ("validation", "valid", "val", "dev")),
        *((name, "test") for name in ("test", "testing", "eval", "TEST")),
    ],
)
def test_names_of_parts(folder: Path, name: str, part: str) -> None:
    made(folder, {name: ["1.jpg"]})
    assert split(folder, rules=SOURCES).counts == {("neutral", part): 1}
    assert places(folder) == {"1.jpg": (part, None)}


def test_the_sources_parts_hold_and_folds_are_decided(folder: Path) -> None:
    made(folder, {"train": names(20), "val": names(5, 20), "test": names(7, 25), "": names(3, 40)})
    found = split(folder, rules=SplitRules(by=By.SOURCES, folds=4))
    assert found.counts == {
        ("neutral", "train"): 20,
        ("neutral", "validation"): 5,
        ("neutral", "test"): 7,
    }
    assert (found.left_out, found.new) == (3, 32)
    assert found.folds == {0: 5, 1: 5, 2: 5, 3: 5}
    assert places(folder)["40.jpg"] == (None, None)
    assert check_split(folder).fingerprint == found.fingerprint


@pytest.mark.parametrize("stratified", [True, False])
def test_duplicates_share_a_fold(folder: Path, stratified: bool) -> None:
    groups = [names(3, at) for at in range(0, 60, 3)]
    made(folder, {"train": names(60)}, *groups)
    rules = SplitRules(by=By.SOURCES, folds=3, stratified=stratified)
    found = split(folder, rules=rules)
    where = places(folder)
    assert all(len({where[name] for name in group}) == 1 for group in groups)
    if stratified:
        assert max(found.folds.values()) - min(found.folds.values()) <= 3


def test_a_name_that_says_nothing_is_refused(folder: Path) -> None:
    made(folder, {"train": ["1.jpg"], "holdout": ["2.jpg"]})
    with pytest.raises(
        DatasetError, match=r"a part 'holdout', and --by sources knows train, training, validation"
    ):
        split(folder, rules=SOURCES)


def test_sources_without_parts_are_refused(folder: Path) -> None:
    made(folder, {"": names(4)})
    with pytest.raises(DatasetError, match="no parts; with --by hash, hashes decide"):
        split(folder, rules=SOURCES)


def test_the_same_file_in_two_parts_is_refused(folder: Path) -> None:
    made(folder, {"train": names(4), "test": names(4, 4)})
    with Ledger(folder, write=True) as ledger:
        register(ledger, [(file("1.jpg", "neutral", part="test"), mapped())])
    with pytest.raises(LeakError) as refused:
        split(folder, rules=SOURCES)
    digits = sha256("1.jpg").hex()[:8]
    assert refused.value.leaks == (f"{digits} in test and {digits} in train: the same file",)
    assert split(folder).left_out == 0  # hashes take no offence


def test_two_names_of_one_part_are_no_leak(folder: Path) -> None:
    made(folder, {"train": names(4)})
    with Ledger(folder, write=True) as ledger:
        register(ledger, [(file("1.jpg", "neutral", part="training"), mapped())])
    assert split(folder, rules=SOURCES).counts == {("neutral", "train"): 4}


def test_a_file_that_is_set_aside_or_has_no_class_is_no_leak(folder: Path) -> None:
    made(folder, {"train": names(4), "test": names(4, 4)})
    with Ledger(folder, write=True) as ledger:
        twice = [file(name, "neutral", part="test") for name in ("0.jpg", "1.jpg")]
        register(ledger, [(one, mapped()) for one in twice])
    set_aside(folder, ["0.jpg"], "too_small")
    change(
        folder,
        "INSERT INTO labels (image_id, before, after, who, why, at)"
        " SELECT id, label, NULL, 'a person', '', 0 FROM images WHERE sha256 = ?",
        sha256("1.jpg"),
    )
    assert split(folder, rules=SOURCES).unlabelled == 1


def test_near_duplicates_in_two_parts_are_refused(folder: Path) -> None:
    made(folder, {"train": names(4), "test": names(4, 4)}, ["1.jpg", "5.jpg"])
    change(
        folder,
        "UPDATE images SET pdq = ? WHERE sha256 = ?",
        pdq("1.jpg", flipped=4),
        sha256("5.jpg"),
    )
    with pytest.raises(LeakError, match=r"in train and .* in test: the same picture, 4 bits"):
        split(folder, rules=SOURCES)
    assert places(folder)["1.jpg"] == (None, None)
    set_aside(folder, ["5.jpg"], "duplicate")
    assert split(folder, rules=SOURCES).counts["neutral", "test"] == 3


def test_a_chain_whose_ends_are_not_alike_is_no_leak(folder: Path) -> None:
    made(folder, {"train": names(4), "test": names(4, 4)}, ["1.jpg", "5.jpg"])
    assert split(folder, rules=SOURCES).left_out == 0


@pytest.mark.parametrize("variant", ["recompressed", "mirrored", "bordered"])
def test_real_folders_that_leak_are_refused(tmp_path: Path, pictures: Path, variant: str) -> None:
    files = variants(pictures / "chelsea.png")
    for part, data in (("train", files["original"]), ("test", files[variant])):
        (tmp_path / "source" / part / "neutral").mkdir(parents=True)
        (tmp_path / "source" / part / "neutral" / f"{part}.jpg").write_bytes(data)
    data_set = tmp_path / "data"
    collected(tmp_path / "source", data_set)
    clean_for_real(data_set, rules=CleanRules(off=("duplicate",)), workers=1)
    with pytest.raises(LeakError, match=r" in test and .* in train: the same picture, \d+ bits"):
        split(data_set, rules=SOURCES)
    clean_for_real(data_set, workers=1)
    assert sum(split(data_set, rules=SOURCES).counts.values()) == 1


def test_frames_of_a_film_in_two_parts_are_refused(folder: Path) -> None:
    frames = [f"1.gif#{at}" for at in range(3)]
    film(folder, "1.gif", "porn", frames)
    collect(folder, {frames[0]: "porn"}, part="train")
    collect(folder, {frames[1]: "porn"}, part="test")
    clean(folder)
    with pytest.raises(LeakError, match="frames of the same film"):
        split(folder, rules=SOURCES)


# What comes later.


def test_what_comes_later_shares_the_fold_of_what_it_duplicates(folder: Path) -> None:
    rules = SplitRules(by=By.SOURCES, folds=5)
    made(folder, {"train": names(40), "test": names(4, 40)})
    split(folder, rules=rules)
    before = places(folder)
    copies = names(40, 100)
    made(folder, {"train": copies}, *map(list, zip(names(40), copies, strict=True)))
    found = split(folder, rules=rules)
    after = places(folder)
    assert (found.new, found.left_out) == (40, 0)
    assert {name: after[name] for name in before} == before
    for old, new in zip(names(40), copies, strict=True):
        assert after[new] == after[old]
    assert check_split(folder).fingerprint == found.fingerprint


def test_what_connects_two_folds_is_in_none(folder: Path) -> None:
    made(folder, {"train": names(10)})
    split(folder, rules=SplitRules(by=By.SOURCES, folds=2))
    where = places(folder)
    one, other = (next(n for n, (_, at) in where.items() if at == fold) for fold in (0, 1))
    made(folder, {"train": ["between.jpg"]}, [one, "between.jpg", other])
    assert split(folder).left_out == 1
    assert places(folder)["between.jpg"] == (None, None)


def test_hashes_in_place_of_sources_need_a_word(folder: Path) -> None:
    made(folder, {"train": names(10), "test": names(10, 10)})
    split(folder, rules=SOURCES)
    with pytest.raises(
        InputError, match="made with --by sources, and you gave --by hash; anew=True"
    ):
        split(folder, rules=SplitRules(seed=0))
    assert split(folder, anew=True).counts["neutral", "test"] == 10
    assert split(folder, rules=SplitRules(), anew=True).counts["neutral", "test"] == 3
