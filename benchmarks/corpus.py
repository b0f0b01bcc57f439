"""A folder of JPEG photos of known size and weight, made from crops of safe pictures.

    python -m benchmarks.corpus OUT                                  1,000 photos, 500x375, ~110 KB
    python -m benchmarks.corpus OUT --from DIR                       out of the pictures in DIR
    python -m benchmarks.corpus OUT --size 1000x750 --bytes 360000   larger ones

Without --from the pictures are the photos that the scikit-image and scikit-learn wheels ship. The
same sources, settings, Pillow and NumPy give the same bytes.
"""

import argparse
import importlib.util
import io
import json
import random
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_MANIFEST = "corpus.json"
_MOST_GRAIN = 16

# Photos only: the wheels also ship line drawings, scanned text and test charts.
_SHIPPED = {
    "skimage": (
        "data/astronaut.png",
        "data/brick.png",
        "data/camera.png",
        "data/chelsea.png",
        "data/coffee.png",
        "data/coins.png",
        "data/grass.png",
        "data/gravel.png",
        "data/hubble_deep_field.jpg",
        "data/motorcycle_left.png",
        "data/motorcycle_right.png",
        "data/rocket.jpg",
    ),
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
}


class CorpusError(Exception):
    """The corpus cannot be made; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the corpus is to be.

    `size` is (width, height) in pixels; every third photo is upright and has it turned.
    `target_bytes` is aimed at by choosing the JPEG quality within `qualities`, both ends included,
    and after that by adding grain.
    """

    count: int = 1000
    size: tuple[int, int] = (500, 375)
    target_bytes: int = 110_000
    qualities: tuple[int, int] = (90, 95)
    seed: int = 20


DEFAULTS = Settings()


@dataclass(frozen=True, slots=True)
class Corpus:
    """A finished folder: its photos, sorted by name, and their bytes in all."""

    folder: Path
    photos: tuple[Path, ...]
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Crop:
    """One photo to make: its number, the picture it comes from, and its own random seed."""

    number: int
    picture: Path
    seed: str


def make(folder: Path, pictures: Sequence[Path], settings: Settings) -> Corpus:
    """Write the corpus into `folder`, or reuse it if the same settings made it before.

    Raises:
        CorpusError: there is no picture to crop, or `folder` holds something else.
    """
    wanted = _manifest(pictures, settings)
    manifest = folder / _MANIFEST
    if manifest.is_file() and json.loads(manifest.read_text()) == wanted:
        return read(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise CorpusError(f"{folder} is not empty and not this corpus; name another folder")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for picture, crops in _by_picture(_plan(pictures, settings)):
        with Image.open(picture) as opened:
            pixels = opened.convert("RGB")
        for crop in crops:
            photo = part / f"photo-{crop.number:05}.jpg"
            photo.write_bytes(_encode(_cut(pixels, crop, settings), crop, settings))
    (part / _MANIFEST).write_text(json.dumps(wanted))
    part.replace(folder)
    return read(folder)


def read(folder: Path) -> Corpus:
    """Take an existing folder of pictures as it is, its subfolders included."""
    photos = tuple(sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES))
    if not photos:
        raise CorpusError(f"{folder} holds no {', '.join(sorted(_SUFFIXES))} file")
    return Corpus(folder, photos, sum(path.stat().st_size for path in photos))


def shipped_pictures() -> list[Path]:
    """The photos in the installed scikit-image and scikit-learn wheels."""
    found = []
    for package, names in _SHIPPED.items():
        spec = importlib.util.find_spec(package)
        for root in (spec and spec.submodule_search_locations) or ():
            found += [path for name in names if (path := Path(root, name)).is_file()]
    if not found:
        raise CorpusError("no pictures: pip install scikit-image scikit-learn, or give --from DIR")
    return found


def pictures_in(folder: Path) -> list[Path]:
    """The files under `folder` that Pillow can identify, sorted."""
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _SUFFIXES]
    found = [path for path in found if _pixel_count(path)]
    if not found:
        raise CorpusError(f"{folder} holds no picture that Pillow can identify")
    return found


def default_corpus(work: Path, source: Path | None, settings: Settings = DEFAULTS) -> Corpus:
    """The corpus of `settings` in a folder of its own under `work`, made at the first call."""
    pictures = pictures_in(source) if source else shipped_pictures()
    width, height = settings.size
    origin = source.name if source else "shipped"
    name = f"corpus-{origin}-{settings.count}-{width}x{height}-{settings.target_bytes}"
    return make(work / f"{name}-{settings.seed}", pictures, settings)


