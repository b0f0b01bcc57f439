"""`figleaf collect`: sources to a data set."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from figleaf.cli.collecting import Collecting
from figleaf.cli.datasets import print_plan, print_status
from figleaf.cli.terminal import say
from figleaf.dataset.records import Reason
from figleaf.errors import DatasetError, InputError
from figleaf.images import Limits
from figleaf.sources.fetching.fetched import FetchRules
from figleaf.sources.readers.columns import Columns
from figleaf.sources.rules import CollectRules, FrameRule

NOTHING, INTERRUPTED = 3, 130

_RULES = CollectRules()
_FETCH = _RULES.fetch
_FAILED = "failed"


def collect(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            help="URL lists, list repositories, tables, folders, shards, data sets; LABEL=PATH"
            " gives a class. None: go on with what is pending.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The data set's folder.", show_default=False)
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
        int | None, typer.Option(min=1, help="Decoding processes; one a core.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The plan or the table as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")] = False,
) -> None:
    """Collect images into a data set; every URL and file gets an answer: kept, or why not.

    The same command again goes on where it stopped. Exit codes: 0 done, 2 wrong use, a source that
    cannot be read or a full disk, 3 done and not one image kept, 130 interrupted.

    Example: figleaf collect nsfw_data_scraper drawings=~/comics --out my-data
    """
    rules = CollectRules(
        categories=categories,
        exemption=exemption,
        blocklists=tuple(blocklists or ()),
        columns=Columns(url=url_column, path=path_column, label=label_column, split=split_column),
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
    # Imported late: no other command waits for what this one needs.
    from figleaf.sources import collect as stage

    if plan:
        if not sources:
            raise InputError("--plan needs a SOURCE to show the plan of")
        print_plan(stage.planned(sources, rules), as_json=as_json)
        return
    if out is None:
        raise InputError("--out DIR says where the data set is to be")
    reasons = _reasons(retry or [])
    try:
        with Collecting(shown=not quiet) as watch:
            found = stage.collect(
                sources or [], out, rules=rules, retry_reasons=reasons, watch=watch
            )
    except KeyboardInterrupt:
        say("figleaf: interrupted; what was done is kept, the same command goes on")
        _show(out, as_json=as_json)
        raise typer.Exit(INTERRUPTED) from None
    print_status(found, as_json=as_json)
    if not found.total.images:
        raise typer.Exit(NOTHING)


def _show(out: Path, *, as_json: bool) -> None:
    """The table of a run that was interrupted, where it got as far as a ledger."""
    from figleaf.dataset.dataset import Dataset

    with suppress(DatasetError), Dataset(out) as data:
        print_status(data.status(), as_json=as_json)


def _reasons(names: list[str]) -> list[Reason]:
    found: list[Reason] = []
    for name in names:
        if name == _FAILED:
            found += [reason for reason in Reason if reason.may_pass]
        elif name in set(Reason):
            found.append(Reason(name))
        else:
            known = ", ".join(Reason)
            raise InputError(f"cannot retry {name!r}: give {_FAILED} or a reason: {known}")
    return found
