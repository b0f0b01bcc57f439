"""The rules of an export: values alone, so that a command line can show them at no cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from figleaf.errors import InputError

PARTS = ("train", "validation", "test")
"""The parts that an export may have, under the names that all readers know."""


class Form(StrEnum):
    """What a data set becomes."""

    IMAGEFOLDER = "imagefolder"
    """`part/class/image.jpg`."""
    WEBDATASET = "webdataset"
    """Tar shards with tables beside them, as img2dataset writes them."""
    PARQUET = "parquet"
    """A table for each part."""
    CSV = "csv"
    """The same as text."""
    HUGGINGFACE = "huggingface"
    """Images with a `metadata.jsonl` for each part, for `datasets`."""


class By(StrEnum):
    """Whose parts the export has."""

    FIGLEAF = "figleaf"
    """Those of `figleaf split`."""
    SOURCES = "sources"
    """Those that the sources have the images in."""
    NONE = "none"
    """None: all images together."""


class Link(StrEnum):
    """How images come into the export."""

    COPY = "copy"
    HARD = "hard"
    """A second name of the same file."""
    SYMBOLIC = "symbolic"
    """A link to the file in the data set, by its absolute path."""
    NONE = "none"
    """Not at all: a table names those of the data set."""


class Unlabelled(StrEnum):
    """What becomes of images without a class."""

    INCLUDE = "include"
    LEAVE_OUT = "leave-out"


_TABLES = frozenset({Form.PARQUET, Form.CSV})
_KEEPS_UNLABELLED = frozenset({*_TABLES, Form.HUGGINGFACE})
"""Forms that have a place for no class."""


@dataclass(frozen=True, slots=True)
class ExportRules:
    """The rules of an export, all with sound defaults. Values may be given as text.

    Attributes:
        form: what the data set becomes.
        by: whose parts; None for figleaf's where any image has one, else the sources'.
        split: the parts that are exported; empty for all.
        link: how images come into it; None for copies, and for a table alone. Shards hold copies.
        unlabelled: None to include images without a class where the form has a place for that.
        images_per_shard: of WebDataset's shards, at least 1.
        embed: whether a Parquet table holds the images' bytes.

    Raises:
        InputError: a value that is none of these, or two that contradict one another.
    """

    form: Form = Form.IMAGEFOLDER
    by: By | None = None
    split: tuple[str, ...] = ()
    link: Link | None = None
    unlabelled: Unlabelled | None = None
    images_per_shard: int = 10_000
    embed: bool = False

    def __post_init__(self) -> None:
        """Make values of texts, fill in what the form decides, and refuse contradictions."""
        self._set("form", _one_of(Form, "form", self.form))
        self._set("by", None if self.by is None else _one_of(By, "by", self.by))
        self._set("split", _parts(self.split))
        self._set("link", self._checked_link())
        keeps = Unlabelled.INCLUDE if self.form in _KEEPS_UNLABELLED else Unlabelled.LEAVE_OUT
        self._set("unlabelled", _one_of(Unlabelled, "unlabelled", self.unlabelled or keeps))
        if type(self.images_per_shard) is not int or self.images_per_shard < 1:
            text = repr(self.images_per_shard)
            raise InputError(f"images_per_shard must be a whole number, 1 or more, not {text}")
        if self.embed and self.form is not Form.PARQUET:
            raise InputError(f"embed is for parquet; {self.form} holds no bytes in its table")
        if self.embed and self.how is not Link.NONE:
            raise InputError(f"embed and link={self.how} would both export the images; give one")
        if self.split and self.by is By.NONE:
            raise InputError(f"by=none has no parts, and split asks for {', '.join(self.split)}")

    @property
    def how(self) -> Link:
        """How images come into the export, also where nobody said so."""
        apart = Link.NONE if self.form in _TABLES else Link.COPY
        return self.link or apart

    @property
    def copies(self) -> bool:
        """Whether the images' bytes are written once more."""
        return self.how is Link.COPY or self.embed

    def _checked_link(self) -> Link | None:
        if self.link is None:
            return None
        link: Link = _one_of(Link, "link", self.link)
        if self.form is Form.WEBDATASET and link is not Link.COPY:
            raise InputError(f"link={link}: shards hold the images themselves")
        if link is Link.NONE and self.form not in _TABLES:
            raise InputError(f"link=none is for {' and '.join(sorted(_TABLES))}, not {self.form}")
        return link

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


def _one_of(kind: type[StrEnum], name: str, value: str) -> Any:
    if value in list(kind):
        return kind(value)
    raise InputError(f"{name}={value!r}: give one of {', '.join(kind)}")


def _parts(asked: str | Iterable[str]) -> tuple[str, ...]:
    """The parts in their usual order."""
    wanted = {asked} if isinstance(asked, str) else set(asked)
    if odd := sorted(map(str, wanted - set(PARTS))):
        raise InputError(f"split={odd[0]!r}: give one or more of {', '.join(PARTS)}")
    return tuple(part for part in PARTS if part in wanted)
