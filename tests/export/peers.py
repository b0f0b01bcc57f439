"""Reads exports with the libraries that they are made for; run as a script.

In a process of its own, since they read the environment at import and leave files open. Prints the
part, the class and the SHA-256 of every image as JSON.

    python peers.py BUILDER FOLDER CACHE     `datasets`, by the name of its builder
    python peers.py webdataset FOLDER CACHE  `webdataset`, decoded by its own decoder
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Seen = tuple[str, str | int | None, str]


def by_datasets(builder: str, folder: str, cache: str) -> Iterator[Seen]:
    import datasets

    loaded = datasets.load_dataset(builder, data_dir=folder, cache_dir=cache)
    for part, data in loaded.items():
        feature = data.features["label"]
        if "image" in data.features:
            pictures = data["image"]
            assert all(min(image.size) > 0 for image in pictures)  # it decodes them
            data = data.cast_column("image", datasets.Image(decode=False))
        for row in data:
            label = row["label"]
            if isinstance(label, int) and hasattr(feature, "int2str"):
                label = feature.int2str(label)
            yield str(part), label, hashlib.sha256(content(row, folder)).hexdigest()


def content(row: dict[str, Any], folder: str) -> bytes:
    if "image" not in row:
        return Path(folder, row["path"]).read_bytes()
    data: bytes | None = row["image"]["bytes"]
    return data if data is not None else Path(row["image"]["path"]).read_bytes()


def by_webdataset(folder: str) -> Iterator[Seen]:
    import webdataset

    for shard in sorted(Path(folder).rglob("*.tar")):
        source = webdataset.WebDataset(str(shard), shardshuffle=False)
        samples = source.decode("pil").to_tuple("jpg;png;webp", "cls", "json")
        for image, number, described in samples:
            assert image.size == (described["width"], described["height"])
            name = (shard.parent / "classes.txt").read_text("utf-8").splitlines()[number]
            assert name == described["label"]
            yield shard.parent.name, name, described["sha256"]


if __name__ == "__main__":
    library, folder, cache = sys.argv[1:]
    read = by_webdataset(folder) if library == "webdataset" else by_datasets(*sys.argv[1:])
    print(json.dumps(sorted(read)))
