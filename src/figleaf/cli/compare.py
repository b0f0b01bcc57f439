"""`figleaf compare`: two models on the same labelled images."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from figleaf.cli.grid import print_grid
from figleaf.cli.listing import STDOUT, check_list, write_list
from figleaf.cli.options import JsonOption, PartOption, QuietOption
from figleaf.cli.phases import Phases, told_of_interruption
from figleaf.cli.terminal import Screen, print_json, printable, say, standard_output
from figleaf.curate.splitting.rules import Part
from figleaf.report.tables import counted, listed

if TYPE_CHECKING:
    from figleaf.evaluation.compare import Comparison


def compare(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A", help="An embedded model, or a bundle's folder.", show_default=False
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    data: Annotated[
        list[str],
        typer.Option(
            "--data",
            "-d",
            metavar="DATA",
            help="A data set, a folder with one a class, or CLASS=FOLDER; again for more.",
            show_default=False,
        ),
    ],
    part: PartOption = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            "-p",
            help="Whose sum says what is unsafe: balanced, another preset, a TOML file.",
            show_default=False,
        ),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="bf16 and scaled decoding, for both.")
    ] = False,
    repeats: Annotated[int, typer.Option(min=1, help="Draws for each interval.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    list_to: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Also write all disagreements, ranked: .csv, .jsonl; - for stdout.",
        ),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare two models on the same labelled images: which is better, and is that chance?

    Differences are B's figure less A's. Exit codes: 0 done, whichever is better, 2 wrong use, 130
    interrupted.

    Example: figleaf compare inception_v3 my-model --data my-data --list disagreements.csv
    """
    from figleaf.curate.watch import Watch
    from figleaf.evaluation.compare import Disagreement
    from figleaf.evaluation.compare import compare as run

    check_list(list_to, option="--list", as_json=as_json)
    with told_of_interruption("nothing was written"), Phases(shown=not quiet) as phases:
        watch = Watch(phases.start, phases.done)
        found = run(
            *(a, b, data),
            part=part,
            policy=policy,
            fast=fast,
            repeats=repeats,
            seed=seed,
            watch=watch,
        )
    if list_to is not None:
        write_list(found.disagreements, Disagreement, list_to, option="--list")
    if as_json:
        print_json(found.to_dict())
        return
    if list_to != STDOUT:
        _print(found)
    for hint in _hints(found, is_listed=list_to is not None):
        say(printable(hint))


def _print(found: "Comparison") -> None:
    from figleaf.report.comparison_tables import tables

    with standard_output() as file:
        screen = Screen(file)
        for number, table in enumerate(tables(found, beside=Path.cwd())):
            if number:
                screen.print()
            print_grid(screen, table.head, table.rows)


def _hints(found: "Comparison", *, is_listed: bool) -> Iterator[str]:
    from figleaf.report.comparison_tables import SHOWN, words

    yield f"{found.data}: {counted(found.images, 'image', 'images')}"
    if found.unreadable:
        unread = counted(sum(found.unreadable.values()), "image", "images")
        yield f"{unread} could not be read: {listed(found.unreadable)}"
    if found.left_out:
        yield f"left out: {listed(found.left_out)}"
    if found.classes and found.lacking:
        missing = counted(sum(found.lacking.values()), "image is", "images are")
        yield f"{missing} of classes that not both models have: {listed(found.lacking)}"
    if found.own:
        yield f"classes that nobody knows, and so taken as safe: {', '.join(found.own)}"
    if seen := found.parts.get(Part.TRAIN, 0):
        yield (
            f"{counted(seen, 'image is', 'images are')} of the part train: a model that was trained"
            " on them looks better than it is"
        )
    yield from words(found)
    if len(found.disagreements) > SHOWN and not is_listed:
        yield f"{len(found.disagreements):,} disagreements; --list FILE has all, ranked"
