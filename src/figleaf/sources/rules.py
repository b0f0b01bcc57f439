"""The rules of a collection: values alone, so that a command line can show them at no cost."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from figleaf.errors import InputError
from figleaf.images.limits import Limits
from figleaf.sources.fetching.fetched import FetchRules
from figleaf.sources.readers.columns import Columns


@dataclass(frozen=True, slots=True)
class FrameRule:
    """How many frames of a moving picture are taken.

    Attributes:
        most: frames at most; 0 takes none, and moving pictures are refused.
        every: seconds between two of them at least.

    Raises:
        InputError: not a whole number of frames, a negative one, or no time between them.
    """

    most: int = 8
    every: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if type(self.most) is not int or self.most < 0:
            raise InputError(f"frames must be a whole number, 0 or more, not {self.most!r}")
        _check_seconds("the seconds between frames", self.every)


_KINDS = {"columns": Columns, "fetch": FetchRules, "limits": Limits, "frames": FrameRule}
_MOST_WORKERS = 256


@dataclass(frozen=True, slots=True)
class CollectRules:
    """The rules of a collection, all with sound defaults. Files may be given as text.

    Attributes:
        categories: a TOML file that says which categories are which class, over the built-in map.
        exemption: a TOML file that lifts denied words of tier two.
        columns: which columns of a table are meant, where their names do not tell.
        root: the folder that the paths in tables are relative to and must lie in; None for each
            table's own.
        blocklists: files of hashes that must never be written.
        fetch: how URLs are fetched.
        limits: how large a file and a picture may be.
        min_bytes: the smallest file, at least 1.
        frames: how many frames of a moving picture are taken.
        decode_deadline: seconds that an isolated decoder may take for one file.
        workers: decoding processes, 1..256; None for one a core.

    Raises:
        InputError: a value is of the wrong type or out of range.
    """

    categories: Path | None = None
    exemption: Path | None = None
    columns: Columns = field(default_factory=Columns)
    root: Path | None = None
    blocklists: tuple[Path, ...] = ()
    fetch: FetchRules = field(default_factory=FetchRules)
    limits: Limits = field(default_factory=Limits)
    min_bytes: int = 1
    frames: FrameRule = field(default_factory=FrameRule)
    decode_deadline: float = 30.0
    workers: int | None = None

    def __post_init__(self) -> None:
        """Make paths of files that were given as text, and refuse what cannot be meant."""
        for name in ("categories", "exemption", "root"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _path(name, value))
        object.__setattr__(self, "blocklists", _paths("blocklists", self.blocklists))
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise InputError(f"{name} must be a {kind.__name__}, not {value!r}")
        _check_whole("min_bytes", self.min_bytes)
        _check_seconds("decode_deadline", self.decode_deadline)
        if self.workers is not None:
            _check_whole("workers", self.workers, most=_MOST_WORKERS)


def _path(name: str, value: object) -> Path:
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise InputError(f"{name} must be a path, not {value!r}")
    return Path(value)


def _paths(name: str, values: object) -> tuple[Path, ...]:
    if isinstance(values, str | bytes | os.PathLike) or not isinstance(values, Iterable):
        raise InputError(f"{name} must be a list of files, not {values!r}")
    return tuple(_path(f"each of {name}", value) for value in values)


def _check_whole(name: str, value: object, most: int | None = None) -> None:
    if type(value) is not int or value < 1 or (most is not None and value > most):
        limit = "of at least 1" if most is None else f"in 1..{most}"
        raise InputError(f"{name} must be a whole number {limit}, not {value!r}")


def _check_seconds(name: str, value: object) -> None:
    if type(value) not in (int, float) or not 0 < value < math.inf:  # type: ignore[operator]
        raise InputError(f"{name} must be a finite number above zero, not {value!r}")
