"""`figleaf screen`: images that a model doubts, before any training."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figleaf import labels
from figleaf.cli.grid import print_grid
from figleaf.cli.listing import STDOUT, check_list, write_list
from figleaf.cli.options import FastOption, Folder, JsonOption, QuietOption, naming_options
from figleaf.cli.phases import Phases, told_of_interruption
from figleaf.cli.terminal import Screen, print_json, printable, quoted, say, standard_output
from figleaf.curate.screening.rules import ScreenRules
from figleaf.dataset.labelling import LIKENESS
from figleaf.errors import InputError
from figleaf.report.tables import counted

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
    fast: FastOption = False,
    list_to: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Also write all that is doubted, ranked: .csv, .jsonl; - for stdout.",
        ),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
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
    check_list(list_to, option="--list", as_json=as_json)
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
    with _naming_as(rules), told_of_interruption(), Phases(shown=not quiet) as phases:
        found = run(folder, rules=rules, watch=Watch(phases.start, phases.done))
    if list_to is not None:
        write_list(found.doubted, Doubted, list_to, option="--list")
    if as_json:
        print_json(_as_dict(found))
        return
    if list_to != STDOUT and found.counts:
        _print(found)
    for hint in _hints(found, rules, folder, is_listed=list_to is not None):
        say(printable(hint))


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


@contextmanager
def _naming_as(rules: ScreenRules) -> Iterator[None]:
    """Call classes of one's own in messages what the command line calls them."""
    try:
        yield
    except InputError as error:
        for own in rules.same:
            if str(error).startswith(f"same={own!r}:"):
                named = str(error).replace(f"same={own!r}:", f"--as {own}:", 1)
                raise InputError(named) from error
        raise


def _print(found: "ScreenReport") -> None:
    with standard_output() as file:
        screen = Screen(file)
        rows = [
            (label, kind, f"{count:,}") for (label, kind), count in sorted(found.counts.items())
        ]
        print_grid(screen, ("class", "doubt", ">images"), rows)
        screen.print()
        shown = [
            (f"{one.doubt:.3f}", one.kind, one.label, one.detail, one.sha256[:_DIGITS])
            for one in found.doubted[:_SHOWN]
        ]
        print_grid(screen, (">doubt", "kind", "class", "the model says", "image"), shown)


def _hints(
    found: "ScreenReport", rules: ScreenRules, folder: str, *, is_listed: bool
) -> Iterator[str]:
    here = quoted(folder)
    images = counted(found.images, "image", "images")
    # Without the digits that say which images a class's looks were learnt from.
    model = found.model.partition(" like ")[0]
    before = found.images - found.scored
    yield f"{images} screened with {model}: {found.scored:,} scored now, {before:,} before"
    if found.unreadable:
        images = counted(found.unreadable, "image", "images")
        yield f"{images} could not be read; figleaf clean {here} says why"
    if found.not_screened:
        images = counted(sum(found.not_screened.values()), "image was", "images were")
        yield f"{images} not screened: {_why_not(found)}"
    if not found.counts:
        yield "nothing is doubted"
    if len(found.doubted) > _SHOWN and not is_listed:
        yield f"{len(found.doubted):,} images are doubted; --list FILE has all, ranked"
    if found.set_aside or found.brought_back:
        images = counted(found.set_aside, "image was", "images were")
        yield f"{images} set aside, {found.brought_back:,} brought back"
        yield f"`figleaf restore {here} HASH` or `--reason screened` brings images back"
    elif len(found.doubted) == 1 and not rules.quarantine:
        yield "it is listed for review and stays in use; --quarantine sets it aside"
    elif found.doubted and not rules.quarantine:
        yield "they are listed for review and stay in use; --quarantine sets them aside"
    if found.doubted:
        yield (
            f"right after all: figleaf restore {here} HASH --label ITS_CLASS;"
            " wrong: --label ANOTHER"
        )


def _why_not(found: "ScreenReport") -> str:
    """Why images of some classes were not screened."""
    from figleaf.curate.screening.unlike import LEAST

    names = ", ".join(sorted(found.not_screened))
    is_one = len(found.not_screened) == 1
    if found.who != LIKENESS:
        first = min(found.not_screened)
        return (
            f"{names} {'is no class' if is_one else 'are no classes'} of figleaf's;"
            f" --as {shlex.quote(f'{first}=neutral')}, for example, says what"
            f" {'it is' if is_one else 'they are'}"
        )
    if max(found.not_screened.values()) >= LEAST:
        few = f"fewer than {LEAST} images, or none that can be read"
    else:
        few = f"fewer than {LEAST} images"
    have = "has" if is_one else "have"
    return f"{names} {have} {few}, too few to say what the class looks like"


def _as_dict(found: "ScreenReport") -> dict[str, Any]:
    return asdict(found) | {
        "counts": [
            {"class": label, "kind": kind, "images": count}
            for (label, kind), count in sorted(found.counts.items())
        ]
    }
