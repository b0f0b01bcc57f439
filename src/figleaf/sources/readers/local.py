"""Reading what lies on this machine: files, and members of shards."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice

from figleaf.classify.source import read_bytes
from figleaf.dataset.records import MEMBER_SEPARATOR, Kind, Reason, Task
from figleaf.errors import ImageError, InputError, SourceError
from figleaf.images import Limits
from figleaf.sources.readers.archives import Member, members
from figleaf.sources.readers.reading import leaves_folder

_RUN = 10_000
"""Members that are looked for at once, in one pass over a shard."""

_OUTSIDE = "outside of its table's folder, not read; --root DIR says where the paths lie"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file or a member could not be read: the kind, and one line for people."""

    reason: Reason
    detail: str


def read_local(
    tasks: Iterable[Task], max_bytes: int, *, run: int = _RUN
) -> Iterator[tuple[Task, bytes | Failure]]:
    """The bytes of files and of members, or why there are none.

    Tasks of the same shard that come in the shard's order are one pass over it, so let them come
    grouped by shard. Those of each run are yielded in the order in which they are found, and those
    without an answer last. A run looks on where the one before it stopped, and from the beginning
    for what it has not found by the end; so of members of one name it may be any that is found.
    No more than `max_bytes` are read of one, and only one is held at a time.

    Args:
        tasks: of the kinds FILE and MEMBER.
        max_bytes: the largest file, in bytes.
        run: members of a shard that are looked for at once.

    Raises:
        InputError: a task of another kind, or a limit below 1.
    """
    limits = Limits(max_bytes=max_bytes)
    for path, group in groupby(tasks, _shard_of):
        if path is None:
            for task in group:
                yield task, _read_file(task.locator, limits)
        else:
            with closing(_Shard(path)) as shard:
                while part := list(islice(group, run)):
                    yield from _read_members(shard, part, max_bytes)


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


class _Shard:
    """A shard that is read in circles: each search begins where the one before it stopped."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.error: SourceError | None = None
        self._members: Generator[Member] | None = None
        self._place = 0

    def circle(self) -> Iterator[Member]:
        """All members, once; those behind the place first. `error` is what it ended with."""
        start, self.error = self._place, None
        yield from self._rest()
        if start:
            yield from islice(self._rest(), start)

    def close(self) -> None:
        """Close the file; the next search begins at its beginning."""
        if self._members is not None:
            self._members.close()
        self._members, self._place = None, 0

    def _rest(self) -> Iterator[Member]:
        """The members up to the end, after which the place is the beginning."""
        while (member := self._next()) is not None:
            self._place += 1
            yield member
        self.close()

    def _next(self) -> Member | None:
        if self._members is None:
            self._members = members(self.path)
        try:
            return next(self._members, None)
        except SourceError as error:
            self.error = error
            return None


def _read_members(
    shard: _Shard, tasks: list[Task], max_bytes: int
) -> Iterator[tuple[Task, bytes | Failure]]:
    wanted: dict[str, list[Task]] = {}
    for task in tasks:
        name = task.locator.partition(MEMBER_SEPARATOR)[2]
        wanted.setdefault(name, []).append(task)
    for member in shard.circle():
        found = wanted.pop(member.name, None)
        if found is not None:
            answer = _read_member(member, max_bytes)
            yield from ((task, answer) for task in found)
        if not wanted:
            return
    rest = Failure(Reason.NOT_FOUND, "no such member in its shard")
    if shard.error is not None:
        rest = _missing(shard.error)
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
