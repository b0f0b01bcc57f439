"""WebDataset shards: img2dataset's layout, bounded shards, classes that two readers agree on."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

import figleaf
from figleaf.dataset.outcomes import apply
from figleaf.dataset.records import Outcome, Stored
from figleaf.dataset.store import Store
from figleaf.errors import InputError
from figleaf.sources.readers.opening import SourceKind, open_source

from ..dataset.samples import ledger_with, mapped, pending, url
from .samples import collected, facts, files, hashes, picture, relabel

parquet = pytest.importorskip("pyarrow.parquet")


def members(shard: Path) -> dict[str, bytes]:
    with tarfile.open(shard) as tar:
        infos = tar.getmembers()
        assert all((one.mtime, one.uid, one.gid, one.uname) == (0, 0, 0, "") for one in infos)
        found = {one.name: tar.extractfile(one) for one in infos}
        return {name: file.read() for name, file in found.items() if file}


def test_the_layout_is_img2datasets(data_set: Path, tmp_path: Path) -> None:
    figleaf.export_dataset(data_set, tmp_path / "out", form="webdataset", by="none")
    assert set(files(tmp_path / "out")) == {
        "00000.tar",
        "00000.parquet",
        "00000_stats.json",
        "classes.txt",
        "figleaf-export.json",
    }
    found = members(tmp_path / "out/00000.tar")
    with figleaf.Dataset(data_set) as data:
        suffixes = [row.path.suffix for row in data]
    assert list(found)[:3] == [f"000000000{suffixes[0]}", "000000000.cls", "000000000.json"]
    assert [name for name in found if name.endswith(tuple(suffixes))] == [
        f"{number:09d}{suffix}" for number, suffix in enumerate(suffixes)
    ]
    described = json.loads(found["000000000.json"])
    rows = parquet.read_table(tmp_path / "out/00000.parquet").to_pylist()
    assert rows[0] == described
    assert [row["key"] for row in rows] == [f"{number:09d}" for number in range(12)]
    assert [row["sha256"] for row in rows] == hashes(data_set)
    assert described["status"] == "success"
    assert described["width"] == described["original_width"] >= 56
    stats = json.loads((tmp_path / "out/00000_stats.json").read_text())
    assert stats["count"] == stats["successes"] == stats["status_dict"]["success"] == 12
    assert stats["end_time"] - stats["start_time"] == stats["duration"] >= 0


@pytest.mark.parametrize(
    ("each", "keys"),
    [
        (1, ["00000", "00001", "00002", "00003"]),
        (3, ["000000", "000001", "000002", "000010"]),
        (4, ["000000", "000001", "000002", "000003"]),
        (11, ["0000000", "0000001", "0000002", "0000003"]),
        (10_000, ["000000000", "000000001", "000000002", "000000003"]),
    ],
)
def test_shards_have_so_many_images_at_most(
    data_set: Path, tmp_path: Path, each: int, keys: list[str]
) -> None:
    report = figleaf.export_dataset(
        data_set, tmp_path / "out", form="webdataset", images_per_shard=each
    )
    train = sorted((tmp_path / "out/train").glob("*.tar"))
    assert [path.name for path in train] == [f"{n:05d}.tar" for n in range(-(-4 // each))]
    counts = [len(parquet.read_table(path.with_suffix(".parquet"))) for path in train]
    assert sum(counts) == 4
    assert max(counts) == min(each, 4)
    found = [name for path in train for name in members(path) if name.endswith(".cls")]
    assert [name.removesuffix(".cls") for name in found] == keys
    assert report.images == 12
    assert facts(collected(tmp_path / "again", tmp_path / "out")) == facts(data_set)


def test_numbers_count_in_the_list_of_classes(data_set: Path, tmp_path: Path) -> None:
    for one, label in zip(hashes(data_set), ("10", "2", "가"), strict=False):
        relabel(data_set, one, label)
    report = figleaf.export_dataset(data_set, tmp_path / "out", form="webdataset")
    assert report.classes == ("10", "2", "drawings", "neutral", "가")
    for part in ("train", "validation", "test"):
        listed = (tmp_path / "out" / part / "classes.txt").read_text("utf-8")
        assert listed == "10\n2\ndrawings\nneutral\n가\n"
        found = members(tmp_path / "out" / part / "00000.tar")
        for key in (name.removesuffix(".cls") for name in found if name.endswith(".cls")):
            label = json.loads(found[f"{key}.json"])["label"]
            assert report.classes[int(found[f"{key}.cls"])] == label


@pytest.mark.parametrize("named", ["out", "out/train", "out/train/00000.tar"])
def test_our_reader_knows_the_classes_however_it_is_named(
    data_set: Path, tmp_path: Path, named: str
) -> None:
    figleaf.export_dataset(data_set, tmp_path / "out", form="webdataset")
    source = open_source(tmp_path / named)
    assert source.kind is SourceKind.SHARDS
    assert {item.label for item in source.items()} == {"drawings", "neutral"}
    assert source.problems.losses == 0


def test_samples_without_a_class_have_no_number(data_set: Path, tmp_path: Path) -> None:
    relabel(data_set, hashes(data_set)[0], None)
    options: dict[str, Any] = {"form": "webdataset", "by": "none"}
    figleaf.export_dataset(data_set, tmp_path / "out", unlabelled="include", **options)
    found = members(tmp_path / "out/00000.tar")
    assert "000000000.cls" not in found
    assert "000000001.cls" in found
    assert json.loads(found["000000000.json"])["label"] is None


@pytest.mark.parametrize("label", ["a\nb", " a", "a ", "a\x85b"])
def test_classes_that_are_no_line(data_set: Path, tmp_path: Path, label: str) -> None:
    relabel(data_set, hashes(data_set)[0], label)
    with pytest.raises(InputError, match=r"cannot be a line of classes\.txt"):
        figleaf.export_dataset(data_set, tmp_path / "out", form="webdataset")


def test_urls_go_along(tmp_path: Path) -> None:
    """As img2dataset has them; a reader looks for denied words there."""
    data = picture(1)
    stored = Stored(hashlib.sha256(data).digest(), "jpeg", 57, 40, len(data))
    with ledger_with(tmp_path / "d", (url("one.jpg"), mapped("neutral"))) as ledger:
        store = Store(tmp_path / "d")
        store.prepare()
        store.put(data, stored.sha256, "jpeg")
        (task,) = pending(ledger)
        apply(ledger, [Outcome(task.id, stored=(stored,))])
    figleaf.export_dataset(tmp_path / "d", tmp_path / "out", form="webdataset")
    described = json.loads(members(tmp_path / "out/00000.tar")["000000000.json"])
    assert described["url"] == "https://pictures.example/one.jpg"
    (item,) = open_source(tmp_path / "out").items()
    assert item.name == "https://pictures.example/one.jpg"
