"""`figleaf audit`: labels that are likely wrong, by a head that had not seen them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from figleaf.auditing.rules import LEAST_TO_APPLY, RECOMMENDED, AuditRules
from figleaf.cli.grid import print_grid
from figleaf.cli.listing import STDOUT, check_list, write_list
from figleaf.cli.options import (
    ClassWeightsOption,
    FastFeaturesOption,
    Folder,
    PowerOption,
    QuietOption,
    check_power,
    naming_options,
)
from figleaf.cli.phases import Phases, told_of_interruption
from figleaf.cli.terminal import Screen, print_json, printable, quoted, say, standard_output
from figleaf.errors import InputError
from figleaf.report.tables import counted

if TYPE_CHECKING:
    from figleaf.auditing.report import AuditReport

_RULES = AuditRules()
_DIGITS = 12  # of a hash: enough to name an image by
_OUTLIERS = 10  # in their table


def audit(
    folder: Folder,
    backbone: Annotated[
        str,
        typer.Option(
            help="Whose features judge: an embedded model or several joined by +, a bundle's"
            " folder, or a TOML file about an ONNX graph."
        ),
    ] = _RULES.backbone,
    fast: FastFeaturesOption = False,
    class_weights: ClassWeightsOption = _RULES.class_weights,
    power: PowerOption = _RULES.power,
    folds: Annotated[
        int, typer.Option(help="How many; each is judged by the others.")
    ] = _RULES.folds,
    seed: Annotated[int, typer.Option(min=0, help="Of the folds.")] = _RULES.seed,
    apply: Annotated[
        float | None,
        typer.Option(
            metavar="DOUBT",
            help="Relabel images of train and validation from this doubt on,"
            f" {LEAST_TO_APPLY:g}..1; {RECOMMENDED:g} is a good one.",
            show_default=False,
        ),
    ] = None,
    undo: Annotated[
        bool,
        typer.Option("--undo", help="Take back what --apply has changed, and do nothing else."),
    ] = False,
    limit: Annotated[int, typer.Option(min=0, help="Suspects in the table.")] = 20,
    list_to: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Also write all suspects, ranked: .csv, .jsonl; - for stdout.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Rank the images whose labels are likely wrong, with the class that they rather are.

    Each is judged by a head that has not seen it. Images far from every class, and classes that
    look the same, are told as well. Features are kept: the next audit, or training, takes less
    time. Exit codes: 0 done, 2 wrong use, 130 interrupted.

    Example: figleaf audit my-data --list suspects.csv
    """
    from figleaf.auditing.audit import audit as run
    from figleaf.auditing.report import Suspect
    from figleaf.curate.watch import Watch

    if not folder:
        raise InputError("DIR is empty: name a data set's folder")
    if undo:
        _refuse_with_undo(apply, list_to)
        _undo(folder, as_json=as_json)
        return
    check_list(list_to, option="--list", as_json=as_json)
    check_power(power != _RULES.power, class_weights)
    with naming_options():
        rules = AuditRules(
            backbone=backbone,
            fast=fast,
            class_weights=class_weights,
            power=power,
            seed=seed,
            folds=folds,
            apply=apply,
        )
    with told_of_interruption(), Phases(shown=not quiet) as phases:
        found = run(folder, rules=rules, watch=Watch(phases.start, phases.done))
    if list_to is not None:
        write_list(found.suspects, Suspect, list_to, option="--list")
    if as_json:
        print_json(found.to_dict())
        return
    if list_to != STDOUT:
        _print(found, limit)
    for hint in _hints(found, folder, limit, is_listed=list_to is not None):
        say(printable(hint))


def _refuse_with_undo(apply: float | None, list_to: Path | None) -> None:
    if apply is not None or list_to is not None:
        raise InputError("--undo takes back what --apply has changed: give it alone")


def _undo(folder: str, *, as_json: bool) -> None:
    from figleaf.auditing.audit import undo

    with told_of_interruption("nothing was changed"):
        count = undo(folder)
    if as_json:
        print_json({"taken_back": count})
        return
    images = counted(count, "image has", "images have")
    say(f"{images} the class again that an audit had changed" if count else "nothing to take back")


def _print(found: "AuditReport", limit: int) -> None:
    tables = [
        (
            (">rank", "label", "suggested", ">doubt", "verdict", "part", "image"),
            list(_suspects(found, limit)),
        ),
        (
            (">deviations", "label", "nearest class", "part", "far from every class"),
            list(_outliers(found))[:limit],
        ),
        (("not told apart:", "from", ">AUC", ">mixed up"), list(_overlaps(found))),
    ]
    with standard_output() as file:
        screen = Screen(file)
        for number, (head, rows) in enumerate(table for table in tables if table[1]):
            if number:
                screen.print()
            print_grid(screen, head, rows)


def _suspects(found: "AuditReport", limit: int) -> Iterator[tuple[str, ...]]:
    for rank, one in enumerate(found.suspects[:limit], 1):
        verdict = "relabelled" if one.relabelled else "wrong" if one.listed else "unsure"
        label, doubt = one.label, f"{one.doubt:.3f}"
        yield f"{rank}", label, one.suggested, doubt, verdict, one.part, one.sha256[:_DIGITS]


def _outliers(found: "AuditReport") -> Iterator[tuple[str, ...]]:
    for one in found.outliers[:_OUTLIERS]:
        yield f"{one.distance:.1f}", one.label, one.nearest, one.part, one.sha256[:_DIGITS]


def _overlaps(found: "AuditReport") -> Iterator[tuple[str, ...]]:
    for one in found.overlaps:
        yield one.one, one.other, f"{one.auc:.3f}", f"about {one.images:,}"


def _hints(found: "AuditReport", folder: str, limit: int, *, is_listed: bool) -> Iterator[str]:
    here = quoted(folder)
    images = counted(found.images, "image", "images")
    yield (
        f"{images} judged by {found.backbone}, right in {found.accuracy:.1%} of train:"
        f" about {counted(found.estimated, 'label is', 'labels are')} wrong, {found.listed:,} found"
    )
    if found.unreadable:
        images = counted(found.unreadable, "image", "images")
        yield f"{images} could not be read; figleaf clean {here} says why"
    if found.left_out:
        images = counted(found.left_out, "image is", "images are")
        yield f"{images} of no part of the split, or of a class that train has not: not judged"
    if found.settled:
        images = counted(found.settled, "other image is", "other images are")
        yield f"{images} doubted and left alone: a person has said what is right"
    if not found.overlaps and found.hardest:
        pair = found.hardest
        yield f"all classes are told apart; worst, {pair.one} from {pair.other}: AUC {pair.auc:.3f}"
    if len(found.suspects) > limit and not is_listed:
        yield f"{len(found.suspects):,} suspects in all; --list FILE has them, ranked"
    yield from _next(found, here)


def _next(found: "AuditReport", here: str) -> Iterator[str]:
    if found.spared:
        yield f"not relabelled, as train would have none left: {', '.join(found.spared)}"
    if found.applied:
        images = counted(found.applied, "image was", "images were")
        yield (
            f"{images} relabelled; `figleaf audit {here} --undo` takes that back,"
            " and the next training learns from it"
        )
    elif found.apply is not None:
        yield f"nothing is doubted by {found.apply:g} or more: nothing was relabelled"
    elif found.listed:
        yield f"nothing was changed; --apply {RECOMMENDED:g} relabels what is doubted so much"
    if found.listed or found.outliers:
        yield (
            f"looked at one: figleaf restore {here} HASH --label CLASS says what it is, for good;"
            " what a person has said is doubted no more"
        )
