import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from figleaf.dataset.records import Kind, Reason, Task
from figleaf.errors import InputError
from figleaf.sources.readers.local import Failure, read_local
from figleaf.sources.readers.opening import open_source

from .makers import picture, pictures, shard, tar_bytes, write
from .users import unprivileged

LIMIT = 2**20


def read(tasks: list[Task], limit: int = LIMIT) -> dict[int, bytes | Reason]:
    done = list(read_local(tasks, limit))
    assert len(done) == len(tasks)
    return {
        task.id: answer.reason if isinstance(answer, Failure) else answer for task, answer in done
    }


def file(number: int, path: Path | str) -> Task:
    return Task(number, Kind.FILE, str(path))


def member(number: int, path: Path, name: str) -> Task:
    return Task(number, Kind.MEMBER, f"{path}::{name}")


def test_files(tmp_path: Path) -> None:
    good = write(tmp_path / "a.jpg", b"x" * 10)
    os.mkfifo(tmp_path / "pipe")
    tasks = [file(0, good), file(1, tmp_path / "gone"), file(2, tmp_path), file(3, "a\0b")]
    tasks += [file(4, tmp_path / "pipe"), file(5, write(tmp_path / "empty", b""))]
    assert read(tasks) == {
        0: b"x" * 10,
        1: Reason.NOT_FOUND,
        2: Reason.UNREADABLE,
        3: Reason.NOT_FOUND,
        4: Reason.UNREADABLE,
        5: Reason.EMPTY,
    }
    assert read([file(0, good)], limit=9) == {0: Reason.TOO_MANY_BYTES}
    assert read([file(0, good)], limit=10) == {0: b"x" * 10}


def test_an_endless_file_is_not_read(tmp_path: Path) -> None:
    assert read([file(0, "/dev/zero")]) == {0: Reason.UNREADABLE}
    huge = write(tmp_path / "sparse.jpg", b"")
    os.truncate(huge, 2**40)
    assert read([file(0, huge)]) == {0: Reason.TOO_MANY_BYTES}


@pytest.mark.parametrize("name", ["x.tar", "x.tgz"])
def test_members_in_any_order(tmp_path: Path, name: str) -> None:
    data = {f"{number}.jpg": picture(number) for number in range(20)}
    path = shard(tmp_path / name, data)
    tasks = [member(number, path, f"{number}.jpg") for number in range(19, -1, -1)]
    assert read(tasks) == {number: data[f"{number}.jpg"] for number in range(20)}


@pytest.mark.parametrize("name", ["x.tar", "x.tgz"])
def test_the_runs_of_a_shard_are_one_pass_over_it(tmp_path: Path, name: str) -> None:
    data = {f"{number}.jpg": b"%d" % number for number in range(95)}
    path = shard(tmp_path / name, data)
    stream = read_local((member(n, path, f"{n}.jpg") for n in range(95)), LIMIT, run=10)
    found = [next(stream)]
    path.unlink()  # whoever opened it again would not find it
    found += stream
    assert [(task.id, answer) for task, answer in found] == [(n, b"%d" % n) for n in range(95)]


def test_what_lies_before_the_place_is_found_too(tmp_path: Path) -> None:
    data = {f"{number}.jpg": b"%d" % number for number in range(20)}
    path = shard(tmp_path / "x.tar", data)
    order = [5, 6, 19, 0, 1, 18, 7, 99, 2, 98, 97, 96, 6, 7]
    for run in (1, 2, 3, 5, 100):
        answers = dict[int, bytes | Failure]()
        for task, answer in read_local(
            (member(i, path, f"{n}.jpg") for i, n in enumerate(order)), LIMIT, run=run
        ):
            assert task.id not in answers
            answers[task.id] = answer
        gone = Failure(Reason.NOT_FOUND, "no such member in its shard")
        assert answers == {i: b"%d" % n if n < 20 else gone for i, n in enumerate(order)}


def test_a_damaged_shard_is_read_up_to_the_damage_in_each_run(tmp_path: Path) -> None:
    data = {f"{number}.jpg": bytes([number]) * 2000 for number in range(5)}
    whole = tar_bytes(data)
    path = write(tmp_path / "x.tar", whole[: whole.index(b"3.jpg") + 1000])
    tasks = [member(i, path, f"{n}.jpg") for i, n in enumerate([1, 4, 0, 3, 2])]
    answers = [(task.id, answer) for task, answer in read_local(tasks, LIMIT, run=1)]
    reasons = [answer.reason if isinstance(answer, Failure) else answer for _, answer in answers]
    bad = Reason.UNREADABLE
    assert reasons == [data["1.jpg"], bad, data["0.jpg"], bad, data["2.jpg"]]


