"""`figleaf status`, and how plans and data sets are shown."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figleaf.cli.grid import print_grid
from figleaf.cli.listing import STDOUT, check_list, write_list
from figleaf.cli.options import JsonOption
from figleaf.cli.terminal import Screen, print_json, printable, quoted, say, standard_output
from figleaf.dataset.quarantine import OF_SAFETY
from figleaf.dataset.records import Reason, State
from figleaf.errors import InputError
from figleaf.report.tables import bytes_, counted

if TYPE_CHECKING:
    from figleaf.dataset.status import ClassStatus, DatasetStatus
    from figleaf.sources.vetting.plan import Plan, Row

_HOSTS = 5  # under the table of a plan
_WORDS = 3  # denied ones, in a row of it


def status(
    # A Path would make the current folder of an empty one.
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A data set.", show_default=False)],
    losses: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write all that gave no image, and why: .csv, .jsonl; - for stdout.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show where a data set stands: images by class, what is pending, what was lost and why.

    Example: figleaf status my-data
    """
    from figleaf.dataset.dataset import Dataset, Loss  # no other command waits for it

    if not folder:
        raise InputError("DIR is empty: name a data set's folder")
    check_list(losses, option="--losses", as_json=as_json)
    with Dataset(Path(folder)) as data:
        if losses is not None:
            write_list(data.losses(), Loss, losses, option="--losses")
        if losses != STDOUT:
            print_status(data.status(), data.folder, as_json=as_json)
        else:
            tell_matches(data.status(), data.folder)


def print_status(
    found: "DatasetStatus", folder: Path, *, as_json: bool, quiet: bool = False
) -> None:
    """Print images, bytes and losses by class; on stderr, what can be done about the losses.

    Args:
        found: where the data set stands.
        folder: the data set's.
        as_json: print it as JSON, without hints.
        quiet: do not say which command comes next.
    """
    if as_json:
        print_json(
            {
                "classes": [_as_dict(one) for one in found.classes],
                "set_aside": dict(found.set_aside),
                "conflicts": found.conflicts,
                "problems": [asdict(problem) for problem in found.problems],
            }
        )
    else:
        rows = [_row(one.label or "no class", one) for one in found.classes]
        if len(rows) > 1:
            rows.append(_row("in all", found.total))
        head = ("class", ">images", ">size", ">named", ">pending", ">lost", "by cause")
        with standard_output() as file:
            print_grid(Screen(file), head, rows)
        for hint in _hints(found, folder):
            say(printable(hint))
        if not quiet and _is_next(found, folder):
            say(printable(f"next: `figleaf clean {quoted(folder)} --dry-run`"))
    tell_matches(found, folder)


def tell_matches(found: "DatasetStatus", folder: Path) -> None:
    """Say on stderr that files matched a blocklist, and what not to do; nothing silences it."""
    from figleaf.sources.vetting.matches import MATCHES_FILE

    count = found.total.losses[Reason.BLOCKLISTED]
    if not count:
        return
    path = folder / MATCHES_FILE
    report = f"; what a report needs is in {path}" if path.exists() else ""
    say(
        printable(
            f"{counted(count, 'file', 'files')} matched a blocklist: do not open them, do not go on"
            f" collecting; docs/data-safety.md says what to do{report}"
        )
    )


def _hints(found: "DatasetStatus", folder: Path) -> Iterator[str]:
    """What can be done about what is pending, about the losses, and next."""
    total, here = found.total, quoted(folder)
    named = total.items.total()
    if pending := total.items[State.PENDING]:
        yield f"{pending:,} still pending: `figleaf collect --out {here}` goes on"
    if found.retryable:
        yield (
            f"{found.retryable:,} failed for reasons that may pass: --retry failed tries"
            f" {'it' if found.retryable == 1 else 'them'} again"
        )
    if unmapped := total.losses[Reason.UNMAPPED]:
        yield (
            f"{_warning(unmapped, named)}{unmapped:,} of {named:,} have no class (unmapped):"
            " --map FILE or LABEL=PATH gives one; name the source again"
        )
    if found.conflicts:
        images = counted(
            found.conflicts, "image has no class, since its", "images have no class, since their"
        )
        yield (
            f"{images} lists disagree about it; `figleaf clean {here}` lists"
            f" conflicts, `figleaf restore {here} HASH --label CLASS` settles each"
        )
    for reason, count in found.set_aside.items():
        images = counted(count, "image is", "images are")
        back = f"`figleaf restore {here}` brings {'it' if count == 1 else 'them'} back"
        yield f"{images} set aside: {reason}" + ("" if reason in OF_SAFETY else f"; {back}")
    for problem in found.problems:
        yield f"{problem.source}: {problem.kind}: {problem.count:,}"
    inside = total.losses[Reason.NOT_PUBLIC]
    if _is_half(inside, named):
        yield (
            f"{inside:,} of {named:,} have addresses that are not public, which are never fetched;"
            " only this machine's own (127.0.0.1, ::1) are, with --allow-loopback"
            " --retry not_public"
        )


