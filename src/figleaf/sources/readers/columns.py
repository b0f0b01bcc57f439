"""Which columns of a table hold what, by their usual names or by the user's choice."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from figleaf.errors import SourceError
from figleaf.sources.readers.reading import plain

URL_NAMES = ("url", "image_url", "imageurl", "img_url", "url_image", "image_link", "link", "src")
PATH_NAMES = (
    *("file_name", "filename", "file_path", "filepath", "image_path", "img_path"),
    *("path", "file", "image", "img"),
)
LABEL_NAMES = ("label", "labels", "class", "class_name", "category", "tag", "target")
SPLIT_NAMES = ("split", "subset", "partition")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table hold what; None to find one by its usual names.

    Attributes:
        url: of URLs: url, image_url, link, src and the like.
        path: of paths: file_name, path, file, image and the like. Where a row has a URL too, the
            URL is taken, unless only `path` was chosen here.
        label: of the classes: label, class, category, tag, target. In shards it is a key of the
            samples' JSON.
        split: of the split: split, subset, partition.
    """

    url: str | None = None
    path: str | None = None
    label: str | None = None
    split: str | None = None


def resolve(path: Path, names: Sequence[str], wanted: Columns) -> Columns:
    """The columns by the names that the table at `path` has for them.

    Raises:
        SourceError: a chosen one, or any of URLs or paths, is missing.
    """
    columns = match(names, wanted)
    if columns is None:
        raise _no_column(path, names, wanted)
    return columns


def match(names: Sequence[str], wanted: Columns) -> Columns | None:
    """As `resolve`, but None where one is missing."""
    chosen = (wanted.url, wanted.path, wanted.label, wanted.split)
    if any(name is not None and name not in names for name in chosen):
        return None
    url, path = wanted.url, wanted.path
    if url is None and path is None:
        url, path = _find(names, URL_NAMES), _find(names, PATH_NAMES)
    if url is None and path is None:
        return None
    label = wanted.label or _find(names, LABEL_NAMES)
    return Columns(url, path, label, wanted.split or _find(names, SPLIT_NAMES))


def _find(names: Sequence[str], usual: Sequence[str]) -> str | None:
    known = {_folded(name): name for name in reversed(names)}  # the first of the same name wins
    return next((known[name] for name in usual if name in known), None)


def _folded(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _no_column(path: Path, names: Sequence[str], wanted: Columns) -> SourceError:
    shown = ", ".join(repr(plain(name)[:40]) for name in names[:20]) or "none"
    chosen = (wanted.url, wanted.path, wanted.label, wanted.split)
    for name in chosen:
        if name is not None and name not in names:
            return SourceError(f"{path}: no column {name!r}; there are: {shown}")
    usual = ", ".join((*URL_NAMES[:2], *PATH_NAMES[:2]))
    return SourceError(
        f"{path}: no column of URLs or paths ({usual} or the like) among: {shown}; "
        "say which column it is"
    )
