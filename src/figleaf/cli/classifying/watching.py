"""`--watch`: the files of a folder, as they appear there and are whole.

The folder is looked through again and again, which works on every file system; what the system
tells of changes is lost on network ones, comes before a file is whole, and would still need a look
for what was there before.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from figleaf.actions.judging import Found
from figleaf.actions.places import below
from figleaf.classify.source import walk
from figleaf.cli.own import Own
from figleaf.errors import InputError

INTERVAL = 1.0
"""Seconds between two looks; a file that was not written to between them is taken for whole."""

_SHARE = 10
"""How much longer than a look the wait for the next one is at least."""

Mark = tuple[int, int, int]
"""A file's number, size and time of writing."""


@dataclass(slots=True)
class Watched:
    """A folder that is watched.

    A file is taken once it is the same at two looks, and again when it has changed since.

    Attributes:
        folder: which.
        recursive: whether its folders belong to it.
        own: what the command writes, and is left out.
        wait: waits so many seconds.
        now: the time, in seconds, of a clock that never goes back.

    Raises:
        InputError: the folder cannot be listed.
    """

    folder: str
    recursive: bool
    own: Own = field(default_factory=Own)
    wait: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic
    _taken: dict[str, Mark] = field(default_factory=dict, init=False)
    _seen: dict[str, Mark] = field(default_factory=dict, init=False)

    def rounds(self) -> Iterator[list[Found]]:
        """For ever: what is new and whole at a look; then a wait."""
        while True:
            start = self.now()
            new = self.look()
            if new:
                yield [Found(path, below(self.folder, path)) for path in new]
            self.wait(max(INTERVAL, _SHARE * (self.now() - start) * (not new)))

    def look(self) -> list[str]:
        """The paths of what is new and was the same at the last look, by name.

        Nothing while the folder cannot be listed, as on a network that is away for a while.
        """
        try:
            marks = self._marks()
        except InputError:
            return []
        whole = [path for path, mark in marks.items() if self._seen.get(path) == mark]
        new = [path for path in whole if self._taken.get(path) != marks[path]]
        self._taken = {path: mark for path, mark in self._taken.items() if path in marks}
        self._taken |= {path: marks[path] for path in new}
        self._seen = marks
        return new

    def check(self) -> None:
        """See that it can be listed, and is none that the command itself writes into.

        Raises:
            InputError: it cannot, or is one.
        """
        if not os.path.isdir(self.folder):  # noqa: PTH112  # a path may be any str
            raise InputError(f"{self.folder}: no folder; --watch takes one")
        self.own.refuse(self.folder)
        next(walk(self.folder, recursive=False), None)

    def _marks(self) -> dict[str, Mark]:
        found: dict[str, Mark] = {}
        for path in self.own.left_out(walk(self.folder, recursive=self.recursive)):
            try:
                info = os.stat(path)  # noqa: PTH116  # a path may be any str
            except OSError:  # gone again, or a link to nothing
                continue
            found[path] = info.st_ino, info.st_size, info.st_mtime_ns
        return found
