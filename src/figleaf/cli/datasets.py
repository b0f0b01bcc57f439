"""`figleaf status`, and how plans and data sets are shown."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figleaf.cli.grid import print_grid
from figleaf.cli.terminal import Encoded, Screen, say, standard_output
from figleaf.dataset.records import State

if TYPE_CHECKING:
    from figleaf.dataset.status import ClassStatus, DatasetStatus
    from figleaf.sources.vetting.plan import Plan, Row


def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A data set.")],
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Show where a data set stands: images by class, what is pending, what was lost and why.

    Example: figleaf status my-data
    """
    from figleaf.dataset.dataset import Dataset  # no other command waits for it

    with Dataset(folder) as data:
        found = data.status()
    print_status(found, as_json=as_json)


def print_status(found: "DatasetStatus", *, as_json: bool) -> None:
    """Print images, bytes and losses by class."""
    if as_json:
        print_json({"classes": [_as_dict(one) for one in found.classes]})
        return
    rows = [_row(one.label or "no class", one) for one in found.classes]
    if len(rows) > 1:
        rows.append(_row("in all", found.total))
    head = ("class", ">images", ">size", ">named", ">pending", ">lost", "by cause")
    with standard_output() as file:
        print_grid(Screen(file), head, rows)
    if found.total.items[State.PENDING]:
        say("some are still pending: the same command goes on")
    if found.retryable:
        say(
            f"{found.retryable:,} failed for reasons that may pass: --retry failed tries them again"
        )


def _row(name: str, one: "ClassStatus") -> tuple[str, ...]:
    causes = ", ".join(f"{reason} {count:,}" for reason, count in one.losses.most_common())
    lost = one.items[State.FAILED] + one.items[State.REFUSED]
    return (
        name,
        f"{one.images:,}",
        size(one.size),
        f"{one.items.total():,}",
        f"{one.items[State.PENDING]:,}",
        f"{lost:,}",
        causes,
    )


def print_plan(found: "Plan", *, as_json: bool) -> None:
    """Print what would be collected, by category."""
    if as_json:
        print_json({"hosts": found.hosts, "rows": [_planned(row) for row in found.rows]})
        return
    head = ("source", "category", ">items", ">hosts", "class", ">denied", "why")
    rows = [
        (
            row.source,
            row.category or "-",
            f"{row.items:,}",
            f"{row.hosts:,}" if row.hosts else "-",
            "denied" if row.denied else row.label or "-",
            f"{row.refused:,}" if row.refused else "-",
            row.why,
        )
        for row in found.rows
    ]
    with standard_output() as file:
        print_grid(Screen(file), head, rows)
    say(
        f"{found.items:,} named (hosts: {found.hosts:,}); {found.wanted:,} would be collected,"
        f" {found.unmapped:,} have no class (--map gives one), {found.refused:,} are denied"
    )


def _planned(row: "Row") -> dict[str, Any]:
    return {
        "source": row.source,
        "category": row.category,
        "items": row.items,
        "hosts": row.hosts,
        "label": row.label,
        "denied": row.denied.tier if row.denied else None,
        "denied_items": row.refused,
        "why": row.why,
    }


def size(count: int) -> str:
    """Bytes for people, in powers of a thousand: "7.1 GB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000  # type: ignore[assignment]  # a count becomes a measure
    return f"{count:.3g} TB"


def _as_dict(one: "ClassStatus") -> dict[str, Any]:
    return {
        "label": one.label,
        "images": one.images,
        "bytes": one.size,
        "items": {state: one.items[state] for state in State},
        "losses": dict(one.losses),
    }


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    with standard_output() as file:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        Encoded(file, "backslashreplace").write(text)
