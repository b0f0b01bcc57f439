"""`figleaf collect`: sources to a data set."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from figleaf import labels
from figleaf.cli.collecting import Collecting
from figleaf.cli.datasets import print_plan, print_status, tell_matches
from figleaf.cli.interruption import INTERRUPTED
from figleaf.cli.options import QuietOption
from figleaf.cli.terminal import printable, quoted, say
from figleaf.dataset.records import Reason
from figleaf.errors import DatasetError, FigleafError, InputError
from figleaf.images import Limits
from figleaf.sources.fetching.fetched import FetchRules
from figleaf.sources.readers.columns import Columns
from figleaf.sources.rules import CollectRules, FrameRule

NOTHING = 3

_RULES = CollectRules()
_FETCH = _RULES.fetch
_FAILED = "failed"
_MOST_WORKERS = 256
_BY_RULES = frozenset({Reason.DENIED, Reason.UNMAPPED, Reason.BLOCKLISTED})
"""Reasons that no second try changes."""

_FIELDS = {
    "per_host_rate": "--rate",
    "the seconds between frames": "--every",
    "deadline": "--deadline",
    "contact": "--contact",
    "in_flight": "--in-flight",
}
"""What messages call the values of the rules: the option."""
_NAMED = re.compile(rf"\b({'|'.join(_FIELDS)})(?= must| or raise)")


def collect(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="URL lists, list repositories, tables, folders, shards, data sets; LABEL=PATH"
            " gives a class. None: go on with what is pending.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str | None,  # a Path would make the current folder of an empty one
        typer.Option(
            "--out", "-o", metavar="DIR", help="The data set's folder.", show_default=False
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be collected; nothing is fetched.")
    ] = False,
    retry: Annotated[
        list[str] | None,
        typer.Option(
            help="failed: what failed for a reason that may pass; or the name of a reason. Can be"
            " given again."
        ),
    ] = None,
    categories: Annotated[
        Path | None, typer.Option("--map", help="A TOML file: which category is which class.")
    ] = None,
    exemption: Annotated[
        Path | None, typer.Option("--exempt", help="A TOML file that lifts words of tier two.")
    ] = None,
    blocklists: Annotated[
        list[Path] | None,
        typer.Option("--blocklist", help="Hashes that must never be written; can be given again."),
    ] = None,
    url_column: Annotated[str | None, typer.Option(help="A table's column of URLs.")] = None,
    path_column: Annotated[str | None, typer.Option(help="A table's column of paths.")] = None,
    label_column: Annotated[str | None, typer.Option(help="A table's column of classes.")] = None,
    split_column: Annotated[str | None, typer.Option(help="A table's column of splits.")] = None,
    root: Annotated[
        Path | None, typer.Option(help="The folder that the paths in tables are relative to.")
    ] = None,
    frames: Annotated[
        int, typer.Option(min=0, help="Frames of a moving picture at most; 0 refuses them.")
    ] = _RULES.frames.most,
    every: Annotated[
        float, typer.Option(min=0.001, help="Seconds between two frames at least.")
    ] = _RULES.frames.every,
    min_bytes: Annotated[int, typer.Option(min=1, help="The smallest file.")] = _RULES.min_bytes,
    max_bytes: Annotated[
        int, typer.Option(min=1, help="The largest file.")
    ] = _RULES.limits.max_bytes,
    max_pixels: Annotated[
        int, typer.Option(min=1, help="The most pixels.")
    ] = _RULES.limits.max_pixels,
    in_flight: Annotated[int, typer.Option(min=1, help="Requests at once.")] = _FETCH.in_flight,
    per_host: Annotated[
        int, typer.Option(min=1, help="Requests at once to one host.")
    ] = _FETCH.per_host,
    rate: Annotated[
        float | None, typer.Option(help="Requests a second to one host.", show_default=False)
    ] = _FETCH.per_host_rate,
    deadline: Annotated[
        float, typer.Option(min=0.001, help="Seconds that one file may take.")
    ] = _FETCH.deadline,
    retries: Annotated[
        int, typer.Option(min=0, help="More tries at once for errors that pass.")
    ] = _FETCH.retries,
    contact: Annotated[
        str | None,
        typer.Option(help="A page or an address that hosts find in the User-Agent."),
    ] = None,
    no_robots: Annotated[
        bool, typer.Option("--no-robots", help="Do not ask for robots.txt, nor heed X-Robots-Tag.")
    ] = False,
    allow_loopback: Annotated[
        bool, typer.Option("--allow-loopback", help="Also fetch from this machine itself.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=_MOST_WORKERS, help="Decoding processes; one a core.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The plan or the table as JSON.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Collect images into a data set; every URL and file gets an answer: kept, or why not.

    The same command again goes on where it stopped. Exit codes: 0 done, 2 wrong use, a source that
    cannot be read or a full disk, 3 done and not one image kept, 130 interrupted.

    Example: figleaf collect nsfw_data_scraper drawings=~/comics --out my-data
    """
    with _naming_options():
        rules = CollectRules(
            categories=categories,
            exemption=exemption,
            blocklists=tuple(blocklists or ()),
            root=root,
            columns=Columns(
                url=url_column, path=path_column, label=label_column, split=split_column
            ),
            fetch=FetchRules(
                in_flight=in_flight,
                per_host=per_host,
                per_host_rate=rate,
                deadline=deadline,
                retries=retries,
                max_bytes=max_bytes,
                robots=not no_robots,
                no_ai=not no_robots,
                allow_loopback=allow_loopback,
                contact=contact or "",
            ),
            limits=Limits(max_bytes=max_bytes, max_pixels=max_pixels),
            min_bytes=min_bytes,
            frames=FrameRule(most=frames, every=every),
            workers=workers,
        )
    named = _sources(sources or [], rules)
    reasons = _reasons(retry or [])
    _warn_of_classes(categories)
    if plan:
        _plan(named, rules, out, reasons, as_json=as_json)
        return
    _collect(named, _folder(out, named), rules, reasons, quiet=quiet, as_json=as_json)


