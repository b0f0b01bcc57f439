"""`figleaf evaluate --pictures`: what models say of pictures that nobody has labelled."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len

from figleaf.cli.grid import print_grid
from figleaf.cli.output import opened
from figleaf.cli.phases import Phases, told_of_interruption
from figleaf.cli.terminal import Screen, print_json, printable, say, standard_output
from figleaf.errors import InputError, Status
from figleaf.labels import Language
from figleaf.models.runtime import Precision
from figleaf.report.tables import counted, listed

if TYPE_CHECKING:
    from figleaf.classify.prediction import Prediction
    from figleaf.evaluation.pictures import Pictures
    from figleaf.report.texts import Words
    from figleaf.report.thumbnails import Thumbnail

MOST = 3_000
"""Pictures on a sheet at most; the table and JSON have all."""

Started = Callable[[str, int], None]
"""Is told that a phase begins, with so many things before it."""

_NAME = 30  # cells of a picture's name in the table
_PAGES, _SHEET = (".html", ".htm"), ".png"


@dataclass(frozen=True, slots=True)
class PicturesAsked:
    """What `figleaf evaluate --pictures` was asked for.

    Attributes:
        folder: of the pictures.
        models: embedded names or bundles' folders.
        top_k: classes of each picture.
        policy: whose sum is the unsafe score; None for what each model's card suggests.
        fast: bf16 and scaled decoding.
        precision: what to compute in; None for what `fast` says.
        threads: batches at work at once; None for one a core.
        sheets: files to write, .png or .html.
        show: plain thumbnails on PNG sheets, and not destroyed ones.
        language: of the sheets.
        as_json: JSON instead of the table.
        quiet: no progress.
    """

    folder: str
    models: tuple[str, ...]
    top_k: int
    policy: str | None = None
    fast: bool = False
    precision: Precision | None = None
    threads: int | None = None
    sheets: tuple[Path, ...] = ()
    show: bool = False
    language: Language = "en"
    as_json: bool = False
    quiet: bool = False


def run_pictures(asked: PicturesAsked) -> None:
    """Ask the models, and print, write and tell what they say.

    Raises:
        FigleafError: wrong use, a model that cannot be used, a sheet that cannot be written.
    """
    from figleaf.curate.watch import Watch
    from figleaf.evaluation.pictures import look
    from figleaf.report.texts import Words

    if not asked.folder:
        raise InputError("--pictures is empty: name a folder of pictures")
    for sheet in asked.sheets:
        _check(sheet)
    if asked.show and not any(_is_png(sheet) for sheet in asked.sheets):
        raise InputError("--show is for a PNG sheet: give --sheet FILE.png too")
    with told_of_interruption("nothing was printed"), Phases(shown=not asked.quiet) as phases:
        watch = Watch(phases.start, phases.done)
        found = look(
            asked.folder,
            asked.models,
            k=asked.top_k,
            policy=asked.policy,
            fast=asked.fast,
            precision=asked.precision,
            threads=asked.threads,
            watch=watch,
        )
        written = list(_write_sheets(found, asked, Words(asked.language), watch.start))
    if asked.as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    for hint in (*_hints(found, asked), *written):
        say(printable(hint))


def _is_png(path: Path) -> bool:
    return path.suffix.lower() == _SHEET


def _check(path: Path) -> None:
    """Refuse, before any work is done, a sheet that could not be written after it."""
    from figleaf.report.html import require_extra

    if path.suffix.lower() not in (_SHEET, *_PAGES):
        raise InputError(f"{path}: give --sheet a name that ends in .png or .html")
    if path.is_dir():
        raise InputError(f"{path}: a folder; give --sheet a file")
    if not path.parent.is_dir():
        raise InputError(f"{path}: no folder {path.parent}; give --sheet a file in one that is")
    require_extra("a sheet of pictures")


def _write_sheets(
    found: "Pictures", asked: PicturesAsked, words: "Words", start: Started
) -> Iterator[str]:
    """Write what was asked for, and say of each what it is."""
    from figleaf.report.pictures_page import pictures_page

    for path in asked.sheets:
        plain = asked.show and _is_png(path)
        start("thumbnails", len(found.seen[:MOST]))
        shown = _thumbnails(found, plain=plain)
        if _is_png(path):
            yield from _write_pages(found, shown, words, path)
        else:
            page = pictures_page(found, shown, words, beside=path.parent, at=time.time())
            _write(path, page.encode())
            yield f"{path}: keep it as private as the pictures"


def _thumbnails(found: "Pictures", *, plain: bool) -> list["Thumbnail"]:
    """A thumbnail of each picture that a sheet has room for."""
    from figleaf.report.pictures_sheet import plain as as_it_is
    from figleaf.report.thumbnails import Thumbnail, destroyed, made_apart

    first = found.seen[:MOST]
    # What the models could not read may be anything, a pipe too: it is not opened again.
    readable = [one.path for one in first if one.status is Status.OK]
    made = iter(made_apart(readable, as_it_is if plain else destroyed) if readable else ())
    return [
        next(made) if one.status is Status.OK else Thumbnail(one.path, None, one.status)
        for one in first
    ]


def _write_pages(
    found: "Pictures", shown: Sequence["Thumbnail"], words: "Words", path: Path
) -> Iterator[str]:
    """Write the pages: FILE.png, FILE-2.png and so on."""
    from figleaf.report.pictures_sheet import pages

    last = path
    for number, page in enumerate(pages(found, shown, words), 1):
        last = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        _write(last, page)
    names = f"{path}" if last == path else f"{path} to {last.name}"
    yield f"{names}: keep it as private as the pictures"


def _write(path: Path, data: bytes) -> None:
    try:
        with opened(path) as file:
            file.write(data)
    except InputError as error:
        raise InputError(str(error).replace("give -o ", "give --sheet ")) from error


def _print(found: "Pictures") -> None:
    """A line for each class of each picture; the models side by side."""
    head = ["picture", *(voice.name for voice in found.voices)]
    rows = []
    for one in found.seen:
        columns = [_said(prediction) for prediction in one.predictions]
        name = _end_of(printable(str(one.path.relative_to(found.folder))))
        for number, line in enumerate(zip_longest(*columns, fillvalue="")):
            rows.append(["" if number else name, *line])
    with standard_output() as file:
        print_grid(Screen(file), head, rows)


def _said(prediction: "Prediction") -> list[str]:
    """The lines of a picture: probability and class, or why there is none."""
    if not prediction.ok:
        return [str(prediction.status)]
    return [f"{score:>6.1%} {label}" for label, score in prediction.scores.items()]


def _end_of(name: str) -> str:
    """A name in one line; of a long one the end, which tells most."""
    if cell_len(name) <= _NAME:
        return name
    while cell_len(name) >= _NAME:
        name = name[1:]
    return f"…{name}"


def _hints(found: "Pictures", asked: PicturesAsked) -> Iterator[str]:
    yield counted(len(found.seen), "file", "files")
    if found.failed:
        failed = counted(sum(found.failed.values()), "file", "files")
        yield f"{failed} could not be read: {listed(found.failed)}"
    if asked.sheets and len(found.seen) > MOST:
        yield f"a sheet has the first {MOST:,} pictures; --json has all"
