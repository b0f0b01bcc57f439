"""`figleaf split` as people run it: tables, hints, JSON, codes."""

import json
import shutil
from pathlib import Path

import pytest

from ..curate.splitting.samples import change, clean, collect, names, plant, sha256
from .test_collect import Done, figleaf

FIRST = """\
class      train   test   share of test
drawings      17      3           15.0%
neutral       68     12           15.0%
in all        85     15           15.0%
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred images in two classes, cleaned; two of them are near duplicates."""
    folder = tmp_path_factory.mktemp("made") / "my data"
    collect(
        folder, {name: ("neutral", "drawings")[at % 5 == 0] for at, name in enumerate(names(98))}
    )
    collect(folder, {"one.jpg": "neutral"}, part="train", pdq=bytes(32))
    collect(folder, {"two.jpg": "neutral"}, part="test", pdq=bytes(32))
    clean(folder, ["one.jpg", "two.jpg"])
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "my data"))


def split(*words: object) -> Done:
    return figleaf("split", *words)


def test_a_table_and_hints(folder: Path) -> None:
    done = split(folder)
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines()] == [
        line.split() for line in FIRST.splitlines()
    ]
    first, new, few, following = done.err.splitlines()
    assert first.startswith("seed 0, split ")
    assert first.endswith("; no leaks")
    assert new == "100 images got their part now"
    assert few == "fewer than 10 images to test with: drawings; its figures will say little"
    assert following == (
        f"next: figleaf train '{folder}' OUT, figleaf stats '{folder}' --html stats.html,"
        f" or figleaf export dataset '{folder}' OUT"
    )


def test_the_same_command_again_and_a_check_change_nothing(folder: Path) -> None:
    first = split(folder)
    for again in (split(folder), split(folder, "--check")):
        assert (again.code, again.out) == (0, first.out)
        assert again.err.splitlines()[0] == first.err.splitlines()[0]
        assert "got their part" not in again.err
        assert "next: " not in again.err


def test_folds_and_validation_have_their_tables(folder: Path) -> None:
    done = split(folder, "--test", "0.2", "--validation", "0.1", "--folds", "2", "--seed", "5")
    assert done.code == 0
    head, *_, total, blank, folds, zero, one = (line.split() for line in done.out.splitlines())
    assert head == ["class", "train", "validation", "test", "share", "of", "test"]
    assert total == ["in", "all", "70", "10", "20", "20.0%"]
    assert (blank, folds) == ([], ["fold", "of", "train", "images"])
    assert [zero[0], one[0]] == ["0", "1"]
    assert int(zero[1]) + int(one[1]) == 70
    assert done.err.startswith("seed 5, split ")


