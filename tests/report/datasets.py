"""A small data set of generated pictures, with images set aside for every reason."""

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.quarantine import Quarantine, set_aside
from figleaf.dataset.records import Kind, Outcome, Reason, Stored, Task
from figleaf.dataset.store import Store

from ..dataset.samples import NOON, file, ledger_with, mapped

HOSTILE = "</script><img src=x onerror=alert(1)>"
CLASSES = ("neutral", "옷", HOSTILE)
EACH = 4
WIDTH, HEIGHT = 96, 64
_LOST = "lost"


def picture(seed: int, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """A PNG of noise, different for each seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def data_set(
    folder: Path, classes: Iterable[str] = CLASSES, each: int = EACH, *, aside: bool = True
) -> Path:
    """Images of each class, one lost file, and an image set aside for each reason there is."""
    kept = [file(f"/{label}/{number}", label) for label in classes for number in range(each)]
    extra = [file(f"/aside/{reason}", "neutral") for reason in Quarantine if aside]
    lost = file(f"/{_LOST}", "neutral")
    with ledger_with(
        folder, *((one, mapped(one.label)) for one in [*kept, *extra, lost])
    ) as ledger:
        store = Store(folder)
        store.prepare()
        for number, task in enumerate(ledger.pending(*Kind)):
            apply(ledger, [_outcome(task, number, store)])
        with ledger.transaction() as db:
            for reason in Quarantine if aside else ():
                locator = f"/aside/{reason}"
                set_aside(db, _image(ledger, locator), reason, who="test", why="?", at=NOON)
    return folder


def split(folder: Path) -> None:
    """Put the images into three parts."""
    parts = "CASE id % 5 WHEN 0 THEN 'test' WHEN 1 THEN 'validation' ELSE 'train' END"
    query = f"INSERT INTO splits SELECT id, {parts}, NULL, ? FROM images"
    with (
        Ledger(folder, write=True) as ledger,
        ledger.run("split", {}, {}) as run,
        ledger.transaction() as db,
    ):
        db.execute(query, (run,))


def doubt(folder: Path) -> None:
    """List an image of either tool as doubtful."""
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        for who in ("screen", "likeness", "a tool to come"):
            db.execute("INSERT INTO doubts VALUES (1, ?, 'other_class', 0.9, '', 0)", (who,))


def _outcome(task: Task, number: int, store: Store) -> Outcome:
    if task.locator.endswith(_LOST):
        return Outcome(task.id, Reason.NOT_AN_IMAGE)
    data = picture(number)
    sha256 = hashlib.sha256(data).digest()
    store.put(data, sha256, "png")
    return Outcome(task.id, stored=(Stored(sha256, "png", WIDTH, HEIGHT, len(data)),))


def _image(ledger: Ledger, locator: str) -> int:
    query = "SELECT image_id FROM origins JOIN locators USING (item_id) WHERE locator = ?"
    return int(ledger.read(query, (locator,))[0][0])


def hash_of(folder: Path, reason: str) -> str:
    """The SHA-256, in hex, of an image that is set aside for a reason."""
    with Ledger(folder) as ledger:
        query = "SELECT sha256 FROM images WHERE quarantine = ?"
        return str(ledger.read(query, (reason,))[0][0].hex())
