"""Data sets with labels that are known to be wrong."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import figleaf
from figleaf.curate.splitting.rules import SplitRules

from ..sources.collecting import collected

TINTS = {"blau": (0, 0, 150), "grün": (0, 150, 0), "붉은": (150, 0, 0)}


def tinted(label: str, seed: int, side: int = 72) -> bytes:
    """A JPEG of smooth noise with more of a class's colour."""
    random = np.random.default_rng([seed, *label.encode()])
    noise = random.integers(0, 106, (8, 8, 3)) + np.array(TINTS[label])
    small = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
    return _jpeg(small.resize((side, side), Image.Resampling.BICUBIC))


def stranger(seed: int, side: int = 72) -> bytes:
    """A JPEG of hard black and white shapes, which no class has."""
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y = (int(one) for one in random.integers(0, side - 16, 2))
        draw.rectangle((x, y, x + 14, y + 14), fill="black")
    return _jpeg(picture)


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    return buffer.getvalue()


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Files by their paths below a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def right(count: int) -> dict[str, bytes]:
    """So many pictures of each class, in their classes."""
    return {
        f"{label}/{label}{seed:03}.jpg": tinted(label, seed)
        for label in TINTS
        for seed in range(count)
    }


def data_set(root: Path, files: Mapping[str, bytes], **rules: Any) -> Path:
    """Collected, cleaned and split."""
    folder = root / "data"
    collected(written(root / "source", files), folder)
    figleaf.clean(folder, workers=1)
    figleaf.split(folder, rules=SplitRules(**rules))
    return folder


def names(folder: Path) -> dict[str, str]:
    """SHA-256 -> the name of the file that an image was collected from."""
    with figleaf.Dataset(folder) as data:
        return {row.sha256: Path(row.origins[0]).name for row in data}


def classes(folder: Path) -> dict[str, str | None]:
    """The name of the file -> the class that the image has."""
    with figleaf.Dataset(folder) as data:
        return {Path(row.origins[0]).name: row.label for row in data}


def parts(folder: Path) -> dict[str, str | None]:
    """The name of the file -> the part of the split."""
    with figleaf.Dataset(folder) as data:
        return {Path(row.origins[0]).name: row.split for row in data}
