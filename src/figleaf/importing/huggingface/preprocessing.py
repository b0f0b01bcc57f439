"""What a model's files say of the way from a picture to its input, or a refusal: never a guess.

The steps of transformers' image processors, of which each file switches on some: resize, centre
crop, rescale, normalise. What a file leaves out is as its class has it (processors.toml).
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ImportModelError
from figleaf.models.card import MAX_SIDE, Fit, Input, Resample

FILE = "preprocessor_config.json"

_TABLE = Path(__file__).with_name("processors.toml")
_SUFFIXES = ("ImageProcessorFast", "ImageProcessorPil", "ImageProcessor", "FeatureExtractor")
_PILLOW = (
    Resample.NEAREST,
    Resample.LANCZOS,
    Resample.BILINEAR,
    Resample.BICUBIC,
    Resample.BOX,
    Resample.HAMMING,
)
"""By Pillow's numbers."""
_STEPS = frozenset(
    (
        *("do_resize", "size", "resample", "default_to_square", "crop_pct"),
        *("do_center_crop", "crop_size"),
        *("do_rescale", "rescale_factor", "rescale_offset"),
        *("do_normalize", "image_mean", "image_std", "include_top"),
        "do_flip_channel_order",
    )
)
_SWITCHES = (
    *("do_resize", "default_to_square", "do_center_crop", "do_rescale", "rescale_offset"),
    *("do_normalize", "include_top", "do_flip_channel_order"),
)
_HARMLESS = frozenset(
    (
        *("image_processor_type", "feature_extractor_type", "processor_class"),
        *("do_convert_rgb", "return_tensors", "device", "disable_grouping", "input_data_format"),
        *("do_reduce_labels", "reduce_labels", "model_input_names", "_valid_processor_keys"),
        *("_valid_kwargs_names", "num_labels", "padding_mode"),
    )
)
"""What changes no pixel of an RGB picture: all of ours are RGB."""
_OWN_STEPS = {
    "crop_pct": "ConvNext",
    "rescale_offset": "EfficientNet",
    "include_top": "EfficientNet",
    "do_flip_channel_order": "MobileViT",
}
"""What only one class does; in another's file transformers does not heed it."""
_LARGEST = 1e9
"""Beyond any mean, deviation or factor; of more the graph's float32 would run over."""
_WHOLE_FROM = 384
_LEVIT = 256 / 224


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """From a picture to what a graph takes.

    Attributes:
        input: how the picture is resized and cropped.
        scale, offset: of a channel: what 0..255 is multiplied by, and what is then added; RGB.
        is_bgr: whether the channels are then turned round.
        told: all of it in words.
    """

    input: Input
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    is_bgr: bool = False
    told: str = ""


def read_preprocessing(raw: Mapping[str, Any], model_type: str = "") -> Preprocessing:
    """What a `preprocessor_config.json` says.

    Args:
        raw: the file's content.
        model_type: that of the model, which tells the processor's class where the file does not.

    Raises:
        ImportModelError: a class or a key that is not known here, or sizes that no card can tell;
            the message names it.
    """
    name = _class_of(raw, model_type)
    _refuse_unknown(raw, name)
    steps = {**_table()["defaults"], **_table()[name]}
    steps |= {
        key: raw[key]
        for key in _STEPS
        if raw.get(key) is not None and _OWN_STEPS.get(key, name) == name
    }
    _check_switches(steps)
    spec = _resized(name, steps)
    is_bgr = bool(steps.get("do_flip_channel_order", False))
    if is_bgr and steps["do_normalize"]:
        raise ImportModelError(
            f"{FILE}: channels are turned round and normalised: which comes first is not known here"
        )
    scale, offset = _arithmetic(steps)
    return Preprocessing(spec, scale, offset, is_bgr, describe(spec, scale, offset, is_bgr))


