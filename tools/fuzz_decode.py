"""Fuzz the decoder: whatever the bytes, `decode` returns a picture or raises ImageError.

Every picture that comes out is also resized for each embedded model, as classifying it would.

    pip install atheris            # not a dependency of figleaf
    python tools/fuzz_decode.py --seconds 600 [--corpus FOLDER] [--keep FOLDER]

The seeds are small generated images of every format that Pillow can write, and the files of
--corpus up to 64 KB. Any other exception, a warning, an insane array, more than 2 GB or an input of
more than 10 seconds is a finding: atheris prints it and writes the input to the current folder.
When a C library takes the process down, the input is in --last.
"""

import argparse
import io
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path

import atheris
import numpy as np
from numpy.typing import NDArray

with atheris.instrument_imports(include=["figleaf", "PIL", "pi_heif"]):
    from PIL import Image

    from figleaf.errors import ImageError, Status
    from figleaf.images import Limits, Picture, decode
    from figleaf.models import card, preprocess

last_input: io.FileIO | None = None

LIMITS = Limits(max_bytes=2**20, max_pixels=2**20)
LARGEST_SEED = 64 * 1024

SEEDS: list[tuple[str, str, dict[str, object]]] = [
    ("RGB", "JPEG", {}),
    ("RGB", "JPEG", {"progressive": True}),
    ("L", "JPEG", {}),
    ("CMYK", "JPEG", {}),
    ("RGB", "PNG", {}),
    ("RGBA", "PNG", {}),
    ("P", "PNG", {"transparency": 0}),
    ("LA", "PNG", {}),
    ("I;16", "PNG", {}),
    ("1", "PNG", {}),
    ("RGB", "WEBP", {}),
    ("RGBA", "WEBP", {"lossless": True}),
    ("RGB", "AVIF", {}),
    ("RGBA", "AVIF", {}),
    ("RGB", "BMP", {}),
    ("P", "BMP", {}),
    ("P", "GIF", {}),
    ("RGB", "TIFF", {}),
    ("I;16", "TIFF", {}),
    ("F", "TIFF", {}),
    ("1", "TIFF", {"compression": "group4"}),
    ("RGB", "TIFF", {"compression": "tiff_lzw"}),
    ("RGB", "TIFF", {"compression": "jpeg"}),
    ("CMYK", "TIFF", {"compression": "tiff_adobe_deflate"}),
]


def main() -> None:
    arguments, rest = parse()
    with tempfile.TemporaryDirectory() as scratch:
        corpus = arguments.keep or Path(scratch)
        corpus.mkdir(parents=True, exist_ok=True)
        write_seeds(corpus)
        if arguments.corpus:
            copy_seeds(arguments.corpus, corpus)
        options = [
            f"-max_total_time={arguments.seconds}",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-max_len=65536",
            # Die at once: after heap corruption libFuzzer's own report can hang for ever.
            "-handle_abrt=0",
            "-handle_segv=0",
        ]
        global last_input
        last_input = io.FileIO(arguments.last, "w")
        # A warning is a finding: none may leave decode.
        warnings.simplefilter("error")
        atheris.Setup([sys.argv[0], *options, *rest, str(corpus)], check)
        atheris.Fuzz()


def parse() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, help="more seeds: a folder, searched through")
    parser.add_argument("--last", type=Path, default=Path("fuzz-last-input"))
    parser.add_argument("--keep", type=Path, help="keep the grown corpus here")
    return parser.parse_known_args()  # the rest is for libFuzzer


def check(data: bytes) -> None:
    if last_input is not None:
        last_input.seek(0)
        last_input.truncate()
        last_input.write(data)
    at_least = (16, 16) if len(data) % 2 else None
    try:
        picture = decode(data, limits=LIMITS, at_least=at_least)
    except ImageError as error:
        check_error(error)
    else:
        check_picture(picture)
        for spec in model_inputs():
            check_prepared(preprocess.prepare(picture.pixels, spec), spec)


def check_error(error: ImageError) -> None:
    assert error.status is not Status.OK
    assert error.reason
    assert "\n" not in error.reason
    assert " at 0x" not in error.reason


def check_picture(picture: Picture) -> None:
    height, width, channels = picture.pixels.shape
    assert picture.pixels.dtype == np.uint8
    assert channels == 3
    assert 0 < height <= picture.height
    assert 0 < width <= picture.width
    assert picture.width * picture.height <= LIMITS.max_pixels


@cache
def model_inputs() -> tuple[card.Input, ...]:
    """What the embedded models take, each way once."""
    cards = sorted((Path(card.__file__).parent / "zoo").glob("*/card.json"))
    assert cards
    return tuple({spec for path in cards for spec in card.read_card(path).inputs})


def check_prepared(prepared: NDArray[np.float32], spec: card.Input) -> None:
    assert prepared.shape == (*spec.size, 3)
    assert prepared.dtype == np.float32
    assert 0 <= prepared.min() <= prepared.max() <= 255  # false for NaN


def write_seeds(folder: Path) -> None:
    base = Image.effect_mandelbrot((24, 16), (-2, -1.2, 1, 1.2), 20).convert("RGB")
    for index, (mode, name, options) in enumerate(SEEDS):
        image = base.convert("L").convert(mode) if mode in ("I;16", "F") else base.convert(mode)
        exif = Image.Exif()
        exif[0x0112] = index % 8 + 1
        with io.BytesIO() as stream:
            if name in ("BMP", "GIF"):
                image.save(stream, name, **options)
            else:
                image.save(stream, name, exif=exif, **options)
            (folder / f"seed-{index}").write_bytes(stream.getvalue())


def copy_seeds(source: Path, folder: Path) -> None:
    for index, path in enumerate(sorted(source.rglob("*"))):
        if path.is_file() and path.stat().st_size <= LARGEST_SEED:
            (folder / f"corpus-{index}").write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
