"""A folder in Hugging Face's layout: what is read of it, and the hash of each file that was."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from figleaf.errors import BundleError, ImportModelError
from figleaf.models.card import read_regular

CONFIG, PREPROCESSOR, README = "config.json", "preprocessor_config.json", "README.md"
ONNX = ("onnx/model.onnx", "model.onnx")
"""Where exporters put the graph in f32; the variants beside it are taken only by name."""
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
OUTSIDE = ("_data", ".data")
"""What is added to a graph's name for the file of its weights."""

_MAX_TEXT = 1 << 22
_MAX_FILE = 2**31 - 1
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")


class Layout:
    """The files of a folder, by their names in it, "onnx/model.onnx"."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hashes: dict[str, str] = {}
        """Of every file that was read."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.folder / name).is_file()

    def read(self, name: str, limit: int = _MAX_FILE) -> bytes:
        """A file's bytes.

        Raises:
            ImportModelError: there is no such file, it cannot be read, or it is too large.
        """
        if not self.has(name):
            raise ImportModelError(f"{self.folder}: has no {name}")
        try:
            data = read_regular(self.folder / name, limit)
        except BundleError as error:
            raise ImportModelError(str(error)) from error
        self.hashes[name] = hashlib.sha256(data).hexdigest()
        return data

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON object.

        Raises:
            ImportModelError: it is none, or has a key twice, of which readers take either.
        """
        try:
            value = json.loads(self.read(name, _MAX_TEXT), object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise ImportModelError(f"{self.folder / name}: not JSON ({error})") from error
        if not isinstance(value, dict):
            raise ImportModelError(f"{self.folder / name}: not a JSON object")
        return value

    def read_text(self, name: str) -> str:
        """A text, what is no UTF-8 in it replaced; empty where there is no such file."""
        return self.read(name, _MAX_TEXT).decode("utf-8", "replace") if self.has(name) else ""

    def names(self) -> list[str]:
        """Every file, in the order of its name."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in paths)


def choose(names: Iterable[str], onnx: str | None) -> str:
    """Which file of a layout holds the model.

    Args:
        names: of all its files.
        onnx: the one that was asked for, None for the usual.

    Returns:
        a graph, a file of safetensors, or the index of several.

    Raises:
        ImportModelError: there is none that can be taken; the message says what is there instead.
    """
    there = sorted(names)
    if onnx is not None:
        return _asked_for(there, onnx)
    for name in (*ONNX, WEIGHTS, INDEX):
        if name in there:
            return name
    if graphs := [name for name in there if name.endswith(".onnx")]:
        raise ImportModelError(
            f"there is no {ONNX[0]}, but {', '.join(graphs)}: say which, by --onnx {graphs[0]}"
        )
    if pickles := [name for name in there if name.endswith(_PICKLES)]:
        raise ImportModelError(
            f"the weights are in {pickles[0]}: a pickle, or a format that may hold one, runs any"
            " code that is in it when it is read. Take a safetensors or an ONNX file of the model"
        )
    raise ImportModelError(f"there is no {ONNX[0]}, {ONNX[1]} or {WEIGHTS}")


def belonging(names: Iterable[str], model: str) -> list[str]:
    """Those of a layout's files that are needed for a model: it, and what stands beside it."""
    needed = {model, CONFIG, PREPROCESSOR, README, *(f"{model}{end}" for end in OUTSIDE)}
    return sorted(name for name in names if name in needed)


def shards(index: dict[str, Any]) -> list[str]:
    """The files of weights that an index names.

    Raises:
        ImportModelError: it names none, or one elsewhere.
    """
    of_tensors = index.get("weight_map")
    if not isinstance(of_tensors, dict) or not of_tensors:
        raise ImportModelError(f"{INDEX}: has no 'weight_map'")
    found = sorted(set(map(str, of_tensors.values())))
    if stray := [name for name in found if not _is_shard(name)]:
        raise ImportModelError(f"{INDEX}: {stray[0]!r} is no safetensors file beside it")
    return found


def _is_shard(name: str) -> bool:
    return name.endswith(".safetensors") and PurePosixPath(name).name == name


def _asked_for(names: list[str], onnx: str) -> str:
    if onnx not in names or not onnx.endswith(".onnx"):
        graphs = ", ".join(name for name in names if name.endswith(".onnx")) or "none"
        raise ImportModelError(f"--onnx {onnx}: there is no such graph; there are {graphs}")
    return onnx


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return found
