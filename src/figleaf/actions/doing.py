"""One action on one file, written down before it is done."""

import errno
import hashlib
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from figleaf.actions.blurring import SUFFIX
from figleaf.actions.files import (
    Identity,
    copy,
    digest_of,
    has_bytes,
    is_file,
    looked_at,
    put,
    sync,
    take,
    write,
)
from figleaf.actions.journal import Journal
from figleaf.actions.places import candidates, ended, folder_of
from figleaf.actions.recovery import PART, recover
from figleaf.actions.rules import Action, Fate, Judged, Kind, Outcome
from figleaf.classify.source import read_bytes
from figleaf.errors import ImageError
from figleaf.images import Limits

Blur = Callable[[bytes], bytes]
"""A file's bytes to those of its blurred picture; raises ImageError."""

Row = dict[str, Any]

_UNDONE = "undone"


class _NotDoneError(Exception):
    """Why nothing was done, as an outcome."""

    def __init__(self, fate: Fate, reason: str) -> None:
        super().__init__(reason)
        self.fate = fate


@dataclass(slots=True)
class _Source:
    """A file that something is done with, as it was when it was looked at.

    `content` is what is put in its place by name: nothing but the file itself, or other bytes.
    """

    path: str
    digest: bytes | None
    identity: Identity
    content: bytes | None = None

    @property
    def sha256(self) -> bytes:
        """The digest of what is put, which is taken now where it is not known yet."""
        if self.digest is None:
            self.digest, _ = digest_of(self.path)
        return self.digest

    @property
    def size(self) -> int:
        """How many bytes are put."""
        return self.identity.size if self.content is None else len(self.content)

    def is_at(self, target: Path, info: os.stat_result) -> bool:
        """Whether a file there has the bytes that would be put there."""
        if not is_file(info) or info.st_size != self.size:
            return False
        with suppress(OSError):  # one that cannot be read is taken for another
            return has_bytes(target, self.sha256)
        return False


