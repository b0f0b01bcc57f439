"""Lists of URLs: one list, or a checkout of a repository of lists in either public layout.

The layouts are `raw_data/<class>/urls_<class>.txt`, and `raw_data/<category>/<source>/urls.txt`
where the levels of a category are joined by "_" in the folder's name.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from figleaf.dataset.records import Item, Kind
from figleaf.sources.readers.reading import (
    MAX_LOCATOR,
    ProblemKind,
    Problems,
    as_url,
    decode,
    files,
    is_file,
    lines,
    plain,
    subfolders,
)

RAW_DATA = "raw_data"
"""The folder of the lists in a checkout."""

_LIST = "urls.txt"
_PACKED = ".gz"
_SCANNED = 10_000
"""Folders that are looked into to tell whether they hold lists."""


def urls(path: str | Path, problems: Problems, name: str) -> Iterator[str]:
    """The URLs of a list in its order: one a line; blank lines and `#` comments are left out.

    A line that is no URL is yielded as it is, so that whoever fetches it says why not. Only a line
    over 8,192 bytes is counted as a problem instead, under `name`.
    """
    for _, line in lines(path, MAX_LOCATOR, problems, name):
        text = decode(line).strip()
        if text and not text.startswith("#"):
            yield as_url(text)


def list_items(
    path: Path, source: str, category: str | None, problems: Problems, listing: str = ""
) -> Iterator[Item]:
    """The items of one list.

    Args:
        path: the list, perhaps packed by gzip.
        source: the source's name.
        category: what the list says about all of its URLs; None if nothing.
        problems: counts what is left out.
        listing: the list's name within the source.
    """
    for url in urls(path, problems, listing or source):
        yield Item(Kind.URL, url, url, source, listing, category)


def category_of(path: Path) -> str:
    """What a single list's name says: "porn" for porn.txt, urls_porn.txt and urls_porn.txt.gz.

    For `raw_data/<category>/<source>/urls.txt` it is the category.
    """
    if path.name.removesuffix(_PACKED) == _LIST and path.parent.parent.parent.name == RAW_DATA:
        return path.parent.parent.name
    stem = path.name.removesuffix(_PACKED)
    stem = stem.rpartition(".")[0] or stem
    return stem.removeprefix("urls_")


def lists_folder(folder: Path) -> Path | None:
    """The folder that holds lists in a public layout, or None.

    Args:
        folder: the root of a checkout, its raw_data, or one class or category of it.
    """
    for base in (folder / RAW_DATA, folder):
        if _has_lists(base) or any(_has_lists(path) for path in _below(base)):
            return base
    return None


def checkout_items(base: Path, source: str, problems: Problems) -> Iterator[Item]:
    """The items of all lists in a checkout, sorted by category.

    Args:
        base: what `lists_folder` found.
        source: the source's name.
        problems: counts what is left out, such as other files and links: a list that links out of
            the checkout would read any file of this machine.
    """
    for name in files(base, problems):
        found = _place(base, name)
        if found is None:
            problems.add(ProblemKind.OTHER_FILE, name)
        elif os.path.islink(base / name):  # noqa: PTH114  # never raises
            problems.add(ProblemKind.LINK, name)
        else:
            category, listing = found
            yield from list_items(base / name, source, category, problems, listing)


def _place(base: Path, name: str) -> tuple[str, str] | None:
    """The category and the listing that a file of a checkout holds; None if it is no list."""
    *folders, file = name.split("/")
    file = file.removesuffix(_PACKED)
    inner = folders[-1] if folders else base.name
    if file == f"urls_{inner}.txt":
        return plain(inner), plain(file)
    if file != _LIST:
        return None
    # Counted from raw_data; where a category's folder was given, it is the outer one.
    outer = [] if base.name == RAW_DATA else [base.parent.name, base.name]
    levels = folders if len(folders) > 1 else [*outer, *folders][-2:]
    if len(levels) < 2:
        return plain(inner), plain(inner)
    category = plain("_".join(levels[:-1]))
    return category, plain(f"{category}/{levels[-1]}")


def _below(base: Path) -> Iterator[Path]:
    return islice((base / name for name in subfolders(base)), _SCANNED)


def _has_lists(folder: Path) -> bool:
    """Whether the folder is that of a class or a category: a list lies in it, or one below."""
    if _is_list(folder / f"urls_{folder.name}.txt") or _is_list(folder / _LIST):
        return True
    return any(_is_list(path / _LIST) for path in _below(folder))


def _is_list(path: Path) -> bool:
    return is_file(path) or is_file(path.with_name(path.name + _PACKED))
