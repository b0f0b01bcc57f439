"""Builders of what the readers of sources are tested on: drawn pictures, lists, tables, shards."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from PIL import Image

from figleaf.dataset.records import Item


def picture(colour: int = 0, form: str = "JPEG") -> bytes:
    """The bytes of a small picture of one colour, 0..255."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (colour, 255 - colour, 128)).save(buffer, form)
    return buffer.getvalue()


def write(path: Path, content: str | bytes) -> Path:
    """A file with its folders; what is named .gz is packed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix in (".gz", ".tgz") else data)
    return path


def pictures(root: Path, names: Iterable[str]) -> Path:
    """A folder of pictures, all different."""
    for number, name in enumerate(names):
        write(root / name, picture(number % 256))
    return root


def list_repository(root: Path, lists: Mapping[str, Iterable[str]]) -> Path:
    """A checkout: path under raw_data -> URLs."""
    for name, urls in lists.items():
        write(root / "raw_data" / name, "".join(f"{url}\n" for url in urls))
    return root


def tar_bytes(members: Mapping[str, bytes], kind: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar file of regular members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def shard(path: Path, members: Mapping[str, bytes]) -> Path:
    """A tar shard, packed where it is named so."""
    return write(path, tar_bytes(members))


def rows(items: Iterable[Item]) -> list[tuple[str, str | None, str | None]]:
    """What most tests look at: name, label, part."""
    return [(item.name, item.label, item.part) for item in items]
