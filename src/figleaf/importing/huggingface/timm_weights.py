"""A model of timm's from its safetensors, whose architecture timm makes."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figleaf.errors import ImportModelError, first_line

if TYPE_CHECKING:
    from torch import nn

_ARCHITECTURE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)?")
"""A name and perhaps a tag. timm takes a place to load from too, behind a colon ("hf-hub:...")."""
_ARGUMENTS = frozenset(
    (
        *("num_classes", "in_chans", "global_pool", "img_size", "class_token", "reg_tokens"),
        *("drop_rate", "drop_path_rate", "patch_size", "embed_dim", "depth", "num_heads"),
        *("mlp_ratio", "init_values", "dynamic_img_size", "window_size", "output_stride"),
    )
)
"""What changes an architecture. Others name files, and a checkpoint's may be a pickle."""
_PREFIX = "timm_model."
_FILE = "model.safetensors"


def load_timm(folder: Path, config: Mapping[str, Any]) -> "nn.Module":
    """A model of timm's with its weights, from pixels, NCHW, to the classes' scores.

    Args:
        folder: with `model.safetensors`.
        config: `config.json`'s content.

    Raises:
        ImportModelError: timm has no such architecture, an argument of it is not known here, or the
            weights do not fit it.
    """
    name, arguments = _architecture(config), _arguments(config)
    import timm
    from safetensors.torch import load_file

    if not timm.is_model(name):
        raise ImportModelError(f"config.json: 'architecture' is {name!r}, which timm does not have")
    try:
        model = timm.create_model(name, pretrained=False, **arguments)
        state = load_file(folder / _FILE)
        # As transformers names them.
        model.load_state_dict({key.removeprefix(_PREFIX): state[key] for key in state})
    except Exception as error:  # of timm, torch and safetensors, with no common base
        raise ImportModelError(f"timm cannot load {folder}: {first_line(error)}") from error
    loaded: nn.Module = model.float().eval()
    return loaded


def _architecture(config: Mapping[str, Any]) -> str:
    name = config["architecture"]
    if not isinstance(name, str) or not _ARCHITECTURE.fullmatch(name):
        raise ImportModelError(f"config.json: 'architecture' is {name!r}, no name of timm's")
    return name


def _arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """What `create_model` is told: that of the file, if it only changes the architecture."""
    given = config.get("model_args") or {}
    if not isinstance(given, dict):
        raise ImportModelError(f"config.json: 'model_args' is {given!r}, not an object")
    if unknown := sorted(given.keys() - _ARGUMENTS):
        raise ImportModelError(
            f"config.json: 'model_args' has {unknown[0]!r}, and what it does is not known here"
        )
    pool = {"global_pool": config["global_pool"]} if config.get("global_pool") else {}
    found = {"num_classes": config.get("num_classes"), "in_chans": 3, **pool, **given}
    if found["in_chans"] != 3:
        raise ImportModelError(f"config.json: 'in_chans' is {found['in_chans']!r}: no RGB")
    if found["num_classes"] is None:
        raise ImportModelError("config.json has no 'num_classes'")
    return found
