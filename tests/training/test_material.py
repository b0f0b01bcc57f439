"""What there is to train on: the same for the same images, whatever order they came in."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import figleaf
from figleaf.curate.splitting.rules import Part, SplitRules
from figleaf.dataset.ledger import Ledger
from figleaf.errors import DatasetError, LeakError
from figleaf.training.material import Material, read_material

from ..curate.splitting.samples import change, clean, collect, film, names, plant, set_aside, sha256
from ..sources.collecting import collected
from .samples import KINDS, data_set, files_of, source


def read(folder: Path) -> Material:
    with Ledger(folder) as ledger:
        return read_material(ledger)


def made(folder: Path, labels: dict[str, str], **rules: float) -> Path:
    """A ledger of images without files: nothing here reads them."""
    collect(folder, labels)
    clean(folder)
    figleaf.split(folder, rules=SplitRules(**rules))  # type: ignore[arg-type]  # numbers all
    return folder


TWO = {name: ("neutral", "drawings")[at % 2] for at, name in enumerate(names(40))}


def test_labels_are_sorted_and_images_in_the_order_of_their_hashes(material: Material) -> None:
    assert material.labels == tuple(sorted(KINDS))
    for part in Part:
        hashes = list(material.parts[part].hashes)
        assert hashes == sorted(hashes)
    assert len(material.parts[Part.TRAIN]) == 51
    assert len(material.parts[Part.TEST]) == 9
    assert not len(material.parts[Part.VALIDATION])
    for part, examples in material.parts.items():
        counts = np.bincount(examples.labels, minlength=3)
        expected = dict(zip(material.labels, counts, strict=True))
        assert {label: material.counts[label][part] for label in material.labels} == expected


def test_paths_are_those_of_the_files(material: Material, data: Path) -> None:
    found = {path for examples in material.parts.values() for path in examples.paths}
    assert found == set(files_of(data))
    for examples in material.parts.values():
        for path, digest in zip(examples.paths, examples.hashes, strict=True):
            assert path.stem == digest.hex()


def test_the_order_in_which_they_came_does_not_matter(tmp_path: Path) -> None:
    forward = made(tmp_path / "a", TWO)
    backward = made(tmp_path / "b", dict(reversed(TWO.items())))
    one, other = read(forward), read(backward)
    assert one.data_hash == other.data_hash
    for part in Part:
        assert one.parts[part].hashes == other.parts[part].hashes
        np.testing.assert_array_equal(one.parts[part].labels, other.parts[part].labels)
        np.testing.assert_array_equal(one.parts[part].groups, other.parts[part].groups)


def test_groups_are_those_of_near_duplicates(tmp_path: Path) -> None:
    collect(tmp_path, TWO)
    clean(tmp_path, ["0.jpg", "2.jpg", "4.jpg"])
    figleaf.split(tmp_path)
    found = {
        digest: (part, int(group))
        for part, examples in read(tmp_path).parts.items()
        for digest, group in zip(examples.hashes, examples.groups, strict=True)
    }
    together = {found[sha256(name)] for name in ("0.jpg", "2.jpg", "4.jpg")}
    assert len(together) == 1
    assert len(set(found.values())) == 38


def another_label(folder: Path) -> None:
    change(
        folder,
        "UPDATE images SET label = 'neutral' WHERE id ="
        " (SELECT min(id) FROM images WHERE label != 'neutral')",
    )


def another_part(folder: Path) -> None:
    change(
        folder,
        "UPDATE splits SET part = 'validation' WHERE image_id ="
        " (SELECT min(image_id) FROM splits WHERE part = 'train')",
    )


def an_image_less(folder: Path) -> None:
    change(
        folder,
        "UPDATE images SET quarantine = 'manual' WHERE id ="
        " (SELECT min(image_id) FROM splits WHERE part = 'train')",
    )


@pytest.mark.parametrize("touch", [another_label, another_part, an_image_less])
def test_the_data_hash_changes_with_what_is_learnt(
    data: Path, touch: Callable[[Path], None]
) -> None:
    before = read(data).data_hash
    touch(data)
    assert read(data).data_hash != before


def test_the_data_hash_changes_with_nothing_else(data: Path, tmp_path: Path) -> None:
    before = read(data).data_hash
    figleaf.clean(data, workers=1)
    figleaf.split(data)
    moved = shutil.move(data, tmp_path / "moved")
    for path in files_of(Path(moved)):
        path.touch()
    assert read(Path(moved)).data_hash == before


def test_the_data_hash_changes_with_an_image_more(data: Path, tmp_path: Path) -> None:
    before = read(data).data_hash
    collected(source(tmp_path / "more", {"neutral": 1}, start=500), data)
    figleaf.clean(data, workers=1)
    figleaf.split(data)
    assert read(data).data_hash != before


def test_images_of_no_part_and_of_unknown_classes_are_left_out(tmp_path: Path) -> None:
    folder = made(tmp_path, TWO)
    placed = "SELECT max(image_id) FROM splits WHERE part = 'test'"
    change(folder, f"UPDATE images SET label = 'comics' WHERE id = ({placed})")
    change(folder, "DELETE FROM splits WHERE image_id = (SELECT max(image_id) FROM splits)")
    found = read(folder)
    assert found.labels == ("drawings", "neutral")
    assert found.left_out == 2
    assert sum(map(len, found.parts.values())) == 38


def test_images_set_aside_are_not_there_at_all(tmp_path: Path) -> None:
    folder = made(tmp_path, TWO)
    set_aside(folder, ["3.jpg"], "too_small")
    found = read(folder)
    assert found.left_out == 0
    assert sum(map(len, found.parts.values())) == 39


def test_what_is_not_split_yet(tmp_path: Path) -> None:
    collect(tmp_path, TWO)
    with pytest.raises(DatasetError, match="figleaf split"):
        read(tmp_path)
    clean(tmp_path)
    with pytest.raises(DatasetError, match="figleaf split"):
        read(tmp_path)


def test_images_that_came_after_the_last_cleaning(tmp_path: Path) -> None:
    folder = made(tmp_path, TWO)
    collect(folder, {"later.jpg": "neutral"})
    with pytest.raises(DatasetError, match="figleaf clean"):
        read(folder)


def test_one_class_is_nothing_to_learn(tmp_path: Path) -> None:
    folder = made(tmp_path / "my data", dict.fromkeys(names(9), "neutral"))
    with pytest.raises(DatasetError, match=r"has 1 of the .*`figleaf stats '.*my data'`"):
        read(folder)


def test_a_leak_is_refused(tmp_path: Path) -> None:
    collect(tmp_path, TWO)
    film(tmp_path, "a.gif", "neutral", ["first", "second"])
    clean(tmp_path)
    figleaf.split(tmp_path)
    assert len(read(tmp_path).parts[Part.TRAIN]) == 36
    plant(tmp_path, sha256("first"), "train")
    plant(tmp_path, sha256("second"), "test")
    with pytest.raises(LeakError):
        read(tmp_path)


def test_a_validation_part_is_a_part(tmp_path: Path) -> None:
    folder = data_set(tmp_path, dict.fromkeys(KINDS, 10), validation=0.2, test=0.2)
    found = read(folder)
    assert [len(found.parts[part]) for part in (Part.TRAIN, Part.VALIDATION, Part.TEST)] == [
        18,
        6,
        6,
    ]
