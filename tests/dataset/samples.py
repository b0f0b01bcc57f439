"""Items, decisions and images to put into ledgers, and programs that run beside a test."""

import hashlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.records import Decision, Item, Kind, Outcome, Reason, Stored, Task
from figleaf.dataset.register import register

NOON = 1_780_000_000.0

Entry = tuple[Item, Decision]


def url(name: str, listing: str = "urls.txt", *, category: str = "cats", **more: Any) -> Item:
    """A URL of the source "lists"."""
    locator = f"https://pictures.example/{name}"
    return Item(Kind.URL, locator, locator, "lists", listing, category=category, **more)


def file(path: str, label: str | None = None, **more: Any) -> Item:
    """A file of the source "folder"."""
    return Item(Kind.FILE, path, path.lstrip("/"), "folder", label=label, **more)


def mapped(label: str | None = "neutral") -> Decision:
    return Decision(label)


def unmapped(detail: str = "'cats' belongs to no class") -> Decision:
    return Decision(None, Reason.UNMAPPED, detail)


def denied(detail: str = "'bad' in its list") -> Decision:
    return Decision(None, Reason.DENIED, detail)


def denied_by_name(detail: str = "'bad' in its name", label: str | None = "neutral") -> Decision:
    return Decision(label, Reason.DENIED, detail, by_name=True)


def image(name: str, **more: Any) -> Stored:
    """An image whose bytes are its name."""
    data = name.encode()
    facts: dict[str, Any] = {"format": "jpeg", "width": 320, "height": 240} | more
    return Stored(hashlib.sha256(data).digest(), size=len(data), **facts)


def ledger_with(folder: Path, *entries: Entry, clock: float = NOON) -> Ledger:
    """A ledger that is open for writing, with these entries registered."""
    ledger = Ledger(folder, write=True, clock=lambda: clock)
    register(ledger, entries)
    return ledger


def in_memory() -> "TemporaryDirectory[str]":
    """A folder for a while, where there is no disk to wait for."""
    memory = Path("/dev/shm")
    return TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)


def pending(ledger: Ledger) -> list[Task]:
    return list(ledger.pending(*Kind))


def keep(ledger: Ledger, *names: str, **more: Any) -> None:
    """Let every pending item be fetched, and give these images (else one by its own locator)."""
    for task in pending(ledger):
        found = tuple(image(name, **more) for name in names or (task.locator,))
        apply(ledger, [Outcome(task.id, http_status=200, size=10, stored=found)])


def one(ledger: Ledger, query: str, *values: Any) -> Any:
    """The only row of a query; where it has one column, its value."""
    [row] = ledger.read(query, values)
    return row[0] if len(row) == 1 else row


def items(ledger: Ledger) -> dict[str, tuple[str, str | None, str | None]]:
    """State, reason and class of every item, by the end of its locator."""
    query = "SELECT locator, state, reason, label FROM items JOIN locators ON item_id = id"
    return {str(where).rpartition("/")[2]: tuple(rest) for where, *rest in ledger.read(query)}


def python(
    program: str, *arguments: object, prefix: Iterable[object] = ()
) -> "subprocess.Popen[str]":
    """Run a program beside the test; its input and output are pipes."""
    command = [*prefix, sys.executable, "-c", textwrap.dedent(program), *arguments]
    return subprocess.Popen(
        list(map(str, command)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line_of(process: "subprocess.Popen[str]") -> str:
    """The next line that a program prints."""
    assert process.stdout
    return process.stdout.readline()


def bytes_of(folder: Path) -> Iterable[tuple[str, bytes]]:
    """Every file of a data set's folder, by name."""
    return [(path.name, path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
