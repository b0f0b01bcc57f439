"""Pillow and pdqhash, the reference's own code: pictures decoded in full and hashed.

    python -m benchmarks.runners.pdqhash_runner LIST --processes 2

LIST has a path a line. For each picture the SHA-256 of its file, the PDQ hash and that of its
mirror image; in a pool of processes, which is what a short script for the job has. The last line of
standard output says how many there were.
"""

import argparse
import hashlib
import io
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pdqhash
from numpy.typing import NDArray
from PIL import Image, ImageOps

_CHUNK = 16


def hashed(path: str) -> tuple[str, bytes, bytes]:
    data = Path(path).read_bytes()
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    pixels = np.asarray(image)
    upright, _ = pdqhash.compute(pixels)
    mirrored, _ = pdqhash.compute(np.ascontiguousarray(pixels[:, ::-1]))
    return hashlib.sha256(data).hexdigest(), _bytes(upright), _bytes(mirrored)


def _bytes(bits: NDArray[np.uint8]) -> bytes:
    return np.packbits(bits).tobytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("list", type=Path)
    parser.add_argument("--processes", type=int, required=True)
    options = parser.parse_args()
    paths = options.list.read_text("utf-8").splitlines()
    with Pool(options.processes) as pool:
        print(sum(1 for _ in pool.imap_unordered(hashed, paths, _CHUNK)))


if __name__ == "__main__":
    main()
