"""What a killed run was at, brought to an end: done, or as if it had not begun."""

import os
import re
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from figleaf.actions.files import has_bytes, is_file, looked_at
from figleaf.actions.places import FOLDERS
from figleaf.actions.rules import Fate, Kind, Outcome

PART = ".figleaf-{}.part"
"""The name of a file that is being made, beside its final one."""

_IS_PART = re.compile(r"\.figleaf-[0-9a-z]+\.part")


def recover(folder: Path, record: dict[str, Any]) -> Outcome | None:
    """Finish an action that was begun.

    Where the file, its copy or its blurred picture has its final name, the action was as good as
    done, and a moved file that is still where it was is taken away from there, once its bytes are
    seen to be in their place. Elsewhere nothing has happened yet but a file half made, which goes.
    Where the same bytes were `there` before, only the file that was to be moved is touched.

    Args:
        folder: the journal's.
        record: a line of it.

    Returns:
        what was done; None for nothing.
    """
    match record:
        case {"kind": str(kind), "input": str(path), "to": str(to), "part": str(part)}:
            pass
        case _:
            return None
    place = PurePath(to)
    # A line that somebody else wrote must not name files elsewhere.
    safe = place.parts[:1] and place.parts[0] in FOLDERS and ".." not in place.parts
    if not safe or kind not in list(Kind) or not _IS_PART.fullmatch(part):
        return None
    target = folder / place
    with suppress(OSError):
        target.with_name(part).unlink(missing_ok=True)
    info = looked_at(target, os.lstat)
    if info is None or not is_file(info):
        return None
    was_there = record.get("there") is True
    done = Outcome(Kind(kind), Fate.THERE if was_there else Fate.DONE, str(target))
    if done.kind is not Kind.MOVE:
        return done
    with suppress(OSError, ValueError):
        if _is_moved(path, target, info, record.get("sha256"), was_there=was_there):
            return done
    return None


def _is_moved(
    path: str, target: Path, info: os.stat_result, sha256: object, *, was_there: bool
) -> bool:
    """Whether a file is in its new place; its old name is taken away."""
    before = looked_at(path, os.lstat)
    known = bytes.fromhex(sha256) if isinstance(sha256, str) else None
    if before is None:
        return known is None or has_bytes(target, known)
    if os.path.samestat(before, info):
        return _is_removed(path, target, was_there=was_there)
    # A copy, on another file system. Without a digest nothing says that it is whole: it was given
    # its name only when it was, and yet the file that is there stays.
    if known is None or not has_bytes(target, known):
        return False
    return not has_bytes(Path(path), known) or _is_removed(path, target, was_there=was_there)


def _is_removed(path: str, target: Path, *, was_there: bool) -> bool:
    try:
        os.unlink(path)  # noqa: PTH108  # a path may be any str
    except FileNotFoundError:  # somebody else has taken it away: it must not go altogether
        return True
    except OSError:
        if not was_there:
            target.unlink()  # the bytes are where they were
        return False
    return True
