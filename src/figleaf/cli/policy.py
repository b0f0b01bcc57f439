"""`figleaf policy fit`: thresholds from one's own pictures, as a policy file."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figleaf.classify.prediction import Decision
from figleaf.cli.grid import print_grid
from figleaf.cli.options import (
    FastOption,
    PrecisionOption,
    QuietOption,
    ThreadsOption,
    naming_options,
)
from figleaf.cli.phases import Phases, told_of_interruption
from figleaf.cli.terminal import Screen, print_json, printable, quoted, say, standard_output
from figleaf.models.bundle import DEFAULT_MODEL
from figleaf.report.tables import counted, listed

if TYPE_CHECKING:
    from figleaf.evaluation.figures import Figure
    from figleaf.evaluation.policy_fit.fitted import FittedPolicy
    from figleaf.evaluation.policy_fit.lines import Line
    from figleaf.evaluation.policy_fit.traffic import Folder

app = typer.Typer(
    name="policy",
    help="Make policies for one's own pictures.",
    no_args_is_help=True,
)


@app.callback()
def policy() -> None:
    """Make policies for one's own pictures."""


@app.command("fit")
def fit(
    safe: Annotated[
        list[str],
        typer.Option(
            metavar="DIR", help="A folder of safe pictures; again for more.", show_default=False
        ),
    ],
    unsafe: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="A folder of unsafe pictures; again for more."),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="An embedded model, or a bundle's folder.")
    ] = DEFAULT_MODEL,
    fpr: Annotated[
        list[float] | None,
        typer.Option(
            help="A false-positive rate; again for more: review at the highest, block at the"
            " lowest. [.01 and .001]"
        ),
    ] = None,
    recall: Annotated[
        float | None,
        typer.Option(help="Review from where so much of the unsafe ones is found; needs --unsafe."),
    ] = None,
    assured: Annotated[
        bool,
        typer.Option("--assured", help="Keep to rates with the upper ends of their intervals."),
    ] = False,
    unsafe_class: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A class of the model that is unsafe; again for more."),
    ] = None,
    base_rate: Annotated[
        float, typer.Option(help="The share of unsafe pictures to count 10,000 for.")
    ] = 0.01,
    name: Annotated[str, typer.Option(help="Of the policy.")] = "fitted",
    version: Annotated[
        int, typer.Option("--policy-version", min=1, help="Of the policy; results keep it.")
    ] = 1,
    unreadable: Annotated[
        Decision, typer.Option(help="The policy's decision for what cannot be classified.")
    ] = Decision.REVIEW,
    fast: FastOption = False,
    precision: PrecisionOption = None,
    threads: ThreadsOption = None,
    repeats: Annotated[int, typer.Option(min=1, help="Draws for the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="The policy file to write.")
    ] = "policy.toml",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Fit thresholds to pictures that you know to be safe, and write them as a policy.

    Exit codes: 0 written, whatever the figures, 2 wrong use, 130 interrupted.

    Example: figleaf policy fit --safe my-traffic --fpr .01 --fpr .001 -o my-policy.toml
    """
    from figleaf.curate.watch import Watch
    from figleaf.evaluation.policy_fit.fit import fit_policy
    from figleaf.evaluation.policy_fit.fitted import check_target
    from figleaf.evaluation.policy_fit.rules import FitRules

    rates: dict[str, Any] = {"fpr": tuple(fpr)} if fpr else {}
    with naming_options():
        rules = FitRules(
            **rates,
            recall=recall,
            assured=assured,
            unsafe_classes=tuple(unsafe_class or ()),
            base_rate=base_rate,
            name=name,
            version=version,
            unreadable=unreadable,
            fast=fast,
            precision=precision,
            threads=threads,
            repeats=repeats,
            seed=seed,
        )
    check_target(out, overwrite=overwrite)  # before anything is scored
    with told_of_interruption("nothing was written"), Phases(shown=not quiet) as phases:
        watch = Watch(phases.start, phases.done)
        found = fit_policy(safe, unsafe or None, model=model, rules=rules, watch=watch)
        found.save(out, overwrite=overwrite)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    for hint in _hints(found, out, model, safe[0]):
        say(printable(hint))


def _print(found: "FittedPolicy") -> None:
    """A line a threshold, and what the policy comes to."""
    level = f">{found.rules.level:.0%} interval"
    head = ["decision", "chosen for", ">score from", level, ">safe flagged", ">rate", level]
    rows = [_row(line) for line in found.lines]
    if found.unsafe:
        head += [">recall", level]
        rows = [row + _share(line.recall) for row, line in zip(rows, found.lines, strict=True)]
    of = f"of 10,000, {100 * found.rules.base_rate:g}% unsafe"
    bands = [
        [str(band.decision), _count(band.expected_safe), _count(band.expected_unsafe)]
        for band in found.bands
    ]
    with standard_output() as file:
        screen = Screen(file)
        print_grid(screen, head, rows)
        screen.print()
        print_grid(screen, [of, ">safe", ">unsafe"], bands)


def _row(line: "Line") -> list[str]:
    from figleaf.evaluation.operating import Aim

    aim = "recall" if line.aim is Aim.RECALL else "rate"
    value, interval = line.threshold.value, line.threshold.interval
    is_known = not math.isnan(interval.low)
    return [
        str(line.decision or ""),
        f"{aim} {line.target:g}",
        "none" if math.isnan(value) else f"{value!r}",
        f"{interval.low:.3g}..{interval.high:.3g}" if is_known else "-",
        "-" if math.isnan(value) else f"{line.flagged:,}",
        *_share(line.false_positive_rate),
    ]


def _share(figure: "Figure") -> list[str]:
    """A share of a hundred, and its interval."""
    from figleaf.evaluation.policy_fit.fitted import percent

    low, high = figure.interval.low, figure.interval.high
    interval = "-" if math.isnan(low) else f"{percent(low)}..{percent(high)}"
    return [percent(figure.value), interval]


def _count(images: float) -> str:
    return "-" if math.isnan(images) else f"{images:,.1f}"


def _hints(found: "FittedPolicy", out: str, model: str, first: str) -> Iterator[str]:
    from figleaf.evaluation.operating import SAFE, UNSAFE

    folders = ((SAFE, found.safe, found.safe_groups), (UNSAFE, found.unsafe, found.unsafe_groups))
    for kind, those, groups in folders:
        yield from (_described(kind, folder) for folder in those)
        images = sum(folder.images for folder in those)
        if groups < images:
            near = counted(images - groups, "image repeats", "images repeat")
            yield f"{kind}: {near} another, by bytes or nearly: intervals count them together"
    yield from found.notes
    yield f"{out}: {found.policy.tag}, for {found.used.tag} alone; read what it says, then:"
    chosen = "" if model == DEFAULT_MODEL else f" --model {quoted(model)}"
    how = " --fast" if found.rules.fast else ""
    how += f" --precision {found.rules.precision}" if found.rules.precision else ""
    yield (
        f"figleaf classify {quoted(first)} --recursive{chosen}{how} --policy {quoted(out)}"
        " --only review --only block --sort unsafe"
    )


def _described(kind: str, folder: "Folder") -> str:
    said = f"{kind}: {folder.name}, {counted(folder.images, 'image', 'images')}"
    if folder.unreadable:
        failed = counted(sum(folder.unreadable.values()), "file", "files")
        said += f"; {failed} left out: {listed(folder.unreadable)}"
    return said + (f"; hidden files {folder.hidden:,}" if folder.hidden else "")