def _manifest(pictures: Sequence[Path], settings: Settings) -> dict[str, object]:
    # Through JSON, so that it compares equal to what is read back (tuples become lists).
    named = {
        "settings": asdict(settings),
        "pictures": [[path.name, path.stat().st_size] for path in pictures],
        "made_with": [PIL.__version__, np.__version__],
    }
    result: dict[str, object] = json.loads(json.dumps(named))
    return result


def _plan(pictures: Sequence[Path], settings: Settings) -> list[Crop]:
    """Choose a picture for each photo, a larger one more often as it has more to give."""
    chance = random.Random(settings.seed)
    weights = [_pixel_count(path) for path in pictures]
    chosen = chance.choices(pictures, weights, k=settings.count)
    return [Crop(n, path, f"{settings.seed}/{n}") for n, path in enumerate(chosen)]


def _by_picture(crops: Iterable[Crop]) -> list[tuple[Path, list[Crop]]]:
    """Crops grouped by picture, so that each picture is decoded once."""
    groups: dict[Path, list[Crop]] = defaultdict(list)
    for crop in crops:
        groups[crop.picture].append(crop)
    return sorted(groups.items())


def _cut(picture: Image.Image, crop: Crop, settings: Settings) -> Image.Image:
    """Cut a random rectangle of the wanted aspect and bring it to the wanted size."""
    width, height = settings.size if crop.number % 3 else settings.size[::-1]
    largest = min(picture.width / width, picture.height / height)
    chance = random.Random(crop.seed)
    # A photo has at most about two source pixels for one of its own: a crop of the whole of a
    # large picture would be smoother than what a camera or a web site delivers.
    scale = chance.uniform(1, min(largest, 2)) if largest > 1 else largest * chance.uniform(0.9, 1)
    left = chance.uniform(0, picture.width - width * scale)
    top = chance.uniform(0, picture.height - height * scale)
    box = (left, top, left + width * scale, top + height * scale)
    return picture.resize((width, height), Image.Resampling.LANCZOS, box=box)


def _encode(photo: Image.Image, crop: Crop, settings: Settings) -> bytes:
    """The JPEG whose size is nearest to the target.

    Among the allowed qualities, and where even the best is too small (a picture that was smooth, or
    compressed before), with as much grain as a camera's sensor adds in less and less light.
    """
    lowest, highest = settings.qualities
    ladder = [(quality, 0) for quality in range(lowest, highest + 1)]
    ladder += [(highest, grain) for grain in range(1, _MOST_GRAIN + 1)]
    tried: list[bytes] = []
    low, high = 0, len(ladder) - 1
    while low <= high:
        step = (low + high) // 2
        quality, grain = ladder[step]
        tried.append(_jpeg(_grainy(photo, grain, crop.number) if grain else photo, quality))
        if len(tried[-1]) < settings.target_bytes:
            low = step + 1
        else:
            high = step - 1
    return min(tried, key=lambda encoded: abs(len(encoded) - settings.target_bytes))


def _grainy(photo: Image.Image, strength: int, seed: int) -> Image.Image:
    """Add Gaussian noise of this standard deviation (of 255), the same in all three channels."""
    noise = np.random.default_rng(seed).standard_normal((photo.height, photo.width, 1), np.float32)
    pixels = np.asarray(photo, np.float32) + noise * strength
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _jpeg(photo: Image.Image, quality: int) -> bytes:
    with io.BytesIO() as buffer:
        photo.save(buffer, format="JPEG", quality=quality)
        return buffer.getvalue()


def _pixel_count(path: Path) -> int:
    """Width times height, or 0 if Pillow cannot tell."""
    try:
        with Image.open(path) as picture:
            return picture.width * picture.height
    except (UnidentifiedImageError, OSError):
        return 0


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="the folder to write, new or empty")
    parser.add_argument("--from", dest="source", type=Path, help="a folder of pictures to crop")
    parser.add_argument("--count", type=int, default=DEFAULTS.count)
    parser.add_argument("--size", type=_size, default=DEFAULTS.size, metavar="WIDTHxHEIGHT")
    parser.add_argument("--bytes", type=int, default=DEFAULTS.target_bytes, help="aimed at, a file")
    parser.add_argument("--seed", type=int, default=DEFAULTS.seed)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    settings = Settings(options.count, options.size, options.bytes, seed=options.seed)
    try:
        pictures = pictures_in(options.source) if options.source else shipped_pictures()
        corpus = make(options.out, pictures, settings)
    except CorpusError as error:
        print(f"corpus: {error}", file=sys.stderr)
        return 1
    mean = corpus.total_bytes / len(corpus.photos)
    print(f"{len(corpus.photos)} photos, {mean / 1000:.0f} KB each on average")
    return 0


if __name__ == "__main__":
    sys.exit(main())
