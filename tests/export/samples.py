"""A data set to export, collected for real, and the rows of one to compare."""

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

import figleaf
from figleaf.dataset.ledger import Ledger

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}

Fact = tuple[str, str | None, str | None, int, int, str]
"""SHA-256, class, part, width, height, format."""


def picture(seed: int, suffix: str = "jpg") -> bytes:
    """A small picture, different for each seed and no square."""
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 56 + seed % 5, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, FORMATS[suffix])
    return buffer.getvalue()


def folder_of(root: Path, folders: Iterable[str], each: int = 2) -> Path:
    """A folder of pictures: so many in each folder, all different, of three formats."""
    seed = 0
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for _ in range(each):
            suffix = list(FORMATS)[seed % len(FORMATS)]
            (root / folder / f"{seed}.{suffix}").write_bytes(picture(seed, suffix))
            seed += 1
    return root


def collected(out: Path, *sources: Path | str, root: Path | None = None) -> Path:
    """A data set of these sources."""
    rules = figleaf.CollectRules(workers=1, root=root)
    status = figleaf.collect(list(sources), out, rules=rules)
    assert not status.total.losses
    return out


def facts(folder: Path, parts: str = "part") -> set[Fact]:
    """What has to be the same of every image of a data set; `parts` says by which attribute."""
    with figleaf.Dataset(folder) as data:
        return {
            (row.sha256, row.label, getattr(row, parts), row.width, row.height, row.format)
            for row in data
        }


def files(folder: Path) -> dict[str, bytes]:
    """Path -> content of all files of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def split(folder: Path, parts: Mapping[str, str | None]) -> None:
    """Put images, by their SHA-256, into parts of figleaf's own split; None for no part."""
    with Ledger(folder, write=True) as ledger, ledger.run("split", {"seed": 7}, {}):
        (run,) = ledger.read("SELECT max(id) FROM runs")
        with ledger.transaction() as db:
            db.execute("DELETE FROM splits")
            for sha256, part in parts.items():
                if part is not None:
                    db.execute(
                        "INSERT INTO splits SELECT id, ?, ?, ? FROM images WHERE sha256 = ?",
                        (part, 1 if part == "train" else None, *run, bytes.fromhex(sha256)),
                    )


def leak(folder: Path) -> None:
    """Clean, and split so that what is the same picture all over is on two sides."""
    figleaf.clean(folder, rules=figleaf.CleanRules(off=("too_small",)))
    split(folder, {one: ("train", "test")[n % 2] for n, one in enumerate(hashes(folder))})
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        db.execute("UPDATE images SET pdq = (SELECT pdq FROM images WHERE id = 1), pdq_quality=100")
        db.execute("UPDATE clusters SET group_id = 1")


def relabel(folder: Path, sha256: str, label: str | None) -> None:
    """Give an image another class, or none."""
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        db.execute(
            "INSERT INTO labels (image_id, before, after, who, why, at)"
            " SELECT id, label, ?, 'a person', 'looked', 0 FROM images WHERE sha256 = ?",
            (label, bytes.fromhex(sha256)),
        )


def set_aside(folder: Path, sha256: str) -> None:
    """Quarantine an image."""
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        db.execute(
            "INSERT INTO quarantines (image_id, after, who, why, at)"
            " SELECT id, 'broken', 'clean', 'a test', 0 FROM images WHERE sha256 = ?",
            (bytes.fromhex(sha256),),
        )


def hashes(folder: Path) -> list[str]:
    """The images in use, in their order."""
    with figleaf.Dataset(folder) as data:
        return [row.sha256 for row in data]


def path_of(folder: Path, sha256: str) -> Path:
    """An image's file."""
    (found,) = (folder / "images" / sha256[:2]).glob(f"{sha256}.*")
    return found


def names_beside(folder: Path) -> set[str]:
    """What lies beside a folder, hidden names included."""
    return set(os.listdir(folder.parent))  # noqa: PTH208  # names alone
