"""`figleaf stats`: what a data set is made of, as tables and as a page."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from figleaf.cli.grid import print_grid
from figleaf.cli.output import opened
from figleaf.cli.terminal import Screen, print_json, printable, say, standard_output
from figleaf.errors import InputError

if TYPE_CHECKING:
    from figleaf.curate.stats import DatasetStats
    from figleaf.report.texts import Words


_PAGES = (".html", ".htm")


class Language(StrEnum):
    """The languages of tables and pages."""

    EN = "en"
    KO = "ko"


def stats(
    # A Path would make the current folder of an empty one.
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A data set.", show_default=False)],
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a page with plots and samples."),
    ] = None,
    language: Annotated[
        Language, typer.Option(help="Of the tables and the page: en, ko.")
    ] = Language.EN,
    samples: Annotated[
        int, typer.Option(min=0, max=100, help="Destroyed thumbnails of each class on the page.")
    ] = 6,
    as_json: Annotated[
        bool, typer.Option("--json", help="The figures as JSON instead of tables.")
    ] = False,
) -> None:
    """Show what a data set is made of: classes, sizes, sources, resolutions, losses, duplicates.

    Example: figleaf stats my-data --html stats.html
    """
    from figleaf.curate.stats import stats as count  # no other command waits for it
    from figleaf.report.texts import Words

    if not folder:
        raise InputError("DIR is empty: name a data set's folder")
    words = Words(language.value)
    if html is not None:
        _check(html)  # before a large ledger is read for nothing
    found = count(Path(folder))
    if html is not None:
        _write_page(found, html, words, samples)
    if as_json:
        print_json(found.to_dict())
    else:
        _print_tables(found, words)


def _check(page: Path) -> None:
    """See that a page can be made, and that its name is none of, say, a ledger."""
    from figleaf.report.html import require_extra

    if page.suffix.lower() not in _PAGES:
        raise InputError(f"{page}: give --html a name that ends in .html")
    require_extra()


def _print_tables(found: "DatasetStats", words: "Words") -> None:
    from figleaf.report.dataset_tables import SECTIONS

    made = [make(found, words) for _, makers in SECTIONS for make in makers]
    with standard_output() as file:
        screen = Screen(file)
        for number, table in enumerate(table for table in made if table.rows):
            if number:
                screen.print()
            print_grid(screen, table.head, table.rows)


def _write_page(found: "DatasetStats", path: Path, words: "Words", samples: int) -> None:
    from figleaf.report.dataset_page import dataset_page

    try:
        with opened(path) as file:
            page = dataset_page(found, words, beside=path.parent, samples=samples)
            file.write(page.encode())
    except InputError as error:
        raise InputError(str(error).replace("give -o ", "give --html ")) from error
    say(printable(f"{path}: keep it as private as the data set"))