def test_a_shard_is_closed_when_nobody_reads_on(tmp_path: Path) -> None:
    path = shard(tmp_path / "x.tar", {f"{number}.jpg": b"x" for number in range(5)})
    before = len(list(Path("/dev/fd").iterdir()))
    stream = read_local((member(n, path, f"{n}.jpg") for n in range(5)), LIMIT, run=1)
    next(stream)
    next(stream)
    assert len(list(Path("/dev/fd").iterdir())) == before + 1
    stream.close()  # type: ignore[attr-defined]  # a generator
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_what_a_source_names_is_what_is_read(tmp_path: Path) -> None:
    expected: dict[str, bytes] = {}
    for number in range(3):
        data = {f"{number}-{n}.jpg": picture(number * 10 + n) for n in range(5)}
        path = shard(tmp_path / "s" / f"{number}.tar", data)
        expected |= {f"{path}::{name}": value for name, value in data.items()}
    root = pictures(tmp_path / "f", ["a/1.jpg", "b/2.jpg"])
    expected |= {str(path): path.read_bytes() for path in root.rglob("*.jpg")}
    items = [*open_source(tmp_path / "s").items(), *open_source(root).items()]
    tasks = [Task(number, item.kind, item.locator) for number, item in enumerate(items)]
    assert read(tasks) == {number: expected[item.locator] for number, item in enumerate(items)}


def test_files_and_shards_between_each_other(tmp_path: Path) -> None:
    one = shard(tmp_path / "1.tar", {"a.jpg": b"1a", "b.jpg": b"1b"})
    two = shard(tmp_path / "2.tar", {"a.jpg": b"2a"})
    path = write(tmp_path / "c.jpg", b"c")
    tasks = [member(0, one, "a.jpg"), file(1, path), member(2, two, "a.jpg")]
    tasks += [member(3, one, "b.jpg"), member(4, one, "b.jpg")]
    assert read(tasks) == {0: b"1a", 1: b"c", 2: b"2a", 3: b"1b", 4: b"1b"}


def test_a_member_that_is_gone_or_too_large_or_empty(tmp_path: Path) -> None:
    path = shard(tmp_path / "1.tar", {"a.jpg": b"x" * 11, "b.jpg": b"", "c.jpg": b"x" * 10})
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert read([member(i, path, name) for i, name in enumerate(names)], limit=10) == {
        0: Reason.TOO_MANY_BYTES,
        1: Reason.EMPTY,
        2: b"x" * 10,
        3: Reason.NOT_FOUND,
    }


def test_a_shard_that_is_gone(tmp_path: Path) -> None:
    ((_, answer),) = read_local([member(0, tmp_path / "gone.tar", "a.jpg")], LIMIT)
    assert answer == Failure(Reason.NOT_FOUND, "no such shard")
    path = write(tmp_path / "now-a-file", b"x")
    ((_, answer),) = read_local([member(0, path / "gone.tar", "a.jpg")], LIMIT)
    assert answer == Failure(Reason.NOT_FOUND, "no such shard")


def test_a_shard_below_a_locked_folder_is_there_and_unreadable(open_path: Path) -> None:
    path = shard(open_path / "locked" / "x.tar", {"a.jpg": picture()})
    path.parent.chmod(0)
    out = unprivileged(
        f"tasks = [Task(1, Kind.MEMBER, {f'{path}::a.jpg'!r}), Task(2, Kind.FILE, {str(path)!r})]\n"
        "for task, failure in read_local(tasks, 1000): print(failure.reason, failure.detail)"
    )
    assert out.splitlines()[0] == "unreadable Permission denied"
    assert out.splitlines()[1].startswith("unreadable ")


def test_a_damaged_shard_gives_what_is_whole(tmp_path: Path) -> None:
    data = {f"{number}.jpg": bytes([number]) * 2000 for number in range(5)}
    whole = tar_bytes(data)
    path = write(tmp_path / "x.tar", whole[: whole.index(b"3.jpg") + 1000])
    answers = read([member(number, path, f"{number}.jpg") for number in range(5)])
    good = {number: data[f"{number}.jpg"] for number in range(3)}
    assert answers == good | {3: Reason.UNREADABLE, 4: Reason.UNREADABLE}


def test_a_link_in_a_shard_is_not_followed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("a.jpg")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    path = write(tmp_path / "x.tar", buffer.getvalue())
    assert read([member(0, path, "a.jpg")]) == {0: Reason.UNREADABLE}


def test_tasks_are_taken_as_they_are_needed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", b"x")
    taken = 0

    def endless() -> Iterator[Task]:
        nonlocal taken
        while True:
            taken += 1
            yield file(taken, path)

    stream = read_local(endless(), LIMIT)
    for _ in range(10):
        next(stream)
    assert taken <= 11


def test_a_url_is_not_local() -> None:
    with pytest.raises(InputError, match="not a file or a member"):
        list(read_local([Task(0, Kind.URL, "http://a.example")], LIMIT))
