"""`--resume`: a file of JSON lines that results are added to, and that says what is done."""

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

from figleaf.actions.judging import Found
from figleaf.actions.rules import Acted, Kind
from figleaf.classify.source import name_of
from figleaf.cli.terminal import naming
from figleaf.cli.writers import to_json
from figleaf.dataset.durable import replacing
from figleaf.dataset.locking import try_lock
from figleaf.errors import InputError

_EVERY, _MOST = 1.0, 100
"""Seconds, and rows, after which what was written is made to outlast a power cut."""

_TOLD = ("model", "policy", "precision")
"""What every row tells of how it came about."""


class ResumedFile:
    """Results that are added to those of earlier runs. A context manager, and a `Writer`.

    Beside the file lies a hidden one that says with which options it was begun.

    Args:
        path: the file; made where it is missing.
        told: what every row of this run tells: model, policy, precision.
        options: what else has to be the same.

    Raises:
        InputError: it cannot be written, is none of JSON lines, was made with another model, policy
            or other options, or another process is writing it.
    """

    def __init__(self, path: Path, told: Mapping[str, str], options: Mapping[str, Any]) -> None:
        self._path = path
        self._told = dict(told)
        self._known: set[bytes] = set()
        self._moved: set[bytes] = set()
        self._since = time.monotonic()
        self._unsafe = 0
        try:
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; give --resume another file") from error
        try:
            self._lock()
            size = self._read(told)
            self._check_options(options, fresh=not size)
            self._file.seek(size)
            self._file.truncate()
        except BaseException:
            self._file.close()
            raise

    def remaining(self, found: Iterable[Found]) -> Iterator[Found]:
        """The inputs that earlier runs gave no results of.

        A file that was moved away is not among those: what has its name now is another.
        """
        return (one for one in found if _key(name_of(one.source)) not in self._known)

    def recover(self, rows: Iterable[dict[str, Any]]) -> None:
        """Add rows of files that a killed run had moved, where they are missing.

        That run may have been another one, whose rows would not go with those of this file.
        """
        for row in rows:
            is_there = self._moved.issuperset(map(_key, _moved_to(row)))
            if self._told.items() <= row.items() and not is_there:
                self._write(row)

    def write(self, acted: Acted) -> None:
        """Add a result."""
        self._write(acted.to_dict())
        if self._unsafe >= _MOST or time.monotonic() - self._since >= _EVERY:
            self.sync()

    def sync(self) -> None:
        """Make what was written outlast a power cut."""
        if self._unsafe:
            with naming(str(self._path)):
                os.fsync(self._file.fileno())
        self._since, self._unsafe = time.monotonic(), 0

    def close(self) -> None:
        """Sync, and give the file back."""
        try:
            self.sync()
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _lock(self) -> None:
        try:
            try_lock(self._file.fileno())
        except BlockingIOError:
            raise InputError(f"{self._path}: another figleaf is writing it; wait for it") from None

    def _write(self, row: dict[str, Any]) -> None:
        with naming(str(self._path)):
            self._file.write(to_json(row) + b"\n")
            self._file.flush()
        self._unsafe += 1

    def _read(self, told: Mapping[str, str]) -> int:
        """Take in what is there, up to the last whole line; gives how many bytes that is."""
        size = 0
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):  # a kill came between
                break
            self._take(line, number, told)
            size += len(line)
        return size

    def _take(self, line: bytes, number: int, told: Mapping[str, str]) -> None:
        try:
            row = json.loads(line)
            name, rest = row["input"], {key: row[key] for key in _TOLD}
            places = set(map(_key, _moved_to(row)))
            self._moved |= places
            if not places:
                self._known.add(_key(name))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self._path}: line {number} is no result of figleaf's; give --resume another file"
            ) from error
        _refuse(self._path, {key: (rest[key], told[key]) for key in _TOLD})

    def _check_options(self, options: Mapping[str, Any], *, fresh: bool) -> None:
        beside = options_of(self._path)
        before: object = None
        if not fresh:  # with no result there is nothing that could not go with others
            with suppress(FileNotFoundError, ValueError):
                before = json.loads(beside.read_bytes())
        if isinstance(before, dict):
            keys = {**before, **options}
            _refuse(self._path, {key: (before.get(key), options.get(key)) for key in keys})
            return
        try:
            with replacing(beside) as file:
                file.write(json.dumps(options, indent=2).encode())
        except OSError as error:
            raise InputError(f"{beside}: {error.strerror}; give --resume another file") from error


def options_of(path: Path) -> Path:
    """The hidden file beside one of results, that says with which options it was begun."""
    return path.with_name(f".{path.name}.options")


def _moved_to(row: Mapping[str, Any]) -> list[str]:
    """The place that a file was moved to; nothing where it was not."""
    actions = row.get("actions", ())
    return [one["to"] for one in actions if one["kind"] == Kind.MOVE and "to" in one]


def _refuse(path: Path, pairs: Mapping[str, tuple[object, object]]) -> None:
    """Name what differs, where something does."""
    differ = [
        f"{key} is {_said(now)} and was {_said(before)}"
        for key, (before, now) in pairs.items()
        if before != now
    ]
    if differ:
        raise InputError(
            f"{path}: begun in another way: {'; '.join(differ)}. Do as then, or give another file"
        )


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _key(name: str) -> bytes:
    """What an input is remembered by; a hundred characters of each of a million were too many."""
    return blake2b(os.fsencode(name), digest_size=16).digest()