def test_json(folder: Path) -> None:
    done = split(folder, "--folds", "2", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert found["counts"] == {
        "drawings": {"train": 17, "validation": 0, "test": 3},
        "neutral": {"train": 68, "validation": 0, "test": 12},
    }
    assert found["rules"] == {
        "test": 0.15,
        "validation": 0.0,
        "folds": 2,
        "seed": 0,
        "stratified": True,
        "by": "hash",
    }
    assert sum(found["folds"].values()) == 85
    assert (found["new"], found["left_out"], found["unlabelled"]) == (100, 0, 0)
    checked = json.loads(split(folder, "--check", "--json").out)
    assert checked == found | {"new": 0}


def test_hash_seeds_change_nothing(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    ends = [
        figleaf("split", one, "--json", "--no-stratify", "--folds", "3", PYTHONHASHSEED=seed).out
        for one, seed in ((folder, "1"), (other, "2"))
    ]
    assert json.loads(ends[0])["rules"]["stratified"] is False
    assert ends[0] == ends[1]


def test_other_rules_need_a_word(folder: Path) -> None:
    split(folder, "--test", "0.2")
    done = split(folder, "--test", "0.3")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"figleaf: {folder}: its split was made with test 0.2, and you gave test 0.3; --anew makes"
        " another, and what was tested with the first is not comparable any more\n"
    )
    assert split(folder, "--test", "0.3", "--anew").code == 0
    assert "30.0%" in split(folder, "--check").out


def test_what_is_not_given_is_as_in_the_split_that_is_there(folder: Path) -> None:
    words = ["--folds", "3", "--validation", "0.1", "--no-stratify"]
    first = json.loads(split(folder, *words, "--json").out)
    again = json.loads(split(folder, "--folds", "3", "--json").out)
    assert again == first | {"new": 0}
    anew = json.loads(split(folder, "--anew", "--seed", "3", "--json").out)
    assert anew["rules"] == first["rules"] | {"seed": 3}
    done = split(folder, "--stratify")
    assert done.code == 2
    assert "made with --no-stratify, and you gave --stratify; --anew makes another" in done.err
    stratified = json.loads(split(folder, "--stratify", "--anew", "--json").out)
    assert stratified["rules"] == anew["rules"] | {"stratified": True}


def test_a_leak_is_refused(folder: Path) -> None:
    split(folder)
    plant(folder, sha256("one.jpg"), "validation")
    for words in ([], ["--check"]):
        done = split(folder, *words)
        assert (done.code, done.out) == (2, "")
        assert done.err.count("\n") == 1
        assert f"the split leaks: {sha256('one.jpg').hex()[:8]} in validation and " in done.err
        assert ": the same picture, 0 bits of PDQ apart. figleaf clean sets " in done.err
    assert split(folder, "--anew").code == 0


def test_a_leak_of_the_sources_is_refused(folder: Path) -> None:
    done = split(folder, "--by", "sources")
    assert done.code == 2
    one, two = (sha256(name).hex()[:8] for name in ("one.jpg", "two.jpg"))
    assert f"the split leaks: {one} in train and {two} in test: the same picture" in done.err
    assert split(folder).code == 0


def test_images_in_no_part_are_told(folder: Path) -> None:
    split(folder)
    collect(folder, {"none.jpg": None, "new.jpg": "neutral"})
    clean(folder, ["one.jpg", "two.jpg"])
    done = split(folder)
    assert done.err.splitlines()[1:3] == [
        "1 image got its part now",
        "1 image has no class, and is in no part",
    ]


def test_one_image_and_several_that_connect_parts(folder: Path) -> None:
    split(folder)
    change(folder, "UPDATE splits SET part = 'test'")
    plant(folder, sha256("0.jpg"), "train")
    for new, hint in (
        ("x", "1 image is in no part: it is a near duplicate of images of several parts, or its"),
        ("y", "2 images are in no part: they are near duplicates of images of several parts, or"),
    ):
        collect(folder, {f"{new}.jpg": "neutral"})
        clean(folder, ["0.jpg", "1.jpg", "x.jpg", *(["y.jpg"] if new == "y" else [])])
        assert hint in split(folder).err


def test_nothing_to_split(tmp_path: Path) -> None:
    collect(tmp_path / "my data", {})
    clean(tmp_path / "my data")
    done = split(tmp_path / "my data")
    assert done.code == 0
    assert f"`figleaf status '{tmp_path / 'my data'}'` says more" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--test", "1"], "--test must be a share from 0 to below 1"),
        (["--test", "0.7", "--validation", "0.3"], "test and validation leave nothing to train on"),
        (["--check", "--no-stratify"], "--check looks at the split that is there"),
        (["--check", "--seed", "0"], "--check looks at the split that is there"),
        (["--check"], "not split yet; figleaf split makes a split"),
    ],
)
def test_wrong_use(folder: Path, words: list[str], message: str) -> None:
    done = split(folder, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_wrong_words_and_folders(tmp_path: Path) -> None:
    assert split(tmp_path, "--by", "magic").code == 2
    assert "no data set here" in split(tmp_path / "none").err
    assert "DIR is empty" in split("").err
    collect(tmp_path / "data", {"1.jpg": "neutral"})
    done = split(tmp_path / "data")
    assert done.code == 2
    assert f"not cleaned yet, {'and duplicates on both sides'}" in done.err
    assert f"first: figleaf clean {tmp_path / 'data'}" in done.err