def _is_next(found: "DatasetStatus", folder: Path) -> bool:
    """Whether cleaning comes next: all is collected, and nothing that should end the work."""
    total = found.total
    is_done = total.images and not total.items[State.PENDING]
    return bool(is_done and not total.losses[Reason.BLOCKLISTED] and not _is_cleaned(folder))


def _is_cleaned(folder: Path) -> bool:
    """Whether the data set was ever cleaned; a dry run changes nothing, and counts for nothing."""
    from figleaf.dataset.ledger import Ledger

    with Ledger(folder) as ledger:
        return bool(ledger.read("SELECT 1 FROM runs WHERE command = 'clean' LIMIT 1"))


def _warning(count: int, named: int) -> str:
    return "warning: " if _is_half(count, named) else ""


def _is_half(count: int, named: int) -> bool:
    """Whether it is half of all or more."""
    return count > 0 and 2 * count >= named


def _row(name: str, one: "ClassStatus") -> tuple[str, ...]:
    causes = ", ".join(f"{reason} {count:,}" for reason, count in one.losses.most_common())
    lost = one.items[State.FAILED] + one.items[State.REFUSED]
    return (
        name,
        f"{one.images:,}",
        bytes_(one.size),
        f"{one.items.total():,}",
        f"{one.items[State.PENDING]:,}",
        f"{lost:,}",
        causes,
    )


def print_plan(found: "Plan", *, as_json: bool) -> None:
    """Print what would be collected, by category; on stderr, what it comes to."""
    if as_json:
        print_json(_plan_as_dict(found))
        return
    head = ("source", "category", ">items", ">hosts", "class", ">denied", "why")
    rows = [_planned(row) for row in found.rows]
    one_source = len({row.source for row in found.rows}) < 2
    first = 1 if one_source else 0
    with standard_output() as file:
        screen = Screen(file)
        print_grid(screen, head[first:], [row[first:] for row in rows])
        if found.largest_hosts:
            largest = [(host, f"{count:,}") for host, count in found.largest_hosts[:_HOSTS]]
            screen.print()
            print_grid(screen, ("largest hosts", ">items"), largest)
    say(
        f"{found.items:,} named (hosts: {found.hosts:,}); {found.wanted:,} would be collected,"
        f" {found.unmapped:,} have no class, {found.refused:,} are denied"
    )
    if found.unmapped:
        mappable = any(row.unmapped and row.category for row in found.rows)
        gives = "--map FILE or LABEL=PATH" if mappable else "LABEL=PATH"
        warning = _warning(found.unmapped, found.items)
        say(f"{warning}{found.unmapped:,} of {found.items:,} have no class: {gives} gives one")


def _planned(row: "Row") -> tuple[str, ...]:
    why = row.why
    if row.denied:
        why = f"{row.denied.term!r} ({row.denied.group})"
    elif row.denied_items:
        words = ", ".join(map(repr, row.denied_words[:_WORDS]))
        more = ", ..." if len(row.denied_words) > _WORDS else ""
        why = f"{why}; {row.denied_items:,} denied: {words}{more}"
    return (
        row.source,
        row.category or "-",
        f"{row.items:,}",
        f"{row.hosts:,}" if row.hosts else "-",
        f"denied ({row.denied.tier})" if row.denied else row.label or "-",
        f"{row.refused:,}" if row.refused else "-",
        why,
    )


def _plan_as_dict(found: "Plan") -> dict[str, Any]:
    return {
        "hosts": found.hosts,
        "largest_hosts": [{"host": host, "items": count} for host, count in found.largest_hosts],
        "rows": [_row_as_dict(row) for row in found.rows],
    }


def _row_as_dict(row: "Row") -> dict[str, Any]:
    return {
        "source": row.source,
        "category": row.category,
        "items": row.items,
        "hosts": row.hosts,
        "label": row.label,
        "denied": row.denied.tier if row.denied else None,
        "denied_items": row.refused,
        "denied_words": list(row.denied_words),
        "why": row.why,
    }


def _as_dict(one: "ClassStatus") -> dict[str, Any]:
    return {
        "label": one.label,
        "images": one.images,
        "bytes": one.size,
        "items": {state: one.items[state] for state in State},
        "losses": dict(one.losses),
    }
