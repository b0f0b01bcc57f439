"""Each form, collected again: the same images, classes and parts."""

from pathlib import Path

import pytest

import figleaf
from figleaf.export.rules import Form, Link

from .samples import collected, facts, files, hashes, relabel, split

FOLDERS = ("imagefolder", "huggingface", "webdataset")
TABLES = ("csv", "parquet")


def sources(out: Path) -> list[Path]:
    """What of an export is collected: its tables, or its folder."""
    tables = [path for form in TABLES for path in sorted(out.glob(f"[a-z]*.{form}"))]
    return tables or [out]


def again(out: Path, root: Path | None = None) -> Path:
    """A new data set of an export."""
    return collected(out.with_name("again"), *sources(out), root=root)


@pytest.mark.parametrize("form", FOLDERS)
def test_folders_and_shards_come_back(data_set: Path, tmp_path: Path, form: str) -> None:
    report = figleaf.export_dataset(data_set, tmp_path / "out", form=form)
    assert report.images == 12
    assert report.by == "sources"
    assert facts(again(tmp_path / "out")) == facts(data_set)


@pytest.mark.parametrize("form", TABLES)
def test_tables_of_the_data_sets_own_files_come_back(
    data_set: Path, tmp_path: Path, form: str
) -> None:
    figleaf.export_dataset(data_set, tmp_path / "out", form=form)
    assert not (tmp_path / "out/images").exists()
    assert facts(again(tmp_path / "out", root=data_set)) == facts(data_set)


@pytest.mark.parametrize("link", ["copy", "hard", "symbolic"])
@pytest.mark.parametrize("form", ["imagefolder", "huggingface", "csv", "parquet"])
def test_links_come_back(data_set: Path, tmp_path: Path, form: str, link: str) -> None:
    report = figleaf.export_dataset(data_set, tmp_path / "out", form=form, link=link)
    found = [path for path in (tmp_path / "out").rglob("*") if path.suffix[1:] in "jpgpngwebp"]
    pictures = [path for path in found if path.is_file() and len(path.stem) == 64]
    assert len(pictures) == 12
    assert {path.is_symlink() for path in pictures} == {link == Link.SYMBOLIC}
    assert {path.stat().st_nlink for path in pictures} == {2 if link == Link.HARD else 1}
    assert report.files == sum(path.is_file() for path in (tmp_path / "out").rglob("*"))
    assert facts(again(tmp_path / "out")) == facts(data_set)


def test_symbolic_links_hold_where_the_export_is_moved(data_set: Path, tmp_path: Path) -> None:
    figleaf.export_dataset(data_set, tmp_path / "out", link="symbolic")
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "out").rename(tmp_path / "deep/er/moved")
    assert len(files(tmp_path / "deep/er/moved")) == 13


@pytest.mark.parametrize("form", [*FOLDERS, *TABLES])
def test_figleafs_own_parts_go_before_the_sources(
    data_set: Path, tmp_path: Path, form: str
) -> None:
    names = hashes(data_set)
    split(data_set, {one: ("train", "test")[n % 3 == 0] for n, one in enumerate(names)})
    report = figleaf.export_dataset(data_set, tmp_path / "out", form=form)
    assert report.by == "figleaf"
    assert facts(again(tmp_path / "out", root=data_set)) == facts(data_set, "split")


@pytest.mark.parametrize("form", [*FOLDERS, *TABLES])
def test_without_parts(data_set: Path, tmp_path: Path, form: str) -> None:
    figleaf.export_dataset(data_set, tmp_path / "out", form=form, by="none")
    wanted = {(sha256, label, None, *rest) for sha256, label, _, *rest in facts(data_set)}
    assert facts(again(tmp_path / "out", root=data_set)) == wanted


@pytest.mark.parametrize("form", [*FOLDERS, *TABLES])
@pytest.mark.parametrize("label", ["고양이 사진", "3", "Ünsafe & co", "a,b\tc", "100%", '=1+"x"'])
def test_classes_of_any_name_come_back(
    data_set: Path, tmp_path: Path, form: str, label: str
) -> None:
    relabel(data_set, hashes(data_set)[0], label)
    if form == Form.IMAGEFOLDER and set(label) & set('"\t'):
        with pytest.raises(figleaf.FigleafError, match="cannot be a folder"):
            figleaf.export_dataset(data_set, tmp_path / "out", form=form)
        return
    figleaf.export_dataset(data_set, tmp_path / "out", form=form)
    assert facts(again(tmp_path / "out", root=data_set)) == facts(data_set)


@pytest.mark.parametrize("form", ["huggingface", "csv", "parquet"])
@pytest.mark.parametrize("label", ["../../up", "a/b", "..", "CON", ".hidden", "test", "dev-ops"])
def test_forms_without_folders_take_classes_that_are_no_folders(
    data_set: Path, tmp_path: Path, form: str, label: str
) -> None:
    relabel(data_set, hashes(data_set)[0], label)
    figleaf.export_dataset(data_set, tmp_path / "out", form=form)
    assert facts(again(tmp_path / "out", root=data_set)) == facts(data_set)


@pytest.mark.parametrize("form", [*FOLDERS, *TABLES])
def test_twice_the_same_bytes(data_set: Path, tmp_path: Path, form: str) -> None:
    """But for the times in what img2dataset calls statistics, and in the provenance."""
    found = []
    for name in ("one", "two"):
        figleaf.export_dataset(data_set, tmp_path / name, form=form, images_per_shard=3)
        content = files(tmp_path / name)
        found.append({path: data for path, data in content.items() if "_stats" not in path})
        found[-1].pop("figleaf-export.json")
    assert found[0] == found[1]


def test_embedded_images_are_the_files(data_set: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    figleaf.export_dataset(data_set, tmp_path / "out", form="parquet", embed=True, split="test")
    rows = parquet.read_table(tmp_path / "out/test.parquet").to_pylist()
    with figleaf.Dataset(data_set) as data:
        wanted = {row.sha256: row.path.read_bytes() for row in data.filter(part="test")}
    assert {row["sha256"]: row["image"]["bytes"] for row in rows} == wanted
    assert {row["path"] for row in rows} == {row["image"]["path"] for row in rows}
