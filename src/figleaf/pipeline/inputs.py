"""What stages depend on beside the data set: rules, the files that rules name, versions."""

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.models.bundle import embedded
from figleaf.models.runtime import available_cores, has_bf16
from figleaf.pipeline.state import file_hash
from figleaf.training.bundle import CARD

_COMPUTING = ("numpy", "scipy", "onnx", "openvino", "pillow", "simplejpeg")


def plain(value: Any) -> Any:
    """Rules in JSON's types, the same for the same rules."""
    if isinstance(value, Enum):
        return str(value)
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(plain(one) for one in value)
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return os.fspath(value) if isinstance(value, Path) else value


def named_files(rules: Any) -> dict[str, str]:
    """Files, and bundles by their cards, that rules name -> SHA-256, in hex."""
    return {str(path): file_hash(path) for path in sorted(set(_paths(plain(rules))))}


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _paths(one)
    elif isinstance(value, str) and value:
        for name in {value, *value.split("+")} - set(embedded()):
            yield from _of(Path(name))


def _of(path: Path) -> Iterator[Path]:
    try:
        if path.is_file():
            yield path
            # The graph that a file about a backbone describes lies beside it.
            yield from path.parent.glob("*.onnx") if path.suffix == ".toml" else ()
        elif (path / CARD).is_file():
            yield path / CARD
    except (OSError, ValueError):  # a text that is no path at all
        return


def versions() -> dict[str, str]:
    """Of what computes; any other may give other figures."""
    found = {name: version(name) for name in _COMPUTING}
    return {"figleaf": __version__, "python": platform.python_version()} | found


def machine() -> dict[str, Any]:
    """What times and, in their last digits, scores depend on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": available_cores(),
        "bf16": has_bf16(),
    }
