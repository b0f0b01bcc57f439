"""A file that is being replaced is the old one or the new one, whatever happens."""

from pathlib import Path

import pytest

from figleaf.dataset.durable import append, replacing, write_new


def test_appended_and_new(tmp_path: Path) -> None:
    append(tmp_path / "log", b"one")
    append(tmp_path / "log", b"two")
    assert (tmp_path / "log").read_bytes() == b"onetwo"
    write_new(tmp_path / "new", b"one")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "new", b"two")
    assert (tmp_path / "new").read_bytes() == b"one"


def fail_half_way(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt


def test_a_failure_leaves_the_old_one_alone(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        fail_half_way(path)
    assert path.read_bytes() == b"old"
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
