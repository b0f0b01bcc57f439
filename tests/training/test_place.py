"""Where a bundle may lie, and how it gets there: whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from figleaf.errors import InputError
from figleaf.training.bundle import CARD, GRAPH, REPORT, TEXT
from figleaf.training.place import check_outside, check_place, move, reserved

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


@pytest.mark.parametrize("name", ["inception_v3", "resnet50_thin"])
def test_a_model_of_figleafs_own_name(tmp_path: Path, name: str) -> None:
    """`--model inception_v3` would never take it."""
    with pytest.raises(InputError, match=f"comes with figleaf is called {name}"):
        check_place(tmp_path / name, overwrite=False)


def test_the_data_sets_own_folder(tmp_path: Path) -> None:
    data = filled(tmp_path / "data")
    (tmp_path / "link").symlink_to(data)
    for out in (data / "model", tmp_path / "link/model", data / "images/model", data):
        with pytest.raises(InputError, match="lies in the data set's own folder"):
            check_outside(out, data)
    check_outside(tmp_path / "data-model", data)


@pytest.mark.parametrize("before", [None, (), BUNDLE])
def test_a_finished_folder_takes_its_place(tmp_path: Path, before: tuple[str, ...] | None) -> None:
    out = tmp_path / "model"
    if before is not None:
        filled(out, *before)
    with reserved(out, overwrite=True) as folder:
        assert folder.parent == tmp_path
        (folder / CARD).write_text("new")
        move(folder, out, overwrite=True)
    assert contents(out) == {CARD: "new"}
    assert list(tmp_path.iterdir()) == [out]


def test_a_place_of_a_long_name(tmp_path: Path) -> None:
    out = tmp_path / ("모" * 85)
    for overwrite in (False, True):
        with reserved(out, overwrite=overwrite) as folder:
            (folder / CARD).write_text("new")
            move(folder, out, overwrite=overwrite)
    assert list(tmp_path.iterdir()) == [out]


def test_what_was_there_comes_back_when_the_new_one_cannot_be_moved(tmp_path: Path) -> None:
    out = filled(tmp_path / "model", *BUNDLE)
    before = contents(out)
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "gone", out, overwrite=True)
    assert contents(out) == before


def test_a_place_that_was_taken_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "model"
    with reserved(out, overwrite=False) as folder:
        filled(out, *BUNDLE)
        with pytest.raises(InputError, match="is there; --overwrite"):
            move(folder, out, overwrite=False)
        (out / "notes.txt").write_text("mine")
        with pytest.raises(InputError, match="is no bundle alone"):
            move(folder, out, overwrite=True)
    assert (out / "notes.txt").read_text() == "mine"
    assert list(tmp_path.iterdir()) == [out]


def test_two_trainings_to_one_place(tmp_path: Path) -> None:
    """Of two data sets, each of which has a lock of its own."""
    out = tmp_path / "model"
    with reserved(out, overwrite=False):
        with (
            pytest.raises(InputError, match="another process trains a model"),
            reserved(out, overwrite=False),
        ):
            pass
        with reserved(tmp_path / "models", overwrite=False):
            pass
    with reserved(out, overwrite=False):
        pass


KILLED = """
import os, signal, sys
from pathlib import Path
from figleaf.training.place import move, reserved
out = Path(sys.argv[1])
rename = Path.rename
def killing(self, target):
    if self.name.endswith(".part"):
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = killing
with reserved(out, overwrite=True) as folder:
    (folder / "card.json").write_text("new")
    move(folder, out, overwrite=True)
"""


@pytest.mark.parametrize("before", [False, True])
def test_killed_before_the_new_one_is_in_its_place(tmp_path: Path, before: bool) -> None:
    """Of all moments the worst: what was there is away, and nothing is there yet."""
    out = tmp_path / "model"
    if before:
        filled(out, *BUNDLE)
    subprocess.run([sys.executable, "-c", KILLED, str(out)], check=False, timeout=60)
    assert not out.exists()
    if before:
        with pytest.raises(InputError, match="--overwrite"), reserved(out, overwrite=False):
            pass
        assert contents(out)[CARD] == f"{CARD} of model"
    with reserved(out, overwrite=True) as folder:
        move(folder, out, overwrite=True)
    assert list(tmp_path.iterdir()) == [out]
