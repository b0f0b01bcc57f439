"""The rules of a collection: values alone, so that a command line can show them at no cost."""

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
        InputError: a negative number of frames, or no time between them.
    """

    most: int = 8
    every: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.most < 0:
            raise InputError(f"frames must be 0 or more, not {self.most}")
        if not self.every > 0:
            raise InputError(f"the seconds between frames must be above zero, not {self.every}")


@dataclass(frozen=True, slots=True)
class CollectRules:
    """The rules of a collection, all with sound defaults.

    Attributes:
        categories: a TOML file that says which categories are which class, over the built-in map.
        exemption: a TOML file that lifts denied words of tier two.
        columns: which columns of a table are meant, where their names do not tell.
        blocklists: files of hashes that must never be written.
        fetch: how URLs are fetched.
        limits: how large a file and a picture may be.
        min_bytes: the smallest file.
        frames: how many frames of a moving picture are taken.
        decode_deadline: seconds that an isolated decoder may take for one file.
        workers: decoding processes; None for one a core.
    """

    categories: Path | None = None
    exemption: Path | None = None
    columns: Columns = field(default_factory=Columns)
    blocklists: tuple[Path, ...] = ()
    fetch: FetchRules = field(default_factory=FetchRules)
    limits: Limits = field(default_factory=Limits)
    min_bytes: int = 1
    frames: FrameRule = field(default_factory=FrameRule)
    decode_deadline: float = 30.0
    workers: int | None = None
