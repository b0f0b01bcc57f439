"""Data sets to split: ledgers as collecting and cleaning leave them, and changes to them."""

import hashlib
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

import figleaf
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.quarantine import set_all_aside
from figleaf.dataset.records import Outcome, Stored
from figleaf.dataset.register import register

from ...dataset.samples import NOON, file, image, mapped, pending, python

Facts = dict[str, tuple[str | None, int | None]]
"""Name -> part and fold."""


def names(count: int, start: int = 0) -> list[str]:
    return [f"{number}.jpg" for number in range(start, start + count)]


def sha256(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def pdq(name: str, *, flipped: int = 0) -> bytes:
    """A hash that is far from those of other names, with its first bits flipped."""
    digest = hashlib.blake2b(name.encode(), digest_size=32).digest()
    mask = np.packbits(np.arange(256) < flipped)
    return bytes(np.frombuffer(digest, np.uint8) ^ mask)


def stored(name: str, **more: Any) -> Stored:
    return image(name, **({"pdq": pdq(name), "pdq_quality": 100} | more))


def collect(folder: Path, labels: Mapping[str, str | None], *, part: str = "", **more: Any) -> None:
    """Collect images of these names and classes, as one source with one part."""
    with Ledger(folder, write=True, clock=lambda: NOON) as ledger:
        entries = [(file(name, label, part=part), mapped(label)) for name, label in labels.items()]
        register(ledger, entries)
        apply(
            ledger,
            [
                Outcome(task.id, size=10, stored=(stored(task.locator, **more),))
                for task in pending(ledger)
            ],
        )


def film(folder: Path, name: str, label: str, frames: Iterable[str]) -> None:
    """Collect a moving picture of these frames."""
    with Ledger(folder, write=True, clock=lambda: NOON) as ledger:
        register(ledger, [(file(name, label), mapped(label))])
        (task,) = pending(ledger)
        found = tuple(stored(frame, seconds=float(at)) for at, frame in enumerate(frames))
        apply(ledger, [Outcome(task.id, size=10, stored=found)])


def clean(folder: Path, *groups: Iterable[str], **rules: Any) -> None:
    """Leave the ledger as `figleaf clean` does that finds these groups, and sets nothing aside."""
    leaders = {name: group[0] for group in map(list, groups) for name in group}
    ids = ids_of(folder)
    leader_of = {ids[name]: ids[leader] for name, leader in leaders.items()}
    with (
        Ledger(folder, write=True, clock=lambda: NOON) as ledger,
        ledger.run("clean", CleanRules(**rules).as_dict(), {}) as run,
        ledger.transaction() as db,
    ):
        for (one,) in db.execute("SELECT id FROM images").fetchall():
            row = (one, "ok", "", 40.0, pdq(f"{one} mirrored"), NOON)
            db.execute(
                "INSERT OR IGNORE INTO examinations"
                " (image_id, status, detail, spread, mirrored, at) VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
            leader = leader_of.get(one, one)
            db.execute("REPLACE INTO clusters VALUES (?, ?, ?, ?)", (one, leader, 0, leader))
        db.execute("REPLACE INTO compared VALUES (1, ?)", (run,))


def ids_of(folder: Path) -> dict[str, int]:
    """Name -> the id of the image whose bytes it is."""
    with Ledger(folder) as ledger:
        known = dict(ledger.read("SELECT sha256, id FROM images"))
        found = ledger.read("SELECT locator FROM locators")
    frames = [f"{name}#{number}" for (name,) in found for number in range(9)]
    every = [name for (name,) in found] + frames
    return {name: known[sha256(name)] for name in every if sha256(name) in known}


def places(folder: Path) -> Facts:
    """Where the split has each image that is in use, as `Row` says it."""
    by_hash = {sha256(name).hex(): name for name in ids_of(folder)}
    with figleaf.Dataset(folder) as data:
        return {by_hash.get(row.sha256, row.sha256): (row.split, row.fold) for row in data}


def change(folder: Path, statement: str, *values: Any) -> None:
    """Change a ledger behind figleaf's back."""
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        assert db.execute(statement, values).rowcount


def plant(folder: Path, image_sha256: bytes | str, part: str, fold: int | None = None) -> None:
    """Put an image into a part, whatever it belongs with."""
    digest = bytes.fromhex(image_sha256) if isinstance(image_sha256, str) else image_sha256
    change(
        folder,
        "INSERT OR REPLACE INTO splits SELECT id, ?, ?, (SELECT max(id) FROM runs WHERE command ="
        " 'split') FROM images WHERE sha256 = ?",
        part,
        fold,
        digest,
    )


def set_aside(folder: Path, images: Iterable[str], reason: str | None) -> None:
    """Set images aside, or bring them back."""
    ids = ids_of(folder)
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        changes = [(ids[name], reason, "a test") for name in images]
        set_all_aside(db, changes, who="clean", at=NOON)


def variants(photo: Path) -> dict[str, bytes]:
    """A photo as several files: bytes that differ, a picture that does not."""
    whole = Image.open(photo).convert("RGB").resize((192, 128))
    return {
        "original": _jpeg(whole),
        "recompressed": _jpeg(whole, quality=50),
        "mirrored": _jpeg(ImageOps.mirror(whole)),
        "bordered": _jpeg(ImageOps.expand(whole, 16, "white")),
    }


def _jpeg(picture: Image.Image, quality: int = 95) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def on_a_full_disk(folder: Path, call: str) -> str:
    """What a call of figleaf's raises where no file may grow beyond a few pages of the ledger."""
    program = f"""
        import resource, sys
        import figleaf
        resource.setrlimit(resource.RLIMIT_FSIZE, (33_000, 33_000))
        try:
            figleaf.{call}
        except Exception as error:
            print(type(error).__name__, error)
    """
    process = python(program, folder)
    said, _ = process.communicate(timeout=120)
    return said
