"""`figleaf screen`: images that a model doubts, before any training."""

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figleaf import labels
from figleaf.cli.clean import Folder, naming_options, told_of_interruption
from figleaf.cli.grid import print_grid
from figleaf.cli.listing import STDOUT, check_list, write_list
from figleaf.cli.phases import Phases
from figleaf.cli.terminal import Screen, print_json, printable, say, standard_output
from figleaf.curate.screening.rules import ScreenRules
from figleaf.errors import InputError

if TYPE_CHECKING:
    from figleaf.curate.screening.screen import ScreenReport

_RULES = ScreenRules()
_SHOWN = 20  # images in the table
_DIGITS = 12  # of a hash: enough to name an image by


def screen(
    folder: Folder,
    model: Annotated[str, typer.Option(help="An embedded model, or a bundle's folder.")] = str(
        _RULES.model
    ),
    safe_below: Annotated[
        float, typer.Option(min=0, max=1, help="Doubt what is called unsafe and scores so low.")
    ] = _RULES.safe_below,
    unsafe_above: Annotated[
        float, typer.Option(min=0, max=1, help="Doubt what is called safe and scores so high.")
    ] = _RULES.unsafe_above,
    other_above: Annotated[
        float, typer.Option(min=0, max=1, help="Doubt what scores so high in another class.")
    ] = _RULES.other_above,
    unlike_below: Annotated[
        float,
        typer.Option(
            help="Doubt what is so many robust deviations less like its class than its middle."
        ),
    ] = _RULES.unlike_below,
    limit: Annotated[
        int | None, typer.Option(min=1, help="The most doubtful ones alone.", show_default=False)
    ] = None,
    same: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            metavar="CLASS=CLASS",
            help="A class of your own, and figleaf's that its images are of; again for more.",
        ),
    ] = None,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Set aside what is doubted, not only list it.")
    ] = False,
    fast: Annotated[bool, typer.Option("--fast", help="bf16, and scaled decoding.")] = False,
    list_to: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Also write all that is doubted, ranked: .csv, .jsonl; - for stdout.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> None:
    """Rank the images that a model takes for another class: safe among unsafe, and the reverse.

    They are listed for review, or set aside. Scores are kept: the same command with other limits
    takes little time. Exit codes: 0 done, 2 wrong use, 130 interrupted.

    Example: figleaf screen my-data --as comics=drawings --limit 200
    """
    from figleaf.curate.screening.screen import Doubted
    from figleaf.curate.screening.screen import screen as run
    from figleaf.curate.watch import Watch

    if not folder:
        raise InputError("DIR is empty: name a data set's folder")
    if list_to == STDOUT and as_json:
        raise InputError("--list - and --json would both be on standard output; give a file")
    if list_to is not None:
        check_list(list_to, option="--list")
    with naming_options():
        rules = ScreenRules(
            model=model,
            fast=fast,
            safe_below=safe_below,
            unsafe_above=unsafe_above,
            other_above=other_above,
            unlike_below=unlike_below,
            limit=limit,
            quarantine=quarantine,
            same=_pairs(same or []),
        )
    with told_of_interruption(), Phases(shown=not quiet) as phases:
        found = run(folder, rules=rules, watch=Watch(phases.start, phases.done))
    if list_to is not None:
        write_list(found.doubted, Doubted, list_to, option="--list")
    if list_to != STDOUT:
        _print(found, rules, folder, as_json=as_json)


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        own, sign, name = text.rpartition("=")
        if not (own and sign and name):
            raise InputError(f"--as {text!r}: give your class and figleaf's, as in comics=drawings")
        if labels.find(name) is None:
            raise InputError(f"--as {text}: {name!r} is none of {', '.join(labels.LABELS)}")
        pairs[own] = name
    return pairs


def _print(found: "ScreenReport", rules: ScreenRules, folder: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_dict(found))
        return
    with standard_output() as file:
        screen = Screen(file)
        rows = [
            (label, kind, f"{count:,}") for (label, kind), count in sorted(found.counts.items())
        ]
        print_grid(screen, ("class", "doubt", ">images"), rows)
        if found.doubted:
            screen.print()
            shown = [
                (f"{one.doubt:.3f}", one.kind, one.label, one.detail, one.sha256[:_DIGITS])
                for one in found.doubted[:_SHOWN]
            ]
            print_grid(screen, (">doubt", "kind", "class", "the model says", "image"), shown)
    for hint in _hints(found, rules, folder):
        say(printable(hint))


def _hints(found: "ScreenReport", rules: ScreenRules, folder: str) -> Iterator[str]:
    yield f"{found.images:,} images by {found.model}, {found.scored:,} of them now"
    if found.unreadable:
        yield f"{found.unreadable:,} could not be read; figleaf clean says why"
    if found.not_screened:
        count = sum(found.not_screened.values())
        names = ", ".join(sorted(found.not_screened))
        yield (
            f"{count:,} images were not screened: {names} are no classes of figleaf's;"
            f" --as {min(found.not_screened)}=neutral, for example, says what they are"
        )
    if len(found.doubted) > _SHOWN:
        yield f"{len(found.doubted):,} images are doubted; --list FILE has all, ranked"
    if found.set_aside or found.brought_back:
        yield f"{found.set_aside:,} images were set aside, {found.brought_back:,} brought back"
        quoted = shlex.quote(folder)
        yield f"`figleaf restore {quoted} HASH` or `--reason screened` brings images back"
    elif found.doubted and not rules.quarantine:
        yield "they are listed for review and stay in use; --quarantine sets them aside"


def _as_dict(found: "ScreenReport") -> dict[str, Any]:
    return asdict(found) | {
        "counts": [
            {"class": label, "kind": kind, "images": count}
            for (label, kind), count in sorted(found.counts.items())
        ]
    }
