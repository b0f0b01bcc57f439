"""Patterns such as 'in/**/*.jpg', expanded as they are taken.

As the shell's and `glob`'s, but `**` does not follow links to folders, so that a link to a folder
above ends, and no path comes twice. `glob` follows them and lists everything before it yields.
"""

import fnmatch
import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence

from figleaf.errors import InputError

_ANY_DEPTH = "**"
Step = tuple[os.DirEntry[str], frozenset[int]]


def matches(pattern: str) -> Iterator[str]:
    """The files that match, sorted by name within each folder.

    `*`, `?` and `[...]` match within a name, `**` any number of folders; hidden names only match
    where the pattern has the dot. Only one folder a level is held at a time.

    Yields:
        the path of each match that is no folder; also that of a folder which may hold matches
        and cannot be listed, so that classifying it says why.

    Raises:
        InputError: nothing matches.
    """
    start, parts = _split(pattern)
    try:
        # A stack and no recursion: folders may be nested deeper than calls may.
        stack = [(start, _steps(start, parts, _closed(parts, {0})))]
    except (OSError, ValueError) as error:
        raise InputError(f"no file matches {pattern!r}") from error
    found = False
    while stack:
        folder, steps = stack[-1]
        step = next(steps, None)
        if step is None:
            stack.pop()
            continue
        path = folder + step[0].name
        if not _is_folder(step[0]):
            found = True
            yield path
            continue
        try:
            stack.append((path + "/", _steps(path + "/", parts, step[1])))
        except OSError:
            found = True
            yield path
    if not found:
        raise InputError(f"no file matches {pattern!r}")


def fixed_part(pattern: str) -> str:
    """The folder before the first wildcard, with its slash; "" for the current one."""
    return _split(pattern)[0]


def _split(pattern: str) -> tuple[str, Sequence[str]]:
    """The folder before the first wildcard, "" or with its slash, and the names to match below."""
    names = pattern.replace(os.sep, "/").split("/")
    first = next(index for index, name in enumerate(names) if glob.has_magic(name))
    start = "".join(f"{name}/" for name in names[:first])
    parts = re.sub("/+", "/", "/".join(names[first:])).split("/")
    if parts[-1] == _ANY_DEPTH:
        parts.append("*")
    return start, [part for part in parts if part != "."]


def _steps(folder: str, parts: Sequence[str], at: frozenset[int]) -> Iterator[Step]:
    """The entries of a folder that match or may hold matches, and the parts to match next."""
    with os.scandir(folder or os.curdir) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for_each = ((entry, _after(entry, parts, at)) for entry in entries)
    # Of a file, the whole pattern must have been matched; of a folder, something must be left.
    return (
        (entry, after - {len(parts)})
        for entry, after in for_each
        if (after - {len(parts)} if _is_folder(entry) else len(parts) in after)
    )


def _after(entry: os.DirEntry[str], parts: Sequence[str], at: Iterable[int]) -> frozenset[int]:
    """The parts that may come next, once `entry` was matched by one of those that may now."""
    after = set()
    for index in at:
        if parts[index] == _ANY_DEPTH:
            if not entry.name.startswith(".") and not entry.is_symlink():
                after.add(index)
        elif _fits(entry.name, parts[index]):
            after.add(index + 1)
    return _closed(parts, after)


def _closed(parts: Sequence[str], at: set[int]) -> frozenset[int]:
    """The same with what follows each `**`, which may match no folder at all."""
    closed = set()
    for index in at:
        closed.add(index)
        while index < len(parts) and parts[index] == _ANY_DEPTH:
            index += 1
            closed.add(index)
    return frozenset(closed)


def _fits(name: str, part: str) -> bool:
    hidden = name.startswith(".") and not part.startswith(".")
    return not hidden and fnmatch.fnmatch(name, part)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
