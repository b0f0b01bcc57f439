"""Faults to plant among sound photos, each made of a photo of its own; seeded."""

import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

_HTML = b"<!DOCTYPE html><html><head><title>404</title></head><body>Not found</body></html>"
_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Planted:
    """A file with a fault.

    Attributes:
        kind: the fault, one of `FAULTS` or `DRAWING`.
        path: of the file.
        original: the photo that it was made of, which is there as well unless it was replaced.
    """

    kind: str
    path: Path
    original: Path


@dataclass(frozen=True, slots=True)
class Fault:
    """How a fault is made.

    Attributes:
        make: the file's bytes, of those of the original.
        suffix: what its name ends in.
        elsewhere: whether it is put into another class than its original.
        replaces: whether it takes the original's place.
    """

    make: Callable[[bytes], bytes]
    suffix: str = ".jpg"
    elsewhere: bool = False
    replaces: bool = False


def _opened(data: bytes) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")


def _saved(image: Image.Image, quality: int = _QUALITY) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _scaled(data: bytes, width: float, height: float) -> bytes:
    image = _opened(data)
    size = (max(1, round(image.width * width)), max(1, round(image.height * height)))
    return _saved(image.resize(size, Image.Resampling.LANCZOS))


def _bordered(data: bytes, share: float) -> bytes:
    image = _opened(data)
    border = max(2, round(min(image.size) * share))
    colour = ("black", "white")[len(data) % 2]
    return _saved(ImageOps.expand(image, border, colour))


def _cropped(data: bytes, share: float) -> bytes:
    image = _opened(data)
    left, top = round(image.width * share / 2), round(image.height * share / 2)
    return _saved(image.crop((left, top, image.width - left, image.height - top)))


def _strip(data: bytes) -> bytes:
    return _saved(_opened(data).resize((720, 90)))


def _plain(data: bytes) -> bytes:
    noise = np.random.default_rng(len(data))
    pixels = np.clip(noise.integers(0, 256, 3) + noise.normal(0, 1, (300, 400, 3)), 0, 255)
    return _saved(Image.fromarray(pixels.astype(np.uint8)))


FAULTS = {
    "renamed: a JPEG called .png": Fault(lambda data: data, ".png", replaces=True),
    "a web page called .jpg": Fault(lambda data: _HTML + str(len(data)).encode()),
    "truncated to 70 %": Fault(lambda data: data[: len(data) * 7 // 10]),
    "truncated after it was collected": Fault(lambda data: data, replaces=True),
    "32 pixels wide": Fault(lambda data: _saved(_opened(data).resize((32, 32)))),
    "a strip of 8 to 1": Fault(_strip),
    "one colour, with noise": Fault(_plain),
    "a placeholder of 161x81": Fault(lambda data: _saved(_opened(data).resize((161, 81)))),
    "recompressed at quality 50": Fault(lambda data: _saved(_opened(data), 50)),
    "resized to half": Fault(lambda data: _scaled(data, 0.5, 0.5)),
    "bordered by 5 % of the side": Fault(lambda data: _bordered(data, 0.05)),
    "bordered by 20 % of the side": Fault(lambda data: _bordered(data, 0.2)),
    "flipped": Fault(lambda data: _saved(ImageOps.mirror(_opened(data)))),
    "flipped, half, quality 50": Fault(
        lambda data: _saved(ImageOps.mirror(_opened(_scaled(data, 0.5, 0.5))), 50)
    ),
    "cropped by 5 %": Fault(lambda data: _cropped(data, 0.05)),
    "cropped by 10 %": Fault(lambda data: _cropped(data, 0.1)),
    "duplicated across classes": Fault(lambda data: data, elsewhere=True),
    "recompressed across classes": Fault(lambda data: _saved(_opened(data), 50), elsewhere=True),
}
LATER = "truncated after it was collected"
"""It is sound when it is collected; whoever plants it cuts it off in the data set."""
DRAWING = "a drawing among photos"


def plant(
    folder: Path, drawings: Sequence[Path], *, each: int, share: float, seed: int = 0
) -> list[Planted]:
    """Plant faults into a folder that has a folder of photos for each class.

    Args:
        folder: the photos'; files are added.
        drawings: as many as are needed are copied among the photos.
        each: how many of each fault.
        share: how many drawings, as a share of the photos.
        seed: another one takes other photos.
    """
    chance = random.Random(seed)
    photos = sorted(folder.rglob("*.jpg"))
    classes = sorted({path.parent for path in photos})
    chosen = chance.sample(photos, each * len(FAULTS))
    planted = []
    for number, (kind, fault) in enumerate(FAULTS.items()):
        for original in chosen[number * each : (number + 1) * each]:
            others = [path for path in classes if path != original.parent]
            home = chance.choice(others) if fault.elsewhere else original.parent
            path = home / f"{original.stem}-{number}{fault.suffix}"
            path.write_bytes(fault.make(original.read_bytes()))
            planted.append(Planted(kind, path, original))
            if fault.replaces:
                original.unlink()
    for source in chance.sample(drawings, round(share * len(photos))):
        path = chance.choice(classes) / f"{source.parent.name}-{source.name}"
        path.write_bytes(source.read_bytes())
        planted.append(Planted(DRAWING, path, source))
    return planted
