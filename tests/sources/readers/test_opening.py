import os
import subprocess
import sys
from pathlib import Path

import pytest

from figleaf.errors import DatasetError, SourceError
from figleaf.sources.readers.opening import SourceKind, open_source
from figleaf.sources.readers.reading import ProblemKind, Problems

from .makers import list_repository, picture, pictures, shard, tar_bytes, write
from .users import unprivileged

URL = "http://a.example/1.jpg"


def make(root: Path) -> dict[str, SourceKind]:
    """One source of each kind, under names that do not tell."""
    list_repository(root / "a", {"x/urls_x.txt": [URL]})
    write(root / "b", URL)
    write(root / "c", f"url,label\n{URL},x\n")
    pictures(root / "d", ["x/1.jpg"])
    shard(root / "e" / "x.tar", {"1.jpg": picture()})
    write(root / "f", tar_bytes({"1.jpg": picture()}))
    write(root / "g" / "figleaf.db", b"SQLite format 3\0")
    write(root / "h", f'\n{{"url": "{URL}"}}\n')
    return {
        "a": SourceKind.URL_LISTS,
        "b": SourceKind.URL_LIST,
        "c": SourceKind.TABLE,
        "d": SourceKind.FOLDER,
        "e": SourceKind.SHARDS,
        "f": SourceKind.SHARDS,
        "g": SourceKind.DATA_SET,
        "h": SourceKind.TABLE,
    }


def test_what_a_source_is_is_told_by_its_content(tmp_path: Path) -> None:
    for name, kind in make(tmp_path).items():
        for spec in (tmp_path / name, str(tmp_path / name)):
            source = open_source(spec)
            assert (source.kind, source.name, source.label) == (kind, name, None)
            if kind is not SourceKind.DATA_SET:
                (item,) = source.items()
                assert item.source == name


def test_a_data_set_is_read_by_its_own_reader(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "figleaf.db", b"not a database")
    for spec in (tmp_path / "mine", tmp_path / "mine" / "figleaf.db"):
        source = open_source(spec)
        assert (source.kind, source.name) == (SourceKind.DATA_SET, "mine")
        with pytest.raises(DatasetError):
            next(source.items())


def test_opening_loads_no_library_that_is_an_extra(tmp_path: Path) -> None:
    make(tmp_path)
    code = (
        "import sys\nfrom figleaf.sources.readers.opening import open_source\n"
        f"for name in 'abcdefh': list(open_source({str(tmp_path)!r} + '/' + name).items())\n"
        "print({'pyarrow', 'aiohttp', 'av', 'pandas', 'sqlite3'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_a_pass_can_be_repeated_and_counts_anew(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "x.csv", f"url\n{URL}\n\n,\n"))
    for _ in range(2):
        assert len(list(source.items())) == 1
        assert dict(source.problems.items()) == {ProblemKind.NO_LOCATOR: 1}


def test_a_label_for_everything(tmp_path: Path) -> None:
    for name, kind in make(tmp_path).items():
        source = open_source(f"porn={tmp_path / name}")
        assert (source.label, source.name) == ("porn", name)
        if kind is not SourceKind.DATA_SET:
            assert [(i.label, i.category) for i in source.items()] == [("porn", None)]


def test_an_existing_path_goes_before_a_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "porn=x.txt", URL)
    source = open_source("porn=x.txt")
    assert (source.label, source.name) == (None, "porn=x.txt")
    write(tmp_path / "x.txt", URL)
    assert open_source("sexy=x.txt").label == "sexy"
    assert open_source("드레스=x.txt").label == "드레스"


@pytest.mark.parametrize("spec", ["a/b=x.txt", "a.b=x.txt", "=x.txt", "a b=x.txt", "porn="])
def test_what_is_no_plain_name_is_no_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "x.txt", URL)
    with pytest.raises(SourceError, match="no file or folder"):
        open_source(spec)


def test_a_path_object_is_never_split(tmp_path: Path) -> None:
    write(tmp_path / "x.txt", URL)
    with pytest.raises(SourceError, match="no file or folder"):
        open_source(Path(f"porn={tmp_path}/x.txt"))


