import json
import os
from pathlib import Path

import pytest

from figleaf.dataset.records import Item, Kind
from figleaf.errors import SourceError
from figleaf.sources.readers.columns import Columns
from figleaf.sources.readers.opening import Source, SourceKind, open_source
from figleaf.sources.readers.reading import ProblemKind

from .makers import picture, pictures, rows, write


def folder(path: Path) -> Source:
    source = open_source(path)
    assert source.kind is SourceKind.FOLDER
    return source


def test_a_folder_for_each_label(tmp_path: Path) -> None:
    root = pictures(tmp_path / "clothes", ["shoe/b.jpg", "dress/a.jpg", "dress/deep/er/c.PNG"])
    source = folder(root)
    first = str(root / "dress" / "a.jpg")
    items = list(source.items())
    assert items[0] == Item(Kind.FILE, first, "dress/a.jpg", "clothes", "dress", None, "dress")
    assert rows(items) == [
        ("dress/a.jpg", "dress", None),
        ("dress/deep/er/c.PNG", "dress", None),
        ("shoe/b.jpg", "shoe", None),
    ]
    assert not source.problems


def test_the_folders_of_splits_have_one_spelling(tmp_path: Path) -> None:
    names = ["Train", "test", "valid"]
    root = pictures(tmp_path, [f"{name}/dress/a.jpg" for name in names])
    assert rows(folder(root).items()) == [
        ("Train/dress/a.jpg", "dress", "train"),
        ("test/dress/a.jpg", "dress", "test"),
        ("valid/dress/a.jpg", "dress", "validation"),
    ]
    assert next(folder(root).items()).listing == "Train/dress"


def test_a_split_beside_other_folders(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["train/dress/a.jpg", "other/b.jpg", "c.jpg"])
    assert rows(folder(root).items()) == [
        ("train/dress/a.jpg", "dress", "train"),
        ("c.jpg", None, None),
        ("other/b.jpg", "other", None),
    ]


def test_a_class_may_be_called_like_a_split(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["test/a.jpg", "dress/b.jpg"])
    assert rows(folder(root).items()) == [
        ("dress/b.jpg", "dress", None),
        ("test/a.jpg", "test", None),
    ]


def test_splits_without_labels(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["train/a.jpg", "dev/b.jpg"])
    assert rows(folder(root).items()) == [
        ("dev/b.jpg", None, "validation"),
        ("train/a.jpg", None, "train"),
    ]


def test_a_flat_folder_has_the_label_that_the_user_says(tmp_path: Path) -> None:
    root = pictures(tmp_path / "x", ["b.jpg", "a.jpg"])
    assert rows(folder(root).items()) == [("a.jpg", None, None), ("b.jpg", None, None)]
    source = open_source(f"sexy={root}")
    assert rows(source.items()) == [("a.jpg", "sexy", None), ("b.jpg", "sexy", None)]


def test_what_is_no_picture_is_counted(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["a/1.jpg", "a/2", "a/3.txt", "a/4.mp4"])
    write(root / "a" / "Thumbs.db", b"\xd0\xcf\x11\xe0" + bytes(600))
    write(root / "a" / "caption.txt", "a dress")
    write(root / "a" / ".hidden.jpg", picture())
    write(root / "a" / "broken.jpg", b"")
    write(root / "a" / "drawing", b"8BPS" + bytes(100))
    source = folder(root)
    # By content where the name does not tell; what is called a picture is one for the decoder.
    found = [item.name for item in source.items()]
    assert found == ["a/1.jpg", "a/2", "a/3.txt", "a/4.mp4", "a/broken.jpg", "a/drawing"]
    (problem,) = source.problems
    assert (problem.kind, problem.count) == (ProblemKind.NOT_AN_IMAGE, 2)
    assert source.problems.losses == 0


def test_links(tmp_path: Path) -> None:
    outside = pictures(tmp_path / "outside", ["x/1.jpg"])
    root = pictures(tmp_path / "root", ["a/1.jpg"])
    (root / "a" / "2.jpg").symlink_to(outside / "x" / "1.jpg")
    (root / "a" / "gone.jpg").symlink_to(outside / "gone.jpg")
    (root / "a" / "self").symlink_to(root / "a" / "self")
    (root / "b").symlink_to(outside)
    os.mkfifo(root / "a" / "pipe.jpg")
    source = folder(root)
    assert [item.name for item in source.items()] == ["a/1.jpg", "a/2.jpg"]
    assert source.problems.count(ProblemKind.LINK) == 1
    assert source.problems.count(ProblemKind.UNREADABLE) == 3


def test_names_that_no_database_takes_are_counted(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["a/1.jpg"])
    Path(os.fsdecode(os.fsencode(root) + b"/a/caf\xe9.jpg")).write_bytes(picture())
    source = folder(root)
    assert len(list(source.items())) == 1
    (problem,) = source.problems
    assert (problem.kind, problem.examples) == (ProblemKind.BAD_NAME, ("a/caf\ufffd.jpg",))


