"""Reads folders and shards with the libraries that they belong to; run as a script.

In a process of its own, since they read the environment at import and leave files open:

    python peers.py imagefolder FOLDER CACHE     split, label, SHA-256 of the pixels
    python peers.py webdataset SHARD...          key and suffix, label, SHA-256 of the bytes
"""

import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Rows = list[tuple[str | None, str | None, str]]


def pixels(data: bytes) -> str:
    """A hash of a picture's pixels."""
    with Image.open(io.BytesIO(data)) as image:
        return hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()


def image_folder(root: str, cache: str) -> Rows:
    import datasets

    loaded = datasets.load_dataset("imagefolder", data_dir=root, cache_dir=cache)
    rows: Rows = []
    for split, data in loaded.items():
        feature = data.features.get("label")
        for row in data.cast_column("image", datasets.Image(decode=False)):
            label = row.get("label")
            if isinstance(label, int) and hasattr(feature, "int2str"):
                label = feature.int2str(label)
            rows.append((str(split), label, pixels(content(row["image"]))))
    return rows


def content(image: dict[str, Any]) -> bytes:
    data: bytes | None = image["bytes"]
    return data if data is not None else Path(image["path"]).read_bytes()


def shards(*paths: str) -> Rows:
    import webdataset

    rows: Rows = []
    for row in webdataset.WebDataset(list(paths), shardshuffle=False):
        form = "png" if "png" in row else "jpg"
        label = row["cls"].decode() if "cls" in row else json.loads(row["json"])["label"]
        rows.append((f"{row['__key__']}.{form}", label, hashlib.sha256(row[form]).hexdigest()))
    return rows


if __name__ == "__main__":
    library, *arguments = sys.argv[1:]
    found = image_folder(*arguments) if library == "imagefolder" else shards(*arguments)
    print(json.dumps(found))
