"""What a killed process left beside a place goes; what a living one is making stays."""

import subprocess
import sys
from pathlib import Path

import pytest

from figleaf.dataset.staging import staged, staging, sweep

KILLED = """
import os, signal, sys
from pathlib import Path
from figleaf.dataset.staging import staging
with staging(Path(sys.argv[1]), ".part") as folder:
    (folder / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_is_there_until_the_end(tmp_path: Path) -> None:
    with staging(tmp_path / "model", ".part") as folder:
        (folder / "file").write_text("half")
        assert staged(tmp_path / "model", ".part") == [folder]
    assert not list(tmp_path.iterdir())


def test_one_that_is_renamed_stays(tmp_path: Path) -> None:
    with staging(tmp_path / "model", ".part") as folder:
        folder.rename(tmp_path / "model")
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]


def test_a_killed_process_leaves_nothing_for_good(tmp_path: Path) -> None:
    target = tmp_path / "model"
    subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False, timeout=60)
    assert len(staged(target, ".part")) == 1
    assert not sweep(target, ".part")
    assert not list(tmp_path.iterdir())


def test_a_living_one_is_told_and_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with staging(target, ".part") as folder:
        assert sweep(target, ".part")
        assert folder.is_dir()
    assert not sweep(target, ".part")


@pytest.mark.parametrize(
    "name", [".model.0123abcd.old", ".model.0123abc.part", ".models.0123abcd.part", "model.part"]
)
def test_what_others_keep_there_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / ".model.01234567.part").write_text("a file")
    (tmp_path / ".model.89abcdef.part").symlink_to(tmp_path / name)
    assert not sweep(tmp_path / "model", ".part")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_place_of_a_long_name(tmp_path: Path) -> None:
    with staging(tmp_path / ("모" * 85), ".part") as folder:
        assert folder.is_dir()
