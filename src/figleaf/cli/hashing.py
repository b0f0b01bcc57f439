"""`figleaf hash`: what a file would be on an allow or a block list by."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from figleaf.classify.lists.entry import Entry, entry_of
from figleaf.classify.lists.hashlists import HashKind
from figleaf.cli.inputs import Inputs
from figleaf.cli.terminal import Encoded, printable, say, standard_output
from figleaf.cli.writers import to_json
from figleaf.images import Limits

FAILED = 3


class Kind(StrEnum):
    """The kinds of hashes that are computed."""

    SHA256 = HashKind.SHA256
    PDQ = HashKind.PDQ


def hash_files(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, folders, patterns, or -.")
    ],
    kinds: Annotated[
        list[Kind] | None,
        typer.Option("--kind", help="Can be given again; both by default.", show_default=False),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Go into the folders of folders.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file.")] = False,
) -> None:
    """Print what files are listed by: lines for an allow or a block list.

    Exit codes: 0 all were hashed, 2 wrong use, 3 some could not be read or are no pictures.

    Example: figleaf hash photo.jpg >> allowed.txt
    """
    wanted = [HashKind(kind) for kind in kinds or Kind]
    limits = Limits()
    inputs = Inputs(tuple(paths), (), recursive, limits.max_bytes)
    inputs.check()
    failed = False
    with standard_output() as file:
        for source in inputs:
            entry = entry_of(source, kinds=wanted, limits=limits)
            if as_json:
                file.write(to_json(_record(entry)) + b"\n")
            else:
                Encoded(file, "backslashreplace").write("".join(_lines(entry)))
            failed |= _complain(entry)
    if failed:
        raise typer.Exit(FAILED)


def _lines(entry: Entry) -> Iterator[str]:
    """Lines of a list; a name in one is a comment, and printable, so that it stays in its line."""
    name = printable(entry.input)
    if entry.sha256:
        yield f"sha256:{entry.sha256}  # {name}\n"
    if entry.pdq:
        mark = "# " if entry.is_vague else ""
        yield f"{mark}pdq:{entry.pdq.hex}  # {name}, quality {entry.pdq.quality}\n"


def _record(entry: Entry) -> dict[str, Any]:
    return {
        "input": entry.input,
        "status": str(entry.status),
        "reason": entry.reason,
        "sha256": entry.sha256,
        "pdq": entry.pdq.hex if entry.pdq else None,
        "quality": entry.pdq.quality if entry.pdq else None,
    }


def _complain(entry: Entry) -> bool:
    """Say on standard error what is missing; whether the file failed."""
    name = printable(entry.input)
    if entry.reason:
        say(f"figleaf: {name}: {entry.status}: {printable(entry.reason)}")
    if entry.is_vague:
        say(f"figleaf: {name}: too little detail for PDQ; list it by its SHA-256")
    return bool(entry.reason)
