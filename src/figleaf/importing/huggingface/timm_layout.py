"""timm's layout: `config.json` with an architecture, `pretrained_cfg` and `label_names`."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from figleaf.errors import ImportModelError
from figleaf.importing.huggingface.config import read_labels
from figleaf.importing.huggingface.preprocessing import Preprocessing, describe, normalised
from figleaf.models.card import MAX_SIDE, Fit, Input, Resample

_RESAMPLES = {str(one): one for one in Resample if one is not Resample.BILINEAR_ALIGN_CORNERS}
_CROP, _MODE = 0.875, "center"  # timm's own defaults, as are the following
_MEAN, _DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_WHERE = "config.json: pretrained_cfg"


def is_timm(config: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is one of timm's."""
    return "pretrained_cfg" in config and "architecture" in config


def timm_labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes, in the order of the outputs.

    Raises:
        ImportModelError: they are not told, or in two ways.
    """
    nested = _configured(config)
    names = config.get("label_names") or nested.get("label_names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ImportModelError(
            "config.json has no 'label_names': which output is which class cannot be known. Ask"
            " whoever made it, and write them into the file, in order"
        )
    count = config.get("num_classes", len(names))
    if count != len(names):
        raise ImportModelError(
            f"config.json: 'num_classes' is {count!r}, 'label_names' are {len(names)}"
        )
    # transformers writes its own fields too, which readers may go by.
    numbered = config.get("id2label") or {str(i): name for i, name in enumerate(names)}
    read_labels({**config, "id2label": numbered})
    return tuple(names)


def timm_preprocessing(config: Mapping[str, Any]) -> Preprocessing:
    """What timm's evaluation does to a picture (`create_transform`, not in training).

    timm crops with torchvision, which rounds half a pixel to the even one where figleaf, as
    transformers does, rounds down: of a picture with an odd number of columns over, they may be one
    column apart.

    Raises:
        ImportModelError: a value that is not known here; the message names it.
    """
    raw = _configured(config)
    size = _size(raw)
    name = raw.get("interpolation", "bicubic")
    if not isinstance(name, str) or name not in _RESAMPLES:
        raise ImportModelError(f"{_WHERE}: 'interpolation' is {name!r}, no filter of Pillow's")
    share = raw.get("crop_pct") or _CROP
    if type(share) not in (int, float) or not 0 < share <= 1:
        raise ImportModelError(f"{_WHERE}: 'crop_pct' is {share!r}, not a share from 0 to 1")
    resize = math.floor(size[0] / share), math.floor(size[1] / share)
    spec = Input("image", size, _RESAMPLES[name], resize, fit=_fit(raw, resize))
    mean = np.array(_three(raw, "mean", _MEAN))
    scale, offset = normalised(1 / 255, 0.0, mean, np.array(_three(raw, "std", _DEVIATION)))
    return Preprocessing(spec, scale, offset, told=describe(spec, scale, offset, is_bgr=False))


def _configured(config: Mapping[str, Any]) -> Mapping[str, Any]:
    raw = config["pretrained_cfg"]
    if not isinstance(raw, dict):
        raise ImportModelError(f"{_WHERE} is {raw!r}, not an object")
    return raw


def _size(raw: Mapping[str, Any]) -> tuple[int, int]:
    match raw.get("input_size"):
        case [3, int(height), int(width)] if 0 < height <= MAX_SIDE and 0 < width <= MAX_SIDE:
            return height, width
    told = raw.get("input_size")
    raise ImportModelError(f"{_WHERE}: 'input_size' is {told!r}, not [3, height, width]")


def _fit(raw: Mapping[str, Any], resize: tuple[int, int]) -> Fit:
    mode = raw.get("crop_mode") or _MODE
    if mode == "squash":
        return Fit.SQUASH
    if mode == "center" and resize[0] == resize[1]:
        return Fit.SHORTEST_EDGE
    shape = f"{resize[0]}x{resize[1]}"
    raise ImportModelError(f"{_WHERE}: 'crop_mode' is {mode!r} for {shape}, which no card can tell")


def _three(raw: Mapping[str, Any], key: str, default: list[float]) -> list[float]:
    values = raw.get(key, default)
    is_list = isinstance(values, list) and len(values) == 3
    if not is_list or not all(type(one) in (int, float) for one in values):
        raise ImportModelError(f"{_WHERE}: {key!r} is {values!r}, not three numbers")
    return [float(one) for one in values]
