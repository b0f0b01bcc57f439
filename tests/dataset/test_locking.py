"""Locks of one process at a time."""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from figleaf.dataset import locking
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.locking import try_lock
from figleaf.dataset.staging import staging
from figleaf.errors import DatasetError, InputError
from figleaf.pipeline.places import alone


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path, os.O_RDONLY)
    yield opened
    os.close(opened)


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_a_lock_is_held_until_it_is_closed(tmp_path: Path, descriptor: int) -> None:
    other = os.open(tmp_path, os.O_RDONLY)
    assert try_lock(other)
    with pytest.raises(BlockingIOError):
        try_lock(descriptor)
    os.close(other)
    assert try_lock(descriptor)


def test_systems_without_locks(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "HAS_LOCKS", False)
    assert not try_lock(descriptor)


@pytest.mark.usefixtures("no_locks")
def test_file_systems_without_locks(descriptor: int) -> None:
    assert not try_lock(descriptor)


@pytest.mark.usefixtures("no_locks")
def test_what_needs_a_lock_says_so(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="its file system has no locks"):
        Ledger(tmp_path / "set", write=True)
    with pytest.raises(InputError, match="its file system has no locks"), alone(tmp_path / "run"):
        pass


@pytest.mark.usefixtures("no_locks")
def test_what_needs_none_goes_on(tmp_path: Path) -> None:
    with staging(tmp_path / "exported", ".export") as folder:
        assert folder.is_dir()
