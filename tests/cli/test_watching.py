"""Which files of a watched folder are taken, and when."""

import os
from itertools import islice
from pathlib import Path

import pytest

from figleaf.cli.classifying.watching import INTERVAL, Watched
from figleaf.cli.own import Own
from figleaf.errors import InputError


def names(paths: list[str]) -> list[str]:
    return [Path(path).name for path in paths]


def test_a_file_is_taken_once_it_is_the_same_at_two_looks(tmp_path: Path) -> None:
    watched = Watched(str(tmp_path), recursive=False)
    growing, whole = tmp_path / "growing.jpg", tmp_path / "whole.jpg"
    whole.write_bytes(b"x")
    growing.write_bytes(b"x")
    assert watched.look() == []
    growing.write_bytes(b"xx")
    assert names(watched.look()) == ["whole.jpg"]
    assert names(watched.look()) == ["growing.jpg"]
    assert watched.look() == []


def test_what_changes_is_taken_again_and_so_is_a_name_that_comes_back(tmp_path: Path) -> None:
    watched = Watched(str(tmp_path), recursive=False)
    path = tmp_path / "a.jpg"
    for content in (b"x", b"xx"):
        path.write_bytes(content)
        assert [watched.look(), names(watched.look())] == [[], ["a.jpg"]]
    path.unlink()
    assert watched.look() == []
    path.write_bytes(b"xx")
    assert [watched.look(), names(watched.look())] == [[], ["a.jpg"]]


def test_a_folder_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"x")
    watched = Watched(str(folder), recursive=False)
    assert [watched.look(), names(watched.look())] == [[], ["a.jpg"]]
    folder.rename(tmp_path / "away")
    assert watched.look() == []
    (tmp_path / "away").rename(folder)
    (folder / "b.jpg").write_bytes(b"x")
    assert [watched.look(), names(watched.look())] == [[], ["b.jpg"]]


def test_hidden_files_our_own_and_folders_below_are_left_out(tmp_path: Path) -> None:
    for name in (".part", "a.jpg", "sub/b.jpg", "sorted/allow/c.jpg", "out.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    own = Own((tmp_path / "sub/../sorted",), (tmp_path / "out.jsonl",))
    for recursive, expected in ((False, ["a.jpg"]), (True, ["a.jpg", "b.jpg"])):
        watched = Watched(str(tmp_path), recursive=recursive, own=own)
        watched.look()
        assert names(watched.look()) == expected


def test_between_two_looks_it_waits(tmp_path: Path) -> None:
    waits: list[float] = []
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.jpg").write_bytes(b"x")
    watched = Watched(str(tmp_path), recursive=True, wait=waits.append)
    (found,) = next(islice(watched.rounds(), 1))
    assert (found.source, str(found.relative)) == (str(tmp_path / "sub/a.jpg"), "sub/a.jpg")
    assert waits == [INTERVAL]


def test_a_link_to_nothing_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to("later.jpg")
    watched = Watched(str(tmp_path), recursive=False)
    assert [watched.look(), watched.look()] == [[], []]
    (tmp_path / "later.jpg").write_bytes(b"x")
    watched.look()
    assert names(watched.look()) == ["later.jpg", "link.jpg"]


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("none", "file"):
        with pytest.raises(InputError, match="takes one"):
            Watched(str(tmp_path / name), recursive=False).check()
    assert os.path.lexists(tmp_path / "file")
