"""A data set as a source of another one."""

from pathlib import Path

import pytest

from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.records import Decision, Item, Kind
from figleaf.dataset.register import register
from figleaf.dataset.source import dataset_items
from figleaf.errors import DatasetError

from .samples import file, keep, ledger_with, mapped, url


def test_its_images_are_files_with_their_classes_and_where_they_came_from(tmp_path: Path) -> None:
    entries = [(url("a", part="train"), mapped()), (file("/b"), mapped(None))]
    with ledger_with(tmp_path / "first", *entries) as ledger:
        keep(ledger)
    with Dataset(tmp_path / "first") as data:
        paths = [str(row.path) for row in data]
    assert list(dataset_items(tmp_path / "first")) == [
        Item(
            Kind.FILE,
            paths[0],
            name="https://pictures.example/a",
            source="first",
            label="neutral",
            part="train",
            also=("lists", "urls.txt", "cats", "train"),
        ),
        Item(Kind.FILE, paths[1], name="/b", source="first", also=("folder",)),
    ]


def test_an_image_of_several_origins_is_matched_against_all_of_them(tmp_path: Path) -> None:
    with ledger_with(tmp_path, (url("a"), mapped()), (url("b"), mapped())) as ledger:
        keep(ledger, "same")
    [item] = dataset_items(tmp_path)
    assert item.name == "https://pictures.example/a https://pictures.example/b"


def test_what_is_set_aside_is_left_out(tmp_path: Path) -> None:
    with ledger_with(tmp_path, (url("a"), mapped()), (url("b"), mapped())) as ledger:
        keep(ledger)
        ledger.connection.execute("UPDATE images SET quarantine = 'tiny' WHERE id = 1")
    assert len(list(dataset_items(tmp_path))) == 1


def test_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger_with(tmp_path / "first", (url("a"), mapped())) as ledger:
        keep(ledger)
    monkeypatch.chdir(tmp_path)
    [item] = dataset_items("first")
    assert Path(item.locator).is_relative_to(tmp_path / "first")


def test_into_another_data_set(tmp_path: Path) -> None:
    with ledger_with(tmp_path / "one", *((url(f"{n}"), mapped()) for n in range(1_200))) as ledger:
        keep(ledger)
    with Ledger(tmp_path / "two", write=True) as other:
        items = dataset_items(tmp_path / "one")
        assert register(other, ((item, Decision(item.label)) for item in items)) == 1_200
        assert {task.label for task in other.pending(Kind.FILE)} == {"neutral"}
        assert other.count_pending() == 1_200


def test_there_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no data set here"):
        next(dataset_items(tmp_path))
