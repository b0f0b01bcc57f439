"""What stages depend on beside the data set: rules, the files that rules name, versions."""

import os
import platform
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.models.bundle import embedded
from figleaf.models.runtime import available_cores, has_bf16
from figleaf.pipeline.state import file_hash
from figleaf.training.backbones.opening import is_net, split_names
from figleaf.training.bundle import CARD
from figleaf.training.rules import AUTO, Mode, TrainRules

_COMPUTING = ("numpy", "scipy", "onnx", "openvino", "pillow", "simplejpeg")
_OF_NETS = ("torch", "timm")
_MOST_TEXT = 2**20


def plain(value: Any, text: Callable[[str | Path], Any] = os.fspath) -> Any:
    """Rules in JSON's types, the same for the same rules.

    Args:
        value: the rules, or a part of them.
        text: what a text or a path in them becomes.
    """
    if isinstance(value, Enum):
        return str(value)
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name), text) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one, text) for key, one in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(one, text) for one in value)
    if isinstance(value, tuple | list):
        return [plain(one, text) for one in value]
    return text(value) if isinstance(value, str | Path) else value


def depended(rules: Any) -> Any:
    """Rules in JSON's types; files and bundles that they name are there by name and SHA-256.

    So it is the same from whatever folder a path is written, and another one where a file has
    another content.
    """
    return plain(rules, _with_content)


def _with_content(named: str | Path) -> Any:
    try:
        parts = [_content(part) for part in split_names(str(named))]
    except (OSError, ValueError):  # a text that is no path at all
        parts = []
    return parts if any(isinstance(part, dict) for part in parts) else os.fspath(named)


def _content(name: str) -> str | dict[str, str]:
    """A file's name and hash, or those of several that go together; else the name as it is."""
    if not name or name in embedded():
        return name
    return {path.name: file_hash(path) for path in _of(Path(name))} or name


def _of(path: Path) -> Iterator[Path]:
    """A file, and the graph that it describes if it is about a backbone; a bundle's card."""
    if path.is_file():
        yield path
        if path.suffix == ".toml" and path.stat().st_size < _MOST_TEXT:
            with suppress(ValueError, RecursionError):  # no TOML
                graph = tomllib.loads(path.read_bytes().decode()).get("graph")
                yield from [path.parent / graph] if isinstance(graph, str) else ()
    elif (path / CARD).is_file():
        yield path.absolute() / CARD


def versions(rules: TrainRules | None = None) -> dict[str, str]:
    """Of what computes; any other may give other figures.

    Args:
        rules: of a training, whose nets may need more; None for every other stage.
    """
    nets = _nets(rules) if rules else ()
    found = {name: version(name) for name in (*_COMPUTING, *nets)}
    return {"figleaf": __version__, "python": platform.python_version()} | found


def _nets(rules: TrainRules) -> Iterator[str]:
    """What computes nets of torch, where they are trained."""
    names = split_names(rules.backbone)
    if rules.mode is Mode.FINETUNE or any(is_net(one) for one in names if one != AUTO):
        for name in _OF_NETS:
            if find_spec(name):
                yield name


def machine() -> dict[str, Any]:
    """What times and, in their last digits, scores depend on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": available_cores(),
        "bf16": has_bf16(),
    }
