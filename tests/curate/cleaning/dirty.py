"""Pictures that are no use, or there twice, and data sets of them, collected for real."""

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image, ImageOps

from figleaf.curate.cleaning.clean import clean
from figleaf.curate.cleaning.report import CleanReport
from figleaf.curate.cleaning.rules import CleanRules
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.labelling import COLLECT
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.quarantine import set_aside

from ...dataset.samples import NOON
from ...sources.collecting import collected

Pixels = NDArray[np.uint8]


@cache
def picture(name: str, width: int = 256, height: int = 256) -> Image.Image:
    """One of scikit-image's, in small."""
    with Image.open(Path(skimage.data.data_dir) / name) as image:
        return image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def encoded(image: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def jpeg(name: str, width: int = 256, height: int = 256, quality: int = 90) -> bytes:
    return encoded(picture(name, width, height), quality=quality)


def grey(noise: int = 2) -> Image.Image:
    """One colour, with a little noise: as a JPEG of nothing has it."""
    random = np.random.default_rng(0).integers(-noise, noise + 1, (128, 128, 1))
    return Image.fromarray((np.full((128, 128, 3), 120) + random).astype(np.uint8))


ASTRONAUT, ROCKET = "astronaut.png", "rocket.jpg"

USELESS = {
    "neutral/small.png": encoded(picture("camera.png", 40, 90), "PNG"),
    "neutral/banner.jpg": jpeg("hubble_deep_field.jpg", 480, 80),
    "neutral/plain.jpg": encoded(grey()),
    "neutral/gone.png": encoded(picture("coins.png", 161, 81), "PNG"),
    "neutral/large.jpg": jpeg("coffee.png", 600, 400),
}
"""Each for one rule; "large" where the limit is lowered."""

TWICE = {
    "neutral/best.png": encoded(picture(ASTRONAUT), "PNG"),
    "neutral/again.jpg": jpeg(ASTRONAUT, quality=40),
    "neutral/little.jpg": jpeg(ASTRONAUT, 128, 128),
    "neutral/framed.jpg": encoded(ImageOps.expand(picture(ASTRONAUT), (40, 20), "white")),
    "neutral/mirror.jpg": encoded(ImageOps.mirror(picture(ASTRONAUT))),
}
"""All of one picture, "best" the best file."""

DISPUTED = {
    "neutral/rocket.png": encoded(picture(ROCKET), "PNG"),
    "drawings/rocket.jpg": jpeg(ROCKET, quality=50),
    "neutral/cat.jpg": jpeg("chelsea.png"),
    "drawings/cat.jpg": jpeg("chelsea.png"),
}
"""A picture in two classes as two files, and one as the same file."""

DIRTY = {"neutral/fine.jpg": jpeg("motorcycle_left.png")} | USELESS | TWICE | DISPUTED


def photos(root: Path, files: Mapping[str, bytes]) -> Path:
    """A folder of these files."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def data_set(folder: Path, files: Mapping[str, bytes]) -> Path:
    """These files, collected."""
    collected(photos(folder / "photos", files), folder / "data")
    return folder / "data"


def cleaned(out: Path, *, dry_run: bool = False, **rules: Any) -> CleanReport:
    return clean(out, rules=CleanRules(**rules), dry_run=dry_run, workers=1)


def reasons(out: Path) -> dict[str, str | None]:
    """Name of an image's first file -> why it is set aside."""
    with Dataset(out) as data:
        rows = [*data, *data.filter(quarantined=True)]
        return {name_of(row.origins[0]): row.quarantine for row in rows}


def aside(out: Path) -> dict[str, str | None]:
    """Those of `reasons` that are set aside."""
    return {name: reason for name, reason in reasons(out).items() if reason}


def dropped(report: CleanReport, out: Path) -> dict[str, str]:
    """Name -> reason, as the report has it."""
    names = hashes(out)
    return {names[one.sha256]: one.reason.value for one in report.drops}


def hashes(out: Path) -> dict[str, str]:
    """SHA-256 -> name of its first file."""
    with Dataset(out) as data:
        rows = [*data, *data.filter(quarantined=True)]
        return {row.sha256: name_of(row.origins[0]) for row in rows}


def hash_of(out: Path, name: str) -> str:
    return next(sha256 for sha256, found in hashes(out).items() if found == name)


def path_of(out: Path, name: str) -> Path:
    """An image's own file."""
    (found,) = out.glob(f"images/*/{hash_of(out, name)}.*")
    return found


def name_of(locator: str) -> str:
    """The folder and the name of a file."""
    return "/".join(Path(locator).parts[-2:])


def events(out: Path) -> list[tuple[Any, ...]]:
    """All events, of labels and of quarantines."""
    with Ledger(out) as ledger:
        return [
            *ledger.read("SELECT image_id, before, after, who, why FROM labels ORDER BY id"),
            *ledger.read("SELECT image_id, before, after, who, why FROM quarantines ORDER BY id"),
        ]


def table(out: Path, name: str) -> list[tuple[Any, ...]]:
    with Ledger(out) as ledger:
        return ledger.read(f"SELECT * FROM {name} ORDER BY 1")


def put_aside(out: Path, name: str, reason: str | None, who: str = "another tool") -> None:
    """Set an image aside, or bring it back, as others do."""
    digest = bytes.fromhex(hash_of(out, name))
    with Ledger(out, write=True) as ledger, ledger.transaction() as db:
        (image,) = db.execute("SELECT id FROM images WHERE sha256 = ?", (digest,)).fetchone()
        set_aside(db, image, reason, who=who, why="a test", at=NOON)


def relabel(out: Path, name: str, label: str | None, who: str = COLLECT) -> None:
    """Let somebody say what an image is."""
    with Ledger(out, write=True) as ledger, ledger.transaction() as db:
        db.execute(
            "INSERT INTO labels (image_id, before, after, who, why, at)"
            " SELECT id, label, ?, ?, 'a test', 0 FROM images WHERE sha256 = ?",
            (label, who, bytes.fromhex(hash_of(out, name))),
        )