def test_a_folder_whose_path_no_database_takes_is_refused(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    pictures(root, ["a/1.jpg"])
    with pytest.raises(SourceError, match="not UTF-8; rename it"):
        open_source(root)


def test_korean_and_other_names(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["드레스/사진 1.jpg", "a::b/%20#.jpg"])
    assert {item.label for item in folder(root).items()} == {"드레스", "a::b"}


def test_deeply_nested_folders(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 500)
    root = pictures(tmp_path, [f"a/{deep}/1.jpg"])
    assert rows(folder(root).items()) == [(f"a/{deep}/1.jpg", "a", None)]


METADATA = {
    "metadata.csv": "file_name,label\nsub/b.jpg,shoe\na.jpg,dress\n",
    "metadata.jsonl": '{"file_name": "sub/b.jpg", "label": "shoe"}\n'
    '{"file_name": "a.jpg", "label": "dress"}\n',
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata_names_the_pictures_and_their_labels(tmp_path: Path, name: str) -> None:
    root = pictures(tmp_path, ["a.jpg", "sub/b.jpg"])
    write(root / name, METADATA[name])
    source = folder(root)
    assert rows(source.items()) == [("sub/b.jpg", "shoe", None), ("a.jpg", "dress", None)]
    assert not source.problems


def test_metadata_of_each_split(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["train/a.jpg", "test/b.jpg", "val/shoe/c.jpg"])
    write(root / "train" / "metadata.csv", "file_name,label\na.jpg,dress\n")
    write(root / "test" / "metadata.csv", "file_name,label,split\nb.jpg,dress,test\n")
    items = list(folder(root).items())
    assert rows(items) == [
        ("test/b.jpg", "dress", "test"),
        ("train/a.jpg", "dress", "train"),
        ("val/shoe/c.jpg", "shoe", "validation"),
    ]
    assert items[0].locator == str(root / "test" / "b.jpg")


def test_metadata_of_the_whole_names_pictures_in_folders_of_splits(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["train/a.jpg", "test/b.jpg"])
    write(root / "metadata.csv", "file_name,label\ntrain/a.jpg,x\ntest/b.jpg,y\n")
    assert rows(folder(root).items()) == [
        ("train/a.jpg", "x", "train"),
        ("test/b.jpg", "y", "test"),
    ]


def test_metadata_that_does_not_match_its_folder(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["a.jpg", "b.jpg", "c.jpg"])
    text = "file_name,label\na.jpg,x\ngone.jpg,y\n../out.jpg,z\n,z\n"
    write(root / "metadata.csv", text)
    source = folder(root)
    assert [item.name for item in source.items()] == ["a.jpg", "gone.jpg", "../out.jpg"]
    counts = dict(source.problems.items())
    assert counts == {
        ProblemKind.UNNAMED: 2,
        ProblemKind.OUTSIDE: 1,
        ProblemKind.NO_LOCATOR: 1,
    }


def test_metadata_with_urls_is_still_about_the_files(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["a.jpg"])
    write(root / "metadata.csv", "url,file_name\nhttp://a.example/a.jpg,a.jpg\n")
    (item,) = folder(root).items()
    assert item.kind is Kind.FILE


def test_metadata_with_chosen_columns(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["a.jpg"])
    write(root / "metadata.csv", "file_name,what\na.jpg,shoe\n")
    (item,) = open_source(root, Columns(label="what")).items()
    assert item.label == "shoe"


def test_metadata_without_paths_or_in_two_forms_is_refused(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["a.jpg"])
    write(root / "metadata.csv", "name,label\na.jpg,x\n")
    with pytest.raises(SourceError, match=r"metadata\.csv: no column"):
        open_source(root)
    write(root / "metadata.csv", "url,label\nhttp://a.example/,x\n")
    with pytest.raises(SourceError, match="no column 'file_name'"):
        open_source(root)
    write(root / "metadata.jsonl", "{}")
    with pytest.raises(SourceError, match=r"both metadata\.csv and metadata\.jsonl"):
        open_source(root)


def side(label: str | None) -> str:
    values = {"url": "http://a.example/x.jpg", "key": "000000000", "status": "success"}
    return json.dumps(values | ({"label": label} if label else {}))


def test_files_of_img2dataset_are_no_labels(tmp_path: Path) -> None:
    for number, label in enumerate(["dress", None]):
        write(tmp_path / "00000" / f"00000000{number}.jpg", picture())
        write(tmp_path / "00000" / f"00000000{number}.json", side(label))
        write(tmp_path / "00000" / f"00000000{number}.txt", "a caption")
    write(tmp_path / "00001" / "000010000.jpg", picture())
    write(tmp_path / "00000_stats.json", "{}")
    write(tmp_path / "00000.parquet", b"PAR1")
    source = folder(tmp_path)
    items = list(source.items())
    assert [item.label for item in items] == ["dress", None, None]
    # The address that a picture came from is what denied words are looked for in.
    assert items[0].name == "http://a.example/x.jpg"
    assert items[0].locator == str(tmp_path / "00000" / "000000000.jpg")
    assert (items[0].listing, items[2].name) == ("00000", "00001/000010000.jpg")
    assert source.problems.losses == 0


def test_one_folder_of_img2dataset_and_one_without_its_tables(tmp_path: Path) -> None:
    write(tmp_path / "00000" / "000000000.jpg", picture())
    write(tmp_path / "00000" / "000000000.json", side("dress"))
    for root in (tmp_path, tmp_path / "00000"):
        assert [item.label for item in folder(root).items()] == ["dress"]


def test_classes_that_are_numbers_are_labels(tmp_path: Path) -> None:
    root = pictures(tmp_path, ["0/a.jpg", "1/b.jpg"])
    write(root / "0" / "a.json", '{"tags": []}')
    assert [item.label for item in folder(root).items()] == ["0", "1"]