def normalised(
    factor: float, shift: float, mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scale and offset that do what (value * factor + shift - mean) / deviation does.

    Raises:
        ImportModelError: a deviation or a factor that is not above 0, or a number that is not
            finite.
    """
    numbers = np.array([*mean, *deviation, factor, shift])
    is_known = np.all(np.abs(numbers) < _LARGEST)  # not of NaN
    if not (is_known and factor > 0 and np.all(deviation > 0)):
        raise ImportModelError(
            f"{FILE}: mean {mean.tolist()}, deviation {deviation.tolist()} and factor {factor} make"
            " no pixels"
        )
    scale, offset = factor / deviation, (shift - mean) / deviation
    return tuple(scale.tolist()), tuple(offset.tolist())


def describe(spec: Input, scale: tuple[float, ...], offset: tuple[float, ...], is_bgr: bool) -> str:
    """The way of a picture in one line."""
    height, width = spec.resize
    how = (
        f"the shorter side to {height}"
        if spec.fit is Fit.SHORTEST_EDGE
        else f"squashed to {height}x{width}"
    )
    crop = "" if spec.size == spec.resize and spec.fit is Fit.SQUASH else ", the middle "
    crop += f"{spec.size[0]}x{spec.size[1]}" if crop else ""
    black = ", ".join(f"{one:.3g}" for one in offset)
    white = ", ".join(f"{255 * a + b:.3g}" for a, b in zip(scale, offset, strict=True))
    order = "BGR" if is_bgr else "RGB"
    return f"{spec.resample}, {how}{crop}; {order}, black ({black}), white ({white})"


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(_TABLE.read_text("utf-8"))


_OF_MODELS = {
    "ViT": ("vit", "swin", "swinv2", "ijepa"),
    "Beit": ("beit", "data2vec-vision"),
    "DeiT": ("deit",),
    "ConvNext": ("convnext", "convnextv2", "resnet", "regnet", "cvt"),
    "EfficientNet": ("efficientnet",),
    "MobileNetV1": ("mobilenet_v1",),
    "MobileNetV2": ("mobilenet_v2",),
    "MobileViT": ("mobilevit", "mobilevitv2"),
    "Bit": ("bit", "dinov2", "focalnet", "hiera"),
    "CLIP": ("clip",),
    "Siglip": ("siglip",),
    "Levit": ("levit",),
    "Pvt": ("pvt", "pvt_v2"),
}
"""The class that transformers takes where a file names none, by the model's type."""


def _class_of(raw: Mapping[str, Any], model_type: str) -> str:
    told = raw.get("image_processor_type") or raw.get("feature_extractor_type")
    if told is None:
        found = next((name for name, types in _OF_MODELS.items() if model_type in types), None)
        if found is None:
            raise ImportModelError(
                f"{FILE} names no image_processor_type, and that of a {model_type or 'nameless'!r}"
                " model is not known here"
            )
        return found
    name = str(told)
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    if name not in _table() or name == "defaults":
        known = ", ".join(one for one in _table() if one != "defaults")
        raise ImportModelError(
            f"{FILE}: the image processor {told!r} is not known here, only those of {known}"
        )
    return name


def _refuse_unknown(raw: Mapping[str, Any], name: str) -> None:
    if raw.get("data_format") not in (None, "channels_first", "ChannelDimension.FIRST"):
        raise ImportModelError(f"{FILE}: 'data_format' is {raw['data_format']!r}")
    for key, value in raw.items():
        # A step that is switched off does nothing; how a step is done may be told by a false, too.
        is_off = value is None or (value is False and key.startswith("do_"))
        if key in _STEPS | _HARMLESS | {"data_format"} or is_off:
            continue
        raise ImportModelError(
            f"{FILE}: {key!r} is {value!r}, and what {name}ImageProcessor then does to pixels is"
            " not known here"
        )


def _check_switches(steps: Mapping[str, Any]) -> None:
    for key in _SWITCHES:
        value = steps.get(key)
        if value is not None and type(value) is not bool:
            raise ImportModelError(f"{FILE}: {key!r} is {value!r}, neither true nor false")


def _resized(name: str, steps: Mapping[str, Any]) -> Input:
    if not steps["do_resize"]:
        raise ImportModelError(f"{FILE}: 'do_resize' is off: the model would be given any size")
    number = steps["resample"]
    if type(number) is not int or not 0 <= number < len(_PILLOW):
        raise ImportModelError(f"{FILE}: 'resample' is {number!r}, none of Pillow's filters")
    fit, resize = _target(steps)
    crop = _crop(steps.get("crop_size")) if steps["do_center_crop"] else None
    if steps["resize"] == "convnext":
        fit, resize, own = _convnext(fit, resize, steps["crop_pct"])
        crop = crop or own
        if crop[0] > own[0] or crop[1] > own[1]:
            raise ImportModelError(f"{FILE}: 'crop_size' {crop} is beyond the {own} of 'size'")
    if steps["resize"] == "levit" and fit is Fit.SHORTEST_EDGE:
        resize = (int(_LEVIT * resize[0]),) * 2
    size = crop or resize
    if crop is None and fit is Fit.SHORTEST_EDGE:
        raise ImportModelError(
            f"{FILE}: 'size' is a shortest edge without a centre crop: the model would be given"
            " pictures of any shape"
        )
    if size[0] > resize[0] or size[1] > resize[1]:
        raise ImportModelError(
            f"{FILE}: the crop {size} is larger than the {resize} that a picture is resized to"
        )
    if not all(1 <= side <= MAX_SIDE for side in resize):
        raise ImportModelError(f"{FILE}: 'size' is {resize}, not sides from 1 to {MAX_SIDE}")
    return Input("image", size, _PILLOW[number], resize, fit=fit)


def _target(steps: Mapping[str, Any]) -> tuple[Fit, tuple[int, int]]:
    """What `size` says: how, and (height, width), or the shortest edge twice."""
    size = steps["size"]
    if type(size) is int:
        return (Fit.SQUASH if steps["default_to_square"] else Fit.SHORTEST_EDGE), (size, size)
    if isinstance(size, list) and len(size) == 2 and size[0] == size[1]:
        # Of two different ones it was never sure which is the height.
        size = {"height": size[0], "width": size[1]}
    match _present(size):
        case {"height": int(height), "width": int(width), **rest} if not rest:
            return Fit.SQUASH, (height, width)
        case {"shortest_edge": int(edge), **rest} if not rest:
            return Fit.SHORTEST_EDGE, (edge, edge)
    raise ImportModelError(
        f"{FILE}: 'size' is {size!r}, neither a height and a width nor a shortest edge alone"
    )


def _crop(size: Any) -> tuple[int, int]:
    if type(size) is int:
        return size, size
    match _present(size):
        case {"height": int(height), "width": int(width), **rest} if not rest:
            return height, width
    raise ImportModelError(f"{FILE}: 'crop_size' is {size!r}, not a height and a width")


def _present(size: Any) -> Any:
    """Without the fields that are null, as files of transformers 5 have them.

    None where one of the others is no whole number: True is one to Python.
    """
    if not isinstance(size, dict):
        return None
    found = {key: value for key, value in size.items() if value is not None}
    return found if all(type(value) is int for value in found.values()) else None


def _convnext(
    fit: Fit, resize: tuple[int, int], share: Any
) -> tuple[Fit, tuple[int, int], tuple[int, int]]:
    """ConvNextImageProcessor's own rule: how, what is resized to, what is cropped from it."""
    if fit is not Fit.SHORTEST_EDGE:
        raise ImportModelError(f"{FILE}: ConvNextImageProcessor needs a shortest edge in 'size'")
    if type(share) not in (int, float) or not 0 < share <= 1:
        raise ImportModelError(f"{FILE}: 'crop_pct' is {share!r}, not a share from 0 to 1")
    if resize[0] >= _WHOLE_FROM:
        return Fit.SQUASH, resize, resize
    return fit, (int(resize[0] / share),) * 2, resize


def _arithmetic(steps: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    rescaled = bool(steps["do_rescale"])
    factor = _number(steps, "rescale_factor") if rescaled else 1.0
    shift = -1.0 if rescaled and steps.get("rescale_offset") else 0.0
    mean, deviation = np.zeros(3), np.ones(3)
    if steps["do_normalize"]:
        mean, deviation = _channels(steps, "image_mean"), _channels(steps, "image_std")
    if steps.get("include_top"):
        # EfficientNetImageProcessor divides by it once more, normalised or not.
        deviation = deviation * _channels(steps, "image_std")
    return normalised(factor, shift, mean, deviation)


def _channels(steps: Mapping[str, Any], key: str) -> NDArray[np.float64]:
    value = steps[key]
    values = value if isinstance(value, list) else [value] * 3
    if len(values) != 3 or not all(type(one) in (int, float) for one in values):
        raise ImportModelError(f"{FILE}: {key!r} is {value!r}, not three numbers")
    return np.array(values, np.float64)


def _number(steps: Mapping[str, Any], key: str) -> float:
    value = steps[key]
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ImportModelError(f"{FILE}: {key!r} is {value!r}, not a number")
    return float(value)
