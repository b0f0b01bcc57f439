"""What a command itself writes, so that it takes none of it for an input."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from figleaf.errors import InputError


@dataclass(frozen=True)
class Own:
    """Folders and files that a command writes.

    folders: with all that is in them.
    files: single ones.
    filled: folders of files by verdict, of which lists that were made by looking around may tell.
    """

    folders: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    filled: tuple[Path, ...] = ()

    @cached_property
    def for_named(self) -> "Own":
        """What of these no file is that was named itself: it may lie in a folder of ours."""
        return Own(files=self.files)

    @cached_property
    def for_listed(self) -> "Own":
        """What of these no line of a list is."""
        return Own(self.filled, self.files)

    def refuse(self, folder: str) -> None:
        """Refuse a folder of inputs of which nothing would be left.

        Raises:
            InputError: it is one of these, or lies in one.
        """
        real = Path(os.path.realpath(folder))
        for one in self.folders:
            if real.is_relative_to(os.path.realpath(one)):
                raise InputError(
                    f"{folder}: files are written into {one}, and nothing in it is an input;"
                    " give another folder to write into"
                )

    def left_out(self, paths: Iterable[str]) -> Iterator[str]:
        """The paths without these; links to folders are followed to tell."""
        if not self.folders and not self.files:
            yield from paths
            return
        folders, files = self._real
        before, real = "", ""
        for path in paths:
            parent, name = os.path.split(path)
            if "\0" in path:  # no path of anything
                yield path
                continue
            if parent != before or not real:
                before, real = parent, os.path.realpath(parent or os.curdir)
            place = str(Path(real, name))
            if not place.startswith(folders) and place not in files:
                yield path

    @cached_property
    def _real(self) -> tuple[tuple[str, ...], set[str]]:
        """How what lies in the folders begins, and the files; looked up once for all paths."""
        folders = tuple(f"{Path(os.path.realpath(one))}{os.sep}" for one in self.folders)
        return folders, {_place(str(one)) for one in self.files}


def _place(path: str) -> str:
    parent, name = os.path.split(path)
    return str(Path(os.path.realpath(parent or os.curdir), name))
