"""`figleaf split`: which images train, which validate, which test."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figleaf.cli.grid import print_grid
from figleaf.cli.options import Folder, JsonOption, naming_options
from figleaf.cli.terminal import Screen, print_json, printable, quoted, say, standard_output
from figleaf.curate.splitting.rules import By, Part, SplitChanges, SplitRules
from figleaf.errors import InputError
from figleaf.report.tables import counted

if TYPE_CHECKING:
    from figleaf.curate.splitting.split import SplitReport

_RULES = SplitRules()
_FEW = 10
"""Images of a class in test, below which its figures say little."""


def split(
    folder: Folder,
    test: Annotated[
        float | None, typer.Option(help=f"The share of test; {_RULES.test}.", show_default=False)
    ] = None,
    validation: Annotated[
        float | None, typer.Option(help="The share of validation; none.", show_default=False)
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Divide train into so many folds.", show_default=False)
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Another number gives another split; 0.", show_default=False),
    ] = None,
    stratify: Annotated[
        bool | None,
        typer.Option(
            "--stratify/--no-stratify",
            help="Exact shares in every class; or each group by its hash alone.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        By | None,
        typer.Option(help="sources: the parts that the sources have.", show_default=False),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Drop the split that is there, and make another.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only look for leaks in the split that is there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Split into train, test and, if wanted, validation and folds; refused where it would leak.

    Duplicates and frames of one film stay together. The same command again gives parts to new
    images alone; what is not given is as in the split that is there. Exit codes: 0 done, 2 wrong
    use, or a leak.

    Example: figleaf split my-data --test 0.15 --folds 5
    """
    from figleaf.curate.splitting.split import check_split
    from figleaf.curate.splitting.split import split as run

    if not folder:
        raise InputError("DIR is empty: name a data set's folder")
    with naming_options():
        rules = SplitChanges(test, validation, folds, seed, stratify, by)
    if check and (rules != SplitChanges() or anew):
        raise InputError("--check looks at the split that is there: no other option goes with it")
    try:
        found = check_split(folder) if check else run(folder, rules=rules, anew=anew)
    except InputError as error:
        raise InputError(str(error).replace("anew=True", "--anew")) from error
    _print(found, folder, as_json=as_json)


def _print(found: "SplitReport", folder: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_dict(found))
        return
    parts = [part for part in Part if any(of == part for _, of in found.counts)]
    labels = sorted({label for label, _ in found.counts})
    rows = [_row(found, label, [label], parts) for label in labels]
    if len(labels) > 1:
        rows.append(_row(found, "in all", labels, parts))
    with standard_output() as file:
        screen = Screen(file)
        print_grid(screen, ("class", *(f">{part}" for part in parts), ">share of test"), rows)
        if found.folds:
            screen.print()
            folds = [(str(fold), f"{count:,}") for fold, count in sorted(found.folds.items())]
            print_grid(screen, ("fold of train", ">images"), folds)
    for hint in _hints(found, labels, folder):
        say(printable(hint))


def _row(found: "SplitReport", name: str, labels: list[str], parts: list[Part]) -> tuple[str, ...]:
    counts = [sum(found.counts.get((label, part), 0) for label in labels) for part in parts]
    total = sum(counts)
    tested = counts[parts.index(Part.TEST)] if Part.TEST in parts else 0
    return (name, *(f"{count:,}" for count in counts), f"{tested / total:.1%}" if total else "-")


def _hints(found: "SplitReport", labels: list[str], folder: str) -> Iterator[str]:
    yield f"seed {found.rules.seed}, split {found.fingerprint[:12]}; no leaks"
    if found.new:
        yield f"{counted(found.new, 'image got its', 'images got their')} part now"
    if found.left_out == 1:
        yield (
            "1 image is in no part: it is a near duplicate of images of several parts, or its"
            " sources have it in none"
        )
    elif found.left_out:
        yield (
            f"{found.left_out:,} images are in no part: they are near duplicates of images of"
            " several parts, or their sources have them in none"
        )
    if found.unlabelled:
        yield (
            f"{counted(found.unlabelled, 'image has', 'images have')} no class,"
            f" and {'is' if found.unlabelled == 1 else 'are'} in no part"
        )
    few = [label for label in labels if found.counts.get((label, Part.TEST), 0) < _FEW]
    if few and found.rules.test:
        their = "its" if len(few) == 1 else "their"
        names = ", ".join(few)
        yield f"fewer than {_FEW} images to test with: {names}; {their} figures will say little"
    here = quoted(folder)
    if found.new and found.new == sum(found.counts.values()):
        yield (
            f"next: figleaf train {here} OUT, figleaf stats {here} --html stats.html, or"
            f" figleaf export dataset {here} OUT"
        )
    if not found.counts:
        yield f"no image with a class to split; `figleaf status {here}` says more"


def _as_dict(found: "SplitReport") -> dict[str, Any]:
    labels = sorted({label for label, _ in found.counts})
    return asdict(found) | {
        "rules": found.rules.as_dict(),
        "counts": {
            label: {part: found.counts.get((label, part), 0) for part in Part} for label in labels
        },
        "folds": {str(fold): count for fold, count in sorted(found.folds.items())},
    }
