"""Tables: their columns and types, bounded row groups, and constant memory."""

import csv
import json
import os
import tracemalloc
from pathlib import Path

import pytest

import figleaf
from figleaf.dataset.dataset import arrow_schema
from figleaf.dataset.ledger import Ledger
from figleaf.errors import InputError
from figleaf.export import tables
from figleaf.export.columns import COLUMNS

from .samples import collected, files, folder_of, hashes, path_of, split

parquet = pytest.importorskip("pyarrow.parquet")


def test_the_columns_are_those_of_a_row(data_set: Path, tmp_path: Path) -> None:
    split(data_set, dict.fromkeys(hashes(data_set), "train"))
    figleaf.export_dataset(data_set, tmp_path / "out", form="parquet")
    found = parquet.read_table(tmp_path / "out/train.parquet")
    with figleaf.Dataset(data_set) as data:
        wanted = data.to_arrow()
    assert set(wanted.column_names) - set(found.column_names) == {"quarantine", "why"}
    assert found.schema == wanted.select(found.column_names).schema
    paths = [os.path.realpath(str(path)) for path in wanted.column("path").to_pylist()]
    assert found.column("path").to_pylist() == paths
    same = [name for name in COLUMNS if name != "path"]
    assert found.select(same).equals(wanted.select(same))
    assert set(arrow_schema().names) >= {"path", *COLUMNS}


def test_a_csv_has_the_same(data_set: Path, tmp_path: Path) -> None:
    figleaf.export_dataset(data_set, tmp_path / "out", form="csv", split="test")
    with (tmp_path / "out/test.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with figleaf.Dataset(data_set) as data:
        wanted = list(data.filter(part="test"))
    assert [row["sha256"] for row in rows] == [row.sha256 for row in wanted]
    assert [tuple(json.loads(row["origins"])) for row in rows] == [row.origins for row in wanted]
    assert {row["split"] for row in rows} == {"test"}
    assert {row["fold"] for row in rows} == {""}


def test_paths_beside_are_relative_to_the_table(data_set: Path, tmp_path: Path) -> None:
    figleaf.export_dataset(data_set, tmp_path / "out", form="csv", link="copy")
    (tmp_path / "out").rename(tmp_path / "moved")
    for table in (tmp_path / "moved").glob("*.csv"):
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                copy = (table.parent / row["path"]).read_bytes()
                assert copy == path_of(data_set, row["sha256"]).read_bytes()


def test_together_a_table_keeps_both_parts_as_columns(data_set: Path, tmp_path: Path) -> None:
    split(data_set, dict.fromkeys(hashes(data_set), "test"))
    figleaf.export_dataset(data_set, tmp_path / "out", form="parquet", by="none")
    found = parquet.read_table(tmp_path / "out/data.parquet").to_pylist()
    assert {row["split"] for row in found} == {"test"}
    assert {row["part"] for row in found} == {"train", "validation", "test"}
    figleaf.export_dataset(data_set, tmp_path / "theirs", form="parquet", by="sources")
    found = parquet.read_table(tmp_path / "theirs/train.parquet").to_pylist()
    assert {row["split"] for row in found} == {"train"}


def test_a_data_set_whose_path_is_not_utf8(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "source", ["cat", "dog"])
    data_set = collected(tmp_path / os.fsdecode(b"caf\xe9"), source)
    for form in ("csv", "parquet"):
        with pytest.raises(InputError, match="path is not UTF-8, and no table can name"):
            figleaf.export_dataset(data_set, tmp_path / "out", form=form)
        figleaf.export_dataset(data_set, tmp_path / form, form=form, link="copy")
        again = collected(tmp_path / f"{form}-again", tmp_path / form / f"data.{form}")
        assert hashes(again) == hashes(data_set)
    for form in ("imagefolder", "webdataset", "huggingface"):
        figleaf.export_dataset(data_set, tmp_path / form, form=form)
        assert "caf" in files(tmp_path / form)["figleaf-export.json"].decode()


def many(folder: Path, count: int) -> Path:
    """A ledger of so many images, all of which are one file under many names."""
    (folder / "images").mkdir(parents=True)
    (folder / "one").write_bytes(b"one")
    rows = [(f"{number:064x}", f"https://a.example/{number}.jpg") for number in range(count)]
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        for number, (sha256, locator) in enumerate(rows, start=1):
            path = folder / "images" / sha256[:2] / f"{sha256}.jpg"
            path.parent.mkdir(exist_ok=True)
            os.link(folder / "one", path)
            image = (number, bytes.fromhex(sha256), "jpeg", 10, 10, 3, "cat", 0.0)
            db.execute(
                "INSERT INTO images (id, sha256, format, width, height, bytes, label, added)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                image,
            )
            db.execute(
                "INSERT INTO items (id, key, kind, state) VALUES (?, ?, 'url', 'fetched')",
                (number, number.to_bytes(16)),
            )
            db.execute("INSERT INTO locators VALUES (?, ?)", (number, locator))
            db.execute("INSERT INTO origins VALUES (?, ?, NULL)", (number, number))
    return folder


def test_row_groups_are_bounded(tmp_path: Path) -> None:
    many(tmp_path / "d", 2_500)
    figleaf.export_dataset(tmp_path / "d", tmp_path / "out", form="parquet")
    found = parquet.ParquetFile(tmp_path / "out/data.parquet").metadata
    sizes = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
    assert sizes == [1_000, 1_000, 500]


def test_row_groups_of_images_are_bounded(tmp_path: Path) -> None:
    table = tables._Parquet(tmp_path / "x.parquet", embed=True)
    image = bytes(tables._BYTES // 4)
    for _ in range(10):
        columns = dict.fromkeys(COLUMNS) | {"path": "x", "origins": []}
        table.write(columns, image)
    table.close()
    found = parquet.ParquetFile(tmp_path / "x.parquet").metadata
    sizes = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
    assert sizes == [4, 4, 2]


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    few, more = many(tmp_path / "few", 2_050), many(tmp_path / "more", 4_050)

    def peak(data_set: Path, out: str) -> int:
        tracemalloc.start()
        try:
            figleaf.export_dataset(data_set, tmp_path / out, link="symbolic")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # Twice: the interpreter's own tables grow now and then, and late imports come once.
    peaks = [(peak(few, f"few-{number}"), peak(more, f"more-{number}")) for number in range(2)]
    assert min(high for _, high in peaks) < 1.25 * min(low for low, _ in peaks)