class Doer:
    """Does one kind of action. Not thread-safe.

    Args:
        action: what to do.
        blur: makes blurred pictures, where that is the action.
        limits: how many bytes are too many to be blurred.

    Attributes:
        recovered: rows of files that a killed run had moved, and that its results may lack.

    Raises:
        InputError: the folder cannot be written, or another process is putting files there.
    """

    def __init__(self, action: Action, blur: Blur, limits: Limits) -> None:
        self.kind = action.kind
        self.recovered: list[Row] = []
        self._folder = action.folder
        self._blur = blur
        self._limits = limits
        self._journal = Journal(action.folder)
        self._ended: list[tuple[int, str]] = []
        self._written: set[Path] = set()
        self._named: set[Path] = set()
        try:
            self._recover()
        except BaseException:
            self._journal.close()
            raise

    def do(self, judged: Judged, row: Row | None = None) -> Outcome:
        """Do it with one file; nothing that goes wrong with it is raised.

        Args:
            judged: the file.
            row: its result as it will be written, with the actions before this one; kept in the
                journal, for a run that is killed before it is written.
        """
        try:
            return self._do(judged, row)
        except _NotDoneError as error:
            return self._outcome(error.fate, reason=str(error))
        except FileNotFoundError:
            return self._outcome(Fate.GONE, reason="no longer there")
        except OSError as error:
            return self._outcome(Fate.FAILED, reason=error.strerror or str(error))

    def settle(self) -> None:
        """Write down that what was done is done, now that its results are safe."""
        with suppress(OSError):  # a full disk: it stays pending, and the next run settles it
            while self._ended:
                self._journal.end(*self._ended[0])
                del self._ended[0]

    def sync(self) -> None:
        """Make it all outlast a power cut."""
        for folder in self._written:
            self._secure(folder)
        self._written.clear()
        with suppress(OSError):
            self._journal.sync()

    def close(self) -> None:
        """Give the folder back. What is not settled by now the next run settles."""
        self.sync()
        self._journal.close()

    def _recover(self) -> None:
        for number, record in list(self._journal.pending.items()):
            outcome = recover(self._folder, record)
            self._ended.append((number, str(outcome.fate) if outcome else _UNDONE))
            row = record.get("row")
            if outcome and outcome.kind is Kind.MOVE and isinstance(row, dict):
                self.recovered.append(
                    row | {"actions": [*row.get("actions", []), outcome.to_dict()]}
                )

    def _outcome(self, fate: Fate, to: Path | None = None, reason: str = "") -> Outcome:
        return Outcome(self.kind, fate, None if to is None else str(to), reason)

    def _do(self, judged: Judged, row: Row | None) -> Outcome:
        if judged.relative is None:
            raise _NotDoneError(Fate.SKIPPED, "no file")
        folder = folder_of(judged.prediction)
        if folder is None:
            raise _NotDoneError(Fate.SKIPPED, "no policy decided on it")
        place = PurePath(folder, judged.relative)
        source = self._look(judged)
        if self.kind is Kind.BLUR and place.suffix.lower() not in (".jpg", ".jpeg"):
            place = place.with_name(ended(place.name, SUFFIX))
        return self._place(source, place, row)

    def _look(self, judged: Judged) -> _Source:
        """The file, once it is sure that it has the bytes that were judged."""
        path = judged.prediction.input
        info = looked_at(path, os.lstat)
        if info is None:
            raise _NotDoneError(Fate.GONE, "no longer there")
        if not is_file(info):
            if self.kind is Kind.MOVE and os.path.islink(path):  # noqa: PTH114  # may be any str
                raise _NotDoneError(Fate.SKIPPED, "a link; move what it leads to")
            info = os.stat(path)  # noqa: PTH116  # as above
            if not is_file(info):
                raise _NotDoneError(Fate.SKIPPED, "not a regular file")
        if self.kind is Kind.BLUR:
            return self._blurred(path, info, judged.digest)
        if judged.digest is None:
            return _Source(path, None, Identity.of(info))
        found, identity = digest_of(path)
        _check(found, judged.digest)
        return _Source(path, found, identity)

    def _blurred(self, path: str, info: os.stat_result, digest: bytes | None) -> _Source:
        try:
            data = read_bytes(path, self._limits)
            if digest is not None:
                _check(hashlib.sha256(data).digest(), digest)
            content = self._blur(data)
        except ImageError as error:
            raise _NotDoneError(Fate.SKIPPED, f"cannot be blurred: {error.reason}") from error
        return _Source(path, hashlib.sha256(content).digest(), Identity.of(info), content)

    def _place(self, source: _Source, place: PurePath, row: Row | None) -> Outcome:
        """Put it under the first name that nothing else has."""
        (self._folder / place).parent.mkdir(parents=True, exist_ok=True)
        for target in candidates(self._folder, place):
            while (info := looked_at(target, os.lstat)) is None:
                with suppress(FileExistsError):  # somebody was faster: look again
                    self._put(source, target, row)
                    return self._outcome(Fate.DONE, target)
            if source.is_at(target, info):
                if self.kind is Kind.MOVE:
                    self._drop(source, target, info, row)
                return self._outcome(Fate.THERE, target)
        raise AssertionError("there is always another number")

    def _put(self, source: _Source, target: Path, row: Row | None) -> None:
        part = target.with_name(PART.format(secrets.token_hex(8)))
        number = self._begin(source, target, part, row)
        try:
            if self.kind is not Kind.MOVE:
                self._make(source, part, target)
            elif not self._renamed(source, target):
                self._make(source, part, target)
                self._secure(target.parent)  # before what it was made of is gone
                self._remove(source, target)
        except (OSError, _NotDoneError):
            with suppress(OSError):
                part.unlink(missing_ok=True)
                self._journal.end(number, _UNDONE)
            raise
        self._written.add(target.parent)
        self._ended.append((number, str(Fate.DONE)))

    def _secure(self, folder: Path) -> None:
        """Make the names in a folder outlast a power cut, and its own, which may be new."""
        sync(folder)
        for one in (folder, *folder.parents):
            if one in self._named:
                break
            sync(one.parent)
            self._named.add(one)
            if one == self._folder:
                break

    def _begin(
        self, source: _Source, target: Path, part: Path, row: Row | None, *, there: bool = False
    ) -> int:
        return self._journal.begin(
            {
                "kind": str(self.kind),
                "input": os.path.abspath(source.path),  # noqa: PTH100  # links are left as they are
                "sha256": source.digest.hex() if source.digest else None,
                "to": str(target.relative_to(self._folder)),
                "part": part.name,
                "there": there,
                "row": row,
            }
        )

    def _make(self, source: _Source, part: Path, target: Path) -> None:
        """A copy, or the other bytes, whole under the name or not there."""
        if source.content is not None:
            write(part, source.content)
        else:
            found, source.identity = copy(source.path, part)
            if source.digest is not None:
                _check(found, source.digest)
        put(part, target)

    def _renamed(self, source: _Source, target: Path) -> bool:
        """Move it within a file system; gives whether that could be done."""
        try:
            take(source.path, target)
        except OSError as error:
            if error.errno == errno.EXDEV:
                return False
            raise
        if Identity.of(os.lstat(target)) != source.identity:
            # Whatever has come in its place since is put back where it was.
            if os.path.lexists(source.path):
                target.unlink()
            else:
                take(str(target), Path(source.path))
            raise _NotDoneError(Fate.CHANGED, "changed since it was judged")
        if os.path.lexists(source.path):
            self._remove(source, target)
        return True

    def _remove(self, source: _Source, target: Path) -> None:
        """Take the first name away, now that there is another; else that one again."""
        try:
            if Identity.of(os.lstat(source.path)) != source.identity:
                raise _NotDoneError(Fate.CHANGED, "changed while it was moved")
            os.unlink(source.path)  # noqa: PTH108  # as above
        except FileNotFoundError:
            return
        except (OSError, _NotDoneError):  # after Ctrl-C nobody knows which name there is still
            target.unlink()
            raise

    def _drop(self, source: _Source, target: Path, info: os.stat_result, row: Row | None) -> None:
        """Take away a file whose bytes are in their place already."""
        before = os.lstat(source.path)
        if os.path.samestat(before, info):  # it may be the very file that is in its place
            return
        part = target.with_name(PART.format("none"))
        number = self._begin(source, target, part, row, there=True)
        try:
            if Identity.of(os.lstat(source.path)) != source.identity:
                raise _NotDoneError(Fate.CHANGED, "changed since it was judged")
            os.unlink(source.path)  # noqa: PTH108  # as above
        except (OSError, _NotDoneError):
            with suppress(OSError):
                self._journal.end(number, _UNDONE)
            raise
        self._ended.append((number, str(Fate.THERE)))


def _check(found: bytes, judged: bytes) -> None:
    if found != judged:
        raise _NotDoneError(Fate.CHANGED, "changed since it was judged")
