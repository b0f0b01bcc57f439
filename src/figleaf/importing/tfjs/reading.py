"""Read the files of a TensorFlow.js model: its topology and its weights.

    model.json   + group1-shard1of2.bin ...       as TensorFlow.js and its converter write them
    model.min.js + group1-shard1of2.min.js ...    as the package `nsfwjs` publishes its own

https://github.com/tensorflow/tfjs/blob/master/docs/OVERVIEW.md describes the first.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from figleaf.errors import BundleError, ImportModelError
from figleaf.importing.tfjs.arrays import Stored, cut_group, read_entry
from figleaf.importing.tfjs.fields import Fields
from figleaf.importing.tfjs.wrapped import base64_literal, object_literal
from figleaf.models.card import read_regular

JSON, SCRIPT = "model.json", "model.min.js"
_MAX_TOPOLOGY = 1 << 26
_MAX_SHARD = 1 << 30
_MAX_ALL = 1 << 31
Reader = Callable[[str, int], bytes]
"""A file's bytes by its name, of which there may be so many."""


class Form(StrEnum):
    """What a topology is written in."""

    LAYERS = "layers-model"
    """A Keras model's configuration."""
    GRAPH = "graph-model"
    """TensorFlow's own operations."""


@dataclass(frozen=True, slots=True)
class Model:
    """A TensorFlow.js model: what it computes, its arrays by name, and the files' SHA-256."""

    topology: dict[str, Any]
    arrays: Mapping[str, Stored]
    form: Form = Form.LAYERS
    outputs: tuple[str, ...] = ()
    """The nodes that a graph's signature names as its outputs."""
    files: Mapping[str, str] = field(default_factory=dict)


def read_folder(source: Path) -> Model:
    """Read a model from its folder, or from the path of its `model.json`.

    Raises:
        ImportModelError: a file is missing, too large, damaged, or none of such a model.
    """
    folder, topology = _find(source)
    hashes: dict[str, str] = {}

    def read(name: str, limit: int) -> bytes:
        if not (folder / name).is_file():
            why = "" if name == topology else "; the weights manifest names this shard"
            raise ImportModelError(f"{name}: no such file{why}")
        try:
            data = read_regular(folder / name, limit)
        except BundleError as error:
            raise ImportModelError(str(error)) from error
        hashes[name] = hashlib.sha256(data).hexdigest()
        return data

    try:
        model = _read(topology, read)
    except RecursionError as error:
        raise ImportModelError(f"{folder / topology}: nested too deeply") from error
    except ImportModelError as error:
        raise ImportModelError(f"{source}: {error}") from None
    return Model(model.topology, model.arrays, model.form, model.outputs, hashes)


def read_files(files: Mapping[str, bytes]) -> Model:
    """Read a model from the bytes of its files, by name.

    Raises:
        ImportModelError: as above.
    """
    return _read(SCRIPT if SCRIPT in files else JSON, lambda name, _: files[name])


def _find(source: Path) -> tuple[Path, str]:
    """The folder of a model, and the name of its topology."""
    if source.name in (JSON, SCRIPT) or source.suffix == ".json":
        return source.parent, source.name
    for name in (JSON, SCRIPT):
        if (source / name).is_file():
            return source, name
    raise ImportModelError(
        f"{source}: neither {JSON} nor {SCRIPT} is there; give the folder of a TensorFlow.js model"
    )


def _read(topology: str, read: Reader) -> Model:
    script = topology.endswith(".js")
    raw = Fields.of(topology, _parsed(topology, read(topology, _MAX_TOPOLOGY), script))
    if not raw.has("weightsManifest"):
        raw.refuse("no 'weightsManifest': not a TensorFlow.js model with weights")
    arrays: dict[str, Stored] = {}
    read_so_far = 0
    for group in raw.items("weightsManifest"):
        fields = Fields.of("weights manifest", group)
        entries = [read_entry(entry) for entry in fields.items("weights")]
        shards = []
        for path in fields.items("paths"):
            name = _inside(path, script)
            shard = read(name, _MAX_SHARD)
            shards.append(_unwrapped(name, shard) if script else shard)
            read_so_far += len(shards[-1])
            if read_so_far > _MAX_ALL:
                raise ImportModelError(f"over {_MAX_ALL:,} bytes of weights, too many for ONNX")
        found = cut_group(b"".join(shards), entries)
        if twice := arrays.keys() & found.keys():
            raise ImportModelError(f"the weights manifest names {sorted(twice)[0]!r} twice")
        arrays |= found
    graph = dict(raw.inner("modelTopology").raw)
    form = Form.GRAPH if "node" in graph else Form.LAYERS
    return Model(graph, arrays, form, _outputs(raw))


def _parsed(name: str, data: bytes, script: bool) -> object:
    try:
        return object_literal(data.decode()) if script else json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImportModelError(f"{name}: cannot be read ({error})") from error


def _unwrapped(name: str, data: bytes) -> bytes:
    try:
        return base64_literal(data)
    except ValueError as error:
        raise ImportModelError(f"{name}: no base64 weights in it ({error})") from error


def _inside(path: object, script: bool) -> str:
    """The name of a shard, which lies in the model's own folder or below."""
    parts = PurePosixPath(path).parts if isinstance(path, str) else ()
    safe = parts and ".." not in parts and not PurePosixPath(*parts).is_absolute()
    if not safe or "\\" in str(path) or ":" in str(path) or "\0" in str(path):
        raise ImportModelError(
            f"the weights manifest names {path!r:.80}, no file of the model's folder"
        )
    return f"{path}.min.js" if script else str(path)


def _outputs(raw: Fields) -> tuple[str, ...]:
    """The outputs of a graph model's signature, which lies in one of two places."""
    for holder in (raw.raw, raw.raw.get("userDefinedMetadata")):
        signature = holder.get("signature") if isinstance(holder, dict) else None
        outputs = signature.get("outputs") if isinstance(signature, dict) else None
        if isinstance(outputs, dict) and outputs:
            named = (Fields.of(f"output {key!r:.80}", one) for key, one in outputs.items())
            return tuple(one.text("name") for one in named)
    return ()
