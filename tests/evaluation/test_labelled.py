"""What is evaluated on: a part of a data set, folders, and several of these together."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import figleaf
from figleaf.curate.splitting.rules import SplitRules
from figleaf.errors import DatasetError, InputError, SourceError
from figleaf.evaluation.labelled import from_dataset, from_folder, open_labelled

from ..curate.splitting.samples import clean, collect, film, names, plant, sha256
from ..sources.collecting import photo


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Forty images of two classes, two of them near duplicates, and a film of three frames."""
    folder = tmp_path / "my data"
    collect(folder, dict.fromkeys(names(20), "neutral") | dict.fromkeys(names(20, 20), "porn"))
    film(folder, "film", "porn", ["film#0", "film#1", "film#2"])
    clean(folder, ["0.jpg", "1.jpg"])
    figleaf.split(folder, rules=SplitRules(test=0.5, seed=7))
    return folder


@pytest.fixture
def folder(tmp_path: Path, pictures: Path) -> Path:
    """Two classes, a copy, a page under a picture's name, a caption, and hidden files."""
    root = tmp_path / "mine"
    for label, name in (
        ("neutral", "coffee.png"),
        ("neutral", "rocket.jpg"),
        ("Drawing", "page.png"),
    ):
        (root / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures / name, root / label)
    shutil.copy(pictures / "coffee.png", root / "neutral" / "z.png")
    (root / "neutral" / "gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    (root / "neutral" / "caption.txt").write_text("a cup")
    (root / "neutral" / ".hidden.jpg").write_bytes(photo(1))
    (root / ".cache").mkdir()
    (root / ".cache" / "x.jpg").write_bytes(photo(1))
    return root


def test_a_part_of_a_data_set(data: Path) -> None:
    found = from_dataset(data)
    with figleaf.Dataset(data) as rows:
        expected = {row.sha256: row for row in rows.filter(split="test")}
    assert set(found.hashes) == set(expected)
    assert 0 < len(found) < 43
    assert list(found.labels) == [expected[one].label for one in found.hashes]
    assert list(found.paths) == [expected[one].path for one in found.hashes]
    assert found.widths.tolist() == [expected[one].width for one in found.hashes]
    assert set(found.parts) == {"test"}
    assert (found.name, found.seed) == ("my data, test", 7)
    assert len(from_dataset(data, "train")) + len(found) == 43
    assert all(one for one in found.sources)


def test_the_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    labels = dict.fromkeys(names(12), "neutral") | dict.fromkeys(names(12, 12), "porn")
    found = []
    for folder, some in (("one", labels), ("other", dict(reversed(labels.items())))):
        collect(tmp_path / folder, some)
        clean(tmp_path / folder, ["0.jpg", "1.jpg"])
        figleaf.split(tmp_path / folder, rules=SplitRules(test=0.5, seed=7))
        found.append(from_dataset(tmp_path / folder, "all"))
    one, other = found
    assert one.hashes == other.hashes == tuple(sorted(one.hashes))
    assert one.groups.tolist() == other.groups.tolist()


def test_groups_are_those_of_the_split(data: Path) -> None:
    found = from_dataset(data, "all")
    group = dict(zip(found.hashes, found.groups.tolist(), strict=True))
    assert group[sha256("0.jpg").hex()] == group[sha256("1.jpg").hex()]
    assert len({group[sha256(f"film#{n}").hex()] for n in range(3)}) == 1
    assert len(found) == 43
    assert sorted(set(found.groups.tolist())) == list(range(40))


def test_a_data_set_without_a_split_says_what_to_type(tmp_path: Path) -> None:
    folder = tmp_path / "my data"
    collect(folder, {"a": "neutral", "b": None})
    with pytest.raises(DatasetError, match=r"first: figleaf split '.*my data'; or .* --part all"):
        from_dataset(folder)
    found = from_dataset(folder, "all")
    assert (found.name, found.seed, len(found)) == ("my data, all", None, 1)
    assert found.left_out == {"images without a class": 1}


def test_a_part_that_is_empty(data: Path) -> None:
    with pytest.raises(DatasetError, match="no labelled image in use in validation"):
        from_dataset(data, "validation")
    plant(data, sha256("0.jpg"), "validation")
    assert from_dataset(data, "validation").hashes == (sha256("0.jpg").hex(),)


def test_a_folder_with_one_a_class(folder: Path) -> None:
    found = from_folder(folder)
    named = {path.name: number for number, path in enumerate(found.paths)}
    assert sorted(named) == ["coffee.png", "gone.jpg", "page.png", "rocket.jpg", "z.png"]
    assert [found.labels[named[name]] for name in ("page.png", "rocket.jpg")] == [
        "Drawing",
        "neutral",
    ]
    assert found.formats[named["rocket.jpg"]] == "jpeg"
    assert (found.widths[named["coffee.png"]], found.heights[named["coffee.png"]]) == (600, 400)
    assert (found.formats[named["gone.jpg"]], found.widths[named["gone.jpg"]]) == ("", 0)
    assert found.sizes[named["rocket.jpg"]] == (folder / "neutral/rocket.jpg").stat().st_size
    assert found.groups[named["coffee.png"]] == found.groups[named["z.png"]]
    assert len(set(found.groups.tolist())) == 4
    assert found.left_out == {
        "files that are no pictures, by name and by content": 1,
        "hidden files": 2,
    }
    assert (found.name, found.seed) == ("mine", None)


def test_the_same_data_have_the_same_fingerprint(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    before = from_folder(folder).fingerprint
    assert from_folder(other).fingerprint == before
    (other / "neutral/rocket.jpg").rename(other / "neutral/renamed.jpg")
    assert from_folder(other).fingerprint == before
    (other / "neutral/renamed.jpg").rename(other / "Drawing/renamed.jpg")
    assert from_folder(other).fingerprint != before


def test_folders_of_a_split(tmp_path: Path) -> None:
    for at, part in enumerate(("train", "test")):
        for label in ("a", "b"):
            (tmp_path / "mine" / part / label).mkdir(parents=True)
            (tmp_path / "mine" / part / label / "x.jpg").write_bytes(photo(at))
    found = from_folder(tmp_path / "mine")
    assert (found.name, found.parts, found.labels) == ("mine, test", ("test",) * 2, ("a", "b"))
    assert len(from_folder(tmp_path / "mine", "all")) == 4
    with pytest.raises(InputError, match="no picture in validation; it has test, train"):
        from_folder(tmp_path / "mine", "validation")


def test_several_are_pooled(folder: Path, tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "cups").mkdir()
    shutil.copy(pictures / "coffee.png", tmp_path / "cups")
    found = open_labelled([f"porn={tmp_path / 'cups'}", folder])
    assert found.labels[0] == "porn"
    assert (len(found), found.name) == (6, "cups + mine")
    same = [n for n, path in enumerate(found.paths) if path.name in ("coffee.png", "z.png")]
    assert len({int(found.groups[n]) for n in same}) == 1
    assert len(set(found.groups.tolist())) == 4
    assert {sources[0] for sources in found.sources} == {"cups", "mine"}
    taken = found.take(np.array([True, False, False, False, False, True]))
    assert (len(taken), taken.labels[0]) == (2, "porn")
    assert taken.groups.max() < 2


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], InputError, "nothing to evaluate on"),
        ("", InputError, "an empty name"),
        ("nowhere", SourceError, "no file or folder"),
        ("flat", InputError, "no labelled picture; put the pictures of each class into a folder"),
    ],
)
def test_nothing_to_evaluate_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    data: str | list[str],
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat/x.jpg").write_bytes(photo(1))
    with pytest.raises(error, match=message):
        open_labelled(data)
    with pytest.raises(InputError, match="part must be one of train, validation, test, all"):
        open_labelled("flat", part="tests")