def _sources(sources: list[str], rules: CollectRules) -> list[str]:
    """The sources, if what is asked for makes sense with them or without."""
    if not all(sources):
        raise InputError("a SOURCE is empty: name a file or a folder, or leave it away")
    for option, given in (("--map", rules.categories), ("--exempt", rules.exemption)):
        if given is not None and not sources:
            raise InputError(
                f"{option} without a SOURCE: give the sources again, it applies to what they name"
            )
    return sources


def _folder(out: str | None, sources: list[str]) -> Path:
    """The data set's folder: without sources there must be one."""
    if not out:
        raise InputError("--out DIR says where the data set is to be")
    folder = Path(out)
    if not sources:
        from figleaf.dataset.ledger import FILE_NAME

        if not (folder / FILE_NAME).is_file():
            raise DatasetError(f"{folder}: no data set here to go on with; a SOURCE begins one")
    return folder


def _plan(
    sources: list[str],
    rules: CollectRules,
    out: str | None,
    reasons: list[Reason],
    *,
    as_json: bool,
) -> None:
    """Show the plan, and say what comes next."""
    # Imported late, here and below: no other command waits for what this one needs.
    from figleaf.sources import collect as stage

    if not sources:
        raise InputError("--plan needs a SOURCE to show the plan of")
    if reasons:
        raise InputError("--plan shows what sources name, --retry what a data set has: give one")
    found = stage.planned(sources, rules)
    print_plan(found, as_json=as_json)
    if not as_json:
        where = printable(quoted(out)) if out else "DIR"
        given = "without --plan, " if out else ""
        say(f"nothing was fetched or written; {given}--out {where} collects it")


def _collect(
    sources: list[str],
    out: Path,
    rules: CollectRules,
    reasons: list[Reason],
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Collect, and show where the data set stands, however it ends."""
    from figleaf.dataset.dataset import Dataset
    from figleaf.sources import collect as stage

    try:
        with _naming_options(), Collecting(shown=not quiet) as watch:
            found = stage.collect(sources, out, rules=rules, retry_reasons=reasons, watch=watch)
    except KeyboardInterrupt:
        say("figleaf: interrupted; what was done is kept, the same command goes on")
        with suppress(DatasetError), Dataset(out) as data:  # it may not have got as far as one
            print_status(data.status(), out, as_json=as_json, quiet=quiet)
        raise typer.Exit(INTERRUPTED) from None
    except FigleafError:
        with suppress(DatasetError), Dataset(out) as data:
            tell_matches(data.status(), out)
        raise
    print_status(found, out, as_json=as_json, quiet=quiet)
    if not found.total.images:
        raise typer.Exit(NOTHING)


@contextmanager
def _naming_options() -> Iterator[None]:
    """Call the values of the rules in messages what the command line calls them."""
    try:
        yield
    except InputError as error:
        text = _NAMED.sub(lambda found: _FIELDS[found[0]], str(error))
        raise InputError(text) from error


def _warn_of_classes(path: Path | None) -> None:
    """Name the classes of a map that may be misspelt."""
    if path is None:
        return
    from figleaf.sources.vetting.categories import NONE, load_categories
    from figleaf.sources.vetting.tables import read_rules

    load_categories(path)  # raises where the file is not valid
    table, _ = read_rules(path, "a map of categories")
    five = [label.name for label in labels.FIVE]
    if odd := sorted(set(table["categories"].values()) - {*five, NONE}):
        names = ", ".join(map(repr, odd))
        verb = "is no class" if len(odd) == 1 else "are no classes"
        say(
            printable(
                f"{path}: {names} {verb} of figleaf's ({', '.join(five)}); right only for classes"
                " of your own"
            )
        )


def _reasons(names: Sequence[str]) -> list[Reason]:
    found: list[Reason] = []
    for name in names:
        if name == _FAILED:
            found += [reason for reason in Reason if reason.may_pass]
        elif name in set(Reason) - _BY_RULES:
            found.append(Reason(name))
        else:
            known = ", ".join(reason for reason in Reason if reason not in _BY_RULES)
            raise InputError(
                f"cannot retry {name!r}: give {_FAILED} or one of {known}; what is denied, unmapped"
                " or blocklisted changes with its rules alone"
            )
    return found