def test_the_folder_that_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "mine", ["x/1.jpg"])
    monkeypatch.chdir(tmp_path / "mine")
    for spec in (".", "", "../mine", "x/.."):
        source = open_source(spec)
        assert source.name == "mine"
        (item,) = source.items()
        assert (item.locator, item.label) == (str(tmp_path / "mine" / "x" / "1.jpg"), "x")


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (picture(), "a picture or a video; give its folder, or LABEL=FOLDER"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a picture or a video; give its folder"),
        (b"\0\0\0\x20ftypisom" + bytes(100), "a picture or a video; give its folder"),
        (b"hello\nworld\n", "cannot tell"),
        (b"", "cannot tell"),
        ("http://a.example/\n".encode("utf-16"), "UTF-16 text: save it as UTF-8"),
        (b'[{"url": "http://a.example"}]', "write one object a line"),
        (b"SQLite format 3\0" + bytes(100), "a SQLite database"),
        (b"PK\x03\x04" + bytes(100), "cannot tell"),
        (b"\x1f\x8b\x08 broken", "."),
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, content: bytes, hint: str) -> None:
    path = write(tmp_path / "thing", content)
    with pytest.raises(SourceError, match=hint) as raised:
        open_source(path)
    assert str(path) in str(raised.value)


def test_what_is_not_there_is_named_with_what_there_could_be(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file or folder .*gone; a source is .*raw_data"):
        open_source(tmp_path / "gone")
    with pytest.raises(SourceError, match="no file or folder"):
        open_source("x" * 5000)
    with pytest.raises(SourceError, match="no file or folder"):
        open_source("a\0b")
    with pytest.raises(SourceError, match="lists are not fetched"):
        open_source("https://a.example/list.txt")


def test_an_empty_folder_and_one_without_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no picture in this folder"):
        open_source(tmp_path)
    write(tmp_path / "notes.txt", "hello")
    with pytest.raises(SourceError, match="no picture in this folder"):
        open_source(tmp_path)


@pytest.mark.parametrize("inner", ["a/locked", "locked", "a/urls/locked"])
def test_a_folder_that_cannot_be_read_is_counted_and_the_rest_is_read(
    open_path: Path, inner: str
) -> None:
    pictures(open_path, ["a/1.jpg", "b/2.jpg"])
    (open_path / inner).mkdir(parents=True)
    (open_path / inner).chmod(0)
    out = unprivileged(
        f"source = open_source({str(open_path)!r})\n"
        "print(*(item.name for item in source.items()), *source.problems.items())"
    )
    assert out.split(" (")[0] == "a/1.jpg b/2.jpg"
    assert "UNREADABLE" in out
    assert out.rstrip().endswith(" 1)")


def test_a_checkout_of_lists_with_a_locked_folder_is_read(open_path: Path) -> None:
    list_repository(open_path, {"x/urls_x.txt": [URL]})
    (open_path / "raw_data" / "locked").mkdir(mode=0)
    out = unprivileged(
        f"source = open_source({str(open_path)!r})\n"
        "print(source.kind, *(item.name for item in source.items()), source.problems.losses)"
    )
    assert out == f"url lists {URL} 1\n"


@pytest.mark.parametrize(
    ("locked", "mode", "given", "message"),
    [
        (".", 0o000, ".", ": the folder cannot be read (Permission denied)"),
        (".", 0o444, ".", ": the folder cannot be read (Permission denied)"),
        (".", 0o000, "a", ": Permission denied; a folder above it may not be entered"),
        ("a", 0o000, ".", "cannot be read: a: Permission denied); a source is"),
    ],
)
def test_a_source_that_cannot_be_read_says_so(
    open_path: Path, locked: str, mode: int, given: str, message: str
) -> None:
    root = pictures(open_path / "root", ["a/1.jpg"])
    (root / locked).chmod(mode)
    out = unprivileged(
        f"try:\n    open_source({str(root / given)!r})\nexcept SourceError as e:\n    print(e)"
    )
    assert message in out
    assert str(root) in out


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="not a regular file"):
        open_source(tmp_path / "pipe")


def test_problems_are_counted_in_constant_memory() -> None:
    problems = Problems()
    for number in range(1000):
        problems.add(ProblemKind.BAD_ROW, f"line {number} {'x' * 1000}")
    problems.add(ProblemKind.NOT_AN_IMAGE, "Thumbs.db", 3)
    bad, other = problems
    assert (bad.count, len(bad.examples), len(bad.examples[0])) == (1000, 5, 200)
    assert (other.count, problems.losses, len(problems)) == (3, 1000, 2)
