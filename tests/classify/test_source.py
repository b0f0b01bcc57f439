import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from figleaf.classify.source import name_of, read_bytes, walk
from figleaf.errors import ImageError, InputError, Status
from figleaf.images import Limits


def test_names(tmp_path: Path) -> None:
    assert name_of("a/b.jpg") == "a/b.jpg"
    assert name_of(Path("a") / "b.jpg") == str(Path("a/b.jpg"))
    assert name_of(b"x") == "<bytes>"
    assert name_of(io.BytesIO(b"x")) == "<file>"
    assert name_of(np.zeros((1, 1), np.uint8)) == "<array>"
    assert name_of(Image.new("RGB", (1, 1))) == "<image>"
    (tmp_path / "f").touch()
    with (tmp_path / "f").open("rb") as file:
        assert name_of(file) == str(tmp_path / "f")


def status_of(source: object, limits: Limits | None = None) -> Status:
    with pytest.raises(ImageError) as raised:
        read_bytes(source, limits or Limits())  # type: ignore[arg-type]  # wrong ones on purpose
    return raised.value.status


def test_what_cannot_be_read_has_a_status(tmp_path: Path) -> None:
    assert status_of(tmp_path / "missing") is Status.NOT_FOUND
    assert status_of("") is Status.NOT_FOUND
    assert status_of("a\0b") is Status.NOT_FOUND
    assert status_of(tmp_path) is Status.UNREADABLE
    assert status_of("x" * 5000) is Status.UNREADABLE


def test_a_pipe_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert status_of(tmp_path / "pipe") is Status.UNREADABLE
    assert status_of("/dev/zero") is Status.UNREADABLE


def test_no_more_is_read_than_the_limit(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(100))
    assert status_of(tmp_path / "big", Limits(max_bytes=99)) is Status.TOO_MANY_BYTES

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert size >= 0
            return bytes(size)

    assert len(read_bytes(Endless(), Limits(max_bytes=50))) == 51  # type: ignore[arg-type]


def test_misuse_raises() -> None:
    with pytest.raises(InputError, match="cannot classify a int"):
        read_bytes(3, Limits())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="binary mode"):
        read_bytes(io.StringIO("text"), Limits())  # type: ignore[arg-type]


def test_walk_is_sorted_and_leaves_out_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.txt", ".hidden.jpg", "sub/c.jpg", "sub/.git/d.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "link.jpg").symlink_to(tmp_path / "b.jpg")

    def names(*, recursive: bool) -> list[str]:
        return [os.path.relpath(p, tmp_path) for p in walk(tmp_path, recursive=recursive)]

    assert names(recursive=False) == ["a.txt", "b.jpg", "link.jpg"]
    assert names(recursive=True) == ["a.txt", "b.jpg", "link.jpg", "sub/c.jpg"]


def test_walk_wants_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        list(walk(tmp_path / "missing"))


def test_walk_survives_loops_and_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "self").symlink_to(tmp_path / "self")
    monkeypatch.chdir(tmp_path)
    for _ in range(1100):
        Path("d").mkdir()
        os.chdir("d")
    try:
        assert list(walk(tmp_path)) == [str(tmp_path / "self")]
    finally:
        for _ in range(1100):  # pytest's own cleaning goes by recursion
            os.chdir("..")
            Path("d").rmdir()


def test_an_unbuffered_file_is_read_to_its_end() -> None:
    parts = [b"", b"c", b"b", b"a"]

    class Dripping(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return parts.pop()

    assert read_bytes(Dripping(), Limits()) == b"abc"  # type: ignore[arg-type]


def test_a_file_that_fails_is_unreadable() -> None:
    class Failing(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    assert status_of(Failing()) is Status.UNREADABLE
