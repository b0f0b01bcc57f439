"""`figleaf quickstart`: the whole job on a practice set that is generated."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from figleaf.cli.options import QuietOption
from figleaf.cli.pipeline import carry_out, tell
from figleaf.cli.stats import Language
from figleaf.cli.terminal import print_json, printable, say
from figleaf.errors import InputError
from figleaf.report.tables import counted

if TYPE_CHECKING:
    from figleaf.pipeline.run import RunReport, RunWatch
    from figleaf.practice.quickstart import Quickstart

DEFAULT_OUT = "figleaf-quickstart"
_SHOWN = 5
"""URLs that came to another end."""


def quickstart(
    out: Annotated[
        str,  # a Path would make the current folder of an empty one
        typer.Argument(metavar="[OUT]", help="A new folder, or one to go on with."),
    ] = DEFAULT_OUT,
    language: Annotated[
        Language, typer.Option("--lang", help="Of the report: en, ko.")
    ] = Language.EN,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Another number gives other pictures; 0.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What it came to as JSON.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Do everything on a practice set of generated pictures, offline, in under two minutes.

    Five kinds of safe pictures stand in for the classes; they are served to this machine alone, as
    lists of URLs with planted faults. Exit codes: 0 done, 2 wrong use, 130 interrupted.

    Example: figleaf quickstart
    """
    if not out:
        raise InputError("OUT is empty: name a folder, or leave it out")
    found: list[Quickstart] = []

    def work(watch: "RunWatch") -> "RunReport":
        from figleaf.practice.quickstart import quickstart as run

        found.append(run(out, seed=seed, language=language.value, watch=watch))
        return found[0].run

    carry_out(work, quiet=quiet)
    if as_json:
        print_json(found[0].to_dict())
        return
    show(found[0])


def show(found: "Quickstart") -> None:
    """Print where everything is, what came of it beside what was planted, and what to type next."""
    tell(found.run)
    for line in _compared(found):
        say(printable(line))


def _compared(found: "Quickstart") -> Iterator[str]:
    urls = counted(len(found.listing.entries), "URL", "URLs")
    if not found.surprises:
        yield f"planted: all {urls} came to the end that was planted for them"
    else:
        yield f"planted: {len(found.surprises):,} of {urls} came to another end than was planted"
        for one in found.surprises[:_SHOWN]:
            yield f"  {one.entry.path}: {one.planted} was planted, {one.found} came of it"
    yield (
        f"planted: {found.mislabelled:,} wrong labels; {found.found:,} of them are among the"
        f" {found.looked_at:,} that the audit doubts most"
    )
    yield "the pictures are generated, and safe: marbles stand in for porn"
    yield "next, with your own: `figleaf run LISTS_OR_FOLDERS --out my-run`"
