"""Where a bundle may go, and how it gets there: whole or not at all."""

import os
from pathlib import Path

import pytest

from figleaf.errors import InputError
from figleaf.training.bundle import CARD, GRAPH, REPORT, TEXT, check_place, move, staging

BUNDLE = (CARD, GRAPH, TEXT, REPORT)


def filled(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_text(f"{name} of {folder.name}")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_new_place_and_an_empty_folder(tmp_path: Path) -> None:
    check_place(tmp_path / "new", overwrite=False)
    check_place(filled(tmp_path / "empty"), overwrite=False)
    check_place(tmp_path / "모델 하나", overwrite=False)


@pytest.mark.parametrize("names", [BUNDLE, (CARD, GRAPH), (CARD,)])
def test_a_bundle_is_replaced_when_asked(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = filled(tmp_path / "old", *names)
    with pytest.raises(InputError, match="old: is there; --overwrite replaces it"):
        check_place(folder, overwrite=False)
    check_place(folder, overwrite=True)


@pytest.mark.parametrize("names", [("photo.jpg",), (*BUNDLE, "notes.txt"), (GRAPH,), (TEXT,)])
def test_a_folder_of_anything_else_is_never_replaced(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    folder = filled(tmp_path / "mine", *names)
    for overwrite in (False, True):
        with pytest.raises(InputError, match="mine: is there, and is no bundle alone"):
            check_place(folder, overwrite=overwrite)


def test_a_file_a_link_and_a_pipe_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(filled(tmp_path / "old", *BUNDLE))
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    for name in ("file", "link", "dangling", "pipe"):
        with pytest.raises(InputError, match=f"{name}: is there, and is no folder"):
            check_place(tmp_path / name, overwrite=True)


@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "/"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(InputError, match="not a name for a bundle's folder"):
        check_place(Path(name), overwrite=True)


@pytest.mark.parametrize("name", ["n" * 256, "모" * 86, "two\nlines", "\udcff", "\x1b[31m"])
def test_names_that_no_model_can_have(tmp_path: Path, name: str) -> None:
    """Before the work is done, and not after hours of it."""
    with pytest.raises(InputError, match="the name of a model is of letters") as error:
        check_place(tmp_path / name, overwrite=False)
    assert str(error.value).isprintable()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"there is no folder {tmp_path}/no"):
        check_place(tmp_path / "no/model", overwrite=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        check_place(tmp_path / "model", overwrite=False)


@pytest.mark.parametrize("before", [None, (), BUNDLE])
def test_a_finished_folder_takes_its_place(tmp_path: Path, before: tuple[str, ...] | None) -> None:
    out = tmp_path / "model"
    if before is not None:
        filled(out, *before)
    folder = staging(out)
    assert folder.parent == tmp_path
    (folder / CARD).write_text("new")
    move(folder, out)
    assert contents(out) == {CARD: "new"}
    assert list(tmp_path.iterdir()) == [out]


def test_a_place_of_a_long_name(tmp_path: Path) -> None:
    out = tmp_path / ("모" * 85)
    check_place(out, overwrite=False)
    move(staging(out), out)
    assert out.is_dir()


def test_what_was_there_comes_back_when_the_new_one_cannot_be_moved(tmp_path: Path) -> None:
    out = filled(tmp_path / "model", *BUNDLE)
    before = contents(out)
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "gone", out)
    assert contents(out) == before
