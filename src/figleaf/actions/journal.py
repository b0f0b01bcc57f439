"""What is being done with files, written down before and after, so that a kill loses nothing.

A file of JSON lines in the folder that files are put into. Each action has a line that begins it,
written before anything is done, and one that ends it, written once its result is safe. What was
begun and not ended is what a killed run was at: it is settled when the journal is opened next.
Where there is nothing of that, it begins anew.
"""

import json
import os
from pathlib import Path
from typing import Any, Self

from figleaf.dataset.locking import try_lock
from figleaf.errors import InputError

NAME = ".figleaf-actions.jsonl"


class Journal:
    """The journal of a folder; one process has it at a time. A context manager.

    Attributes:
        pending: number -> the line of each action that was begun and not ended, in order.
    """

    def __init__(self, folder: Path) -> None:
        """Open the journal of a folder, which is made where it is missing.

        Raises:
            InputError: the folder cannot be written, another process has it, or the journal is
                none of ours.
        """
        self.path = folder / NAME
        self.pending: dict[int, dict[str, Any]] = {}
        self._last = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError(
                f"{folder}: {error.strerror}; give a folder that can be written"
            ) from error
        try:
            self._lock(folder)
            self._size = self._read()
        except BaseException:
            os.close(self._file)
            raise

    def begin(self, record: dict[str, Any]) -> int:
        """Write down what will be done; gives its number.

        Raises:
            OSError: it cannot be written, and so must not be done.
        """
        number = self._last + 1
        self._write({"begin": number, **record})
        self._last = number
        self.pending[number] = record
        return number

    def end(self, number: int, status: str) -> None:
        """Write down what came of it.

        Raises:
            OSError: it cannot be written; it stays pending.
        """
        self._write({"end": number, "status": status})
        self.pending.pop(number, None)

    def sync(self) -> None:
        """Make what is written outlast a power cut."""
        os.fsync(self._file)

    def close(self) -> None:
        """Give the folder back to others. Idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _lock(self, folder: Path) -> None:
        try:
            try_lock(self._file)
        except BlockingIOError:
            raise InputError(
                f"{folder}: another figleaf is putting files there; wait for it, or give another"
            ) from None

    def _read(self) -> int:
        """Take in what is there, up to the last whole line; gives how many bytes are kept."""
        size = 0
        with open(os.dup(self._file), "rb") as file:  # noqa: PTH123  # a descriptor
            for line in file:
                if not line.endswith(b"\n"):  # a kill came between
                    break
                self._take(line)
                size += len(line)
        if not self.pending:  # nothing to settle: what has ended is of no use, and would only grow
            size = 0
        os.ftruncate(self._file, size)
        return size

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            match record:
                case {"begin": int(number)}:
                    self.pending[number] = record
                    self._last = max(self._last, number)
                case {"end": int(number)}:
                    self.pending.pop(number, None)
                case _:
                    raise ValueError("neither a beginning nor an end")
        except ValueError as error:
            raise InputError(
                f"{self.path}: not a journal of figleaf's ({error}); move it away to start another"
            ) from error

    def _write(self, record: dict[str, Any]) -> None:
        data = json.dumps(record).encode() + b"\n"
        try:
            os.lseek(self._file, self._size, os.SEEK_SET)
            rest = data
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            # Half a line in the middle would make the journal unreadable.
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)
