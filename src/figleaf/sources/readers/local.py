"""Reading what lies on this machine: files, and members of shards."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from figleaf.classify.source import read_bytes
from figleaf.dataset.records import MEMBER_SEPARATOR, Kind, Reason, Task
from figleaf.errors import ImageError, InputError, SourceError
from figleaf.images import Limits
from figleaf.sources.readers.archives import Member, members
from figleaf.sources.readers.reading import leaves_folder

_RUN = 10_000
"""Members that are looked for in one pass over a shard."""

_OUTSIDE = "outside of its table's folder, not read; --root DIR says where the paths lie"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file or a member could not be read: the kind, and one line for people."""

    reason: Reason
    detail: str


def read_local(tasks: Iterable[Task], max_bytes: int) -> Iterator[tuple[Task, bytes | Failure]]:
    """The bytes of files and of members, or why there are none.

    A run of tasks of the same shard is one pass over it, so let them come grouped by shard. Within
    a run, of at most 10,000, they are yielded in the shard's order, and those without an answer
    last. No more than `max_bytes` are read of one, and only one is held at a time.

    Args:
        tasks: of the kinds FILE and MEMBER.
        max_bytes: the largest file, in bytes.

    Raises:
        InputError: a task of another kind, or a limit below 1.
    """
    limits = Limits(max_bytes=max_bytes)
    for shard, run in groupby(tasks, _shard_of):
        if shard is None:
            for task in run:
                yield task, _read_file(task.locator, limits)
        else:
            while part := list(islice(run, _RUN)):
                yield from _read_shard(shard, part, max_bytes)


def _shard_of(task: Task) -> str | None:
    """The shard of a member; None for a file."""
    if task.kind is Kind.FILE:
        return None
    if task.kind is not Kind.MEMBER or MEMBER_SEPARATOR not in task.locator:
        raise InputError(f"not a file or a member of a shard: {task.kind} {task.locator[:200]!r}")
    return task.locator.partition(MEMBER_SEPARATOR)[0]


def _read_file(path: str, limits: Limits) -> bytes | Failure:
    if leaves_folder(path):
        return Failure(Reason.UNREADABLE, _OUTSIDE)
    try:
        data = read_bytes(path, limits)
        limits.check_bytes(len(data))
    except ImageError as error:
        return Failure(Reason(error.status.value), error.reason)
    return data


def _read_shard(
    shard: str, tasks: list[Task], max_bytes: int
) -> Iterator[tuple[Task, bytes | Failure]]:
    wanted: dict[str, list[Task]] = {}
    for task in tasks:
        name = task.locator.partition(MEMBER_SEPARATOR)[2]
        wanted.setdefault(name, []).append(task)
    rest = Failure(Reason.NOT_FOUND, "no such member in its shard")
    try:
        for member in members(shard):
            found = wanted.pop(member.name, None)
            if found is not None:
                answer = _read_member(member, max_bytes)
                yield from ((task, answer) for task in found)
            if not wanted:
                return
    except SourceError as error:
        rest = _missing(error)
    yield from ((task, rest) for left in wanted.values() for task in left)


def _missing(error: SourceError) -> Failure:
    if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
        return Failure(Reason.NOT_FOUND, "no such shard")
    return Failure(Reason.UNREADABLE, str(error))


def _read_member(member: Member, max_bytes: int) -> bytes | Failure:
    if not member.regular:
        return Failure(Reason.UNREADABLE, "a link, a device or the like, not a file")
    if member.size > max_bytes:
        detail = f"{member.size:,} bytes, over the limit of {max_bytes:,} (max_bytes)"
        return Failure(Reason.TOO_MANY_BYTES, detail)
    if member.size == 0:
        return Failure(Reason.EMPTY, "no bytes")
    try:
        return member.read()
    except SourceError as error:
        return Failure(Reason.UNREADABLE, str(error))
