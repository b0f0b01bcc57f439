"""Nets of timm, by its names: an extra, which brings gigabytes."""

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from figleaf.errors import InputError, MissingExtraError, ModelError
from figleaf.models.card import Input, Resample
from figleaf.models.surgery import without_notes
from figleaf.training.nets.layers import Normalise
from figleaf.training.nets.net import UNKNOWN, Facts, Net
from figleaf.training.nets.resnet import ResNet50
from figleaf.training.nets.weights import WeightsFile, load_state, read_weights_file

_OPSET = 18  # the lowest that torch's exporter writes
_RESAMPLES = {"bilinear": Resample.BILINEAR, "bicubic": Resample.BICUBIC}


class TimmNet(Net):
    """A model of timm's without its last layer, between pictures and pooled features.

    Args:
        facts: what is known of it.
        model: made with `num_classes=0`; timm has no types.
        normalise: as its configuration has it.
    """

    def __init__(self, facts: Facts, model: Any, normalise: Normalise) -> None:
        super().__init__(facts)
        self.normalise = normalise
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """See Net."""
        # Of channels last, torch would export the pooling as a Gather with numbers for each value.
        result: Tensor = self.model(self.normalise(x).contiguous())
        return result

    def stages(self) -> list[list[nn.Parameter]]:
        """In timm's own coarse groups; all in one where a model has none."""
        return _grouped(self.model)

    def to_onnx(self) -> bytes:
        """The net as an ONNX graph, as `onnx_export.export` has it, but of opset 18.

        Raises:
            ModelError: torch cannot export the model.
        """
        return _exported(self)


def timm_net(
    name: str, weights: Path | None = None, sha256: str | None = None, *, download: bool = False
) -> TimmNet:
    """A net of timm's, with its weights.

    Args:
        name: timm's: "mobilenetv3_small_100", or with the tag of its weights "resnet50.a1_in1k".
        weights, sha256: a file of them, see `weights.read_weights_file`.
        download: whether timm may fetch those that it has for that name.

    Raises:
        MissingExtraError: timm is not installed.
        InputError: timm has no such model, or one whose pictures figleaf cannot prepare.
        ModelError: there are no weights, they do not fit, or they cannot be downloaded.
    """
    own = "efficientnet_lite0, resnet50, resnet50_thin"
    timm = _timm(f"{name!r}, which is none of figleaf's own nets ({own}),")
    if not timm.is_model(name):
        raise InputError(f"no net {name!r}: neither figleaf nor timm {timm.__version__} has it")
    if weights is None and not download:
        raise ModelError(
            f"{name} comes without weights: give --weights FILE, a state dict of timm's {name} "
            "(.pth or .safetensors), or ask for the download"
        )
    file = None if weights is None else read_weights_file(weights, sha256)
    model = _created(timm, name, pretrained=file is None)
    if file is not None:
        load_state(model, file, ignored=_last_layers(model.pretrained_cfg))
    origin = _downloaded(timm, name, model) if file is None else _from_file(file)
    spec = _input(name, model.pretrained_cfg)
    normalise = Normalise(*_statistics(model.pretrained_cfg))
    facts = Facts(name, spec, _width(name, model, spec), *origin)
    return TimmNet(facts, model, normalise)


def download_resnet50() -> ResNet50:
    """ResNet-50 with the ImageNet weights that timm fetches, prepared as timm says.

    Raises:
        MissingExtraError: timm is not installed.
        ModelError: they cannot be downloaded.
    """
    timm = _timm("the download of resnet50's weights")
    model = _created(timm, "resnet50", pretrained=True)
    spec = _input("resnet50", model.pretrained_cfg)
    facts = Facts("resnet50", spec, 2048, *_downloaded(timm, "resnet50", model))
    net = ResNet50(facts, *_statistics(model.pretrained_cfg))
    load_state(net, WeightsFile("timm's resnet50", "", model.state_dict()))
    return net


def _timm(purpose: str) -> Any:
    try:
        import timm
    except ImportError as error:
        raise MissingExtraError("timm", purpose) from error
    return timm


def _created(timm: Any, name: str, *, pretrained: bool) -> Any:
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0)
    except Exception as error:  # of timm's hub and of the network, with no common base
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        if not pretrained:
            raise ModelError(f"timm cannot make {name}: {reason}") from error
        raise ModelError(
            f"the weights of {name} cannot be downloaded ({reason}): "
            "get them where there is a network, and give --weights FILE"
        ) from error


def _last_layers(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The prefixes of what a state dict has beyond the features."""
    named = config.get("classifier") or ()
    return tuple(f"{name}." for name in ([named] if isinstance(named, str) else named))


def _from_file(file: WeightsFile) -> tuple[str, str, Mapping[str, Any]]:
    """License, training data and source, as Facts has them."""
    return UNKNOWN, UNKNOWN, file.as_source()


def _downloaded(timm: Any, name: str, model: Any) -> tuple[str, str, Mapping[str, Any]]:
    """The same of weights that timm has fetched."""
    config = model.pretrained_cfg
    tag = f"{config.get('architecture', name)}.{config.get('tag', '')}".rstrip(".")
    source = {"package": "timm", "version": timm.__version__, "weights": tag}
    told = str(config.get("license") or "not stated by timm")
    return told, f"as the name of timm's weights says: {tag}", source


def _input(name: str, config: Mapping[str, Any]) -> Input:
    """As timm's evaluation prepares a picture, but squashed where timm keeps the aspect ratio."""
    channels, height, width = config["input_size"]
    resample = _RESAMPLES.get(config.get("interpolation", ""))
    if channels != 3 or resample is None:
        raise InputError(
            f"{name} takes {channels} channels and is resized by {config.get('interpolation')!r}: "
            f"figleaf prepares 3, by {' or '.join(_RESAMPLES)}"
        )
    share = config.get("crop_pct") or 1
    resize = math.floor(height / share), math.floor(width / share)
    return Input("image", (height, width), resample, resize)


def _statistics(
    config: Mapping[str, Any],
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and deviation of the pixels in 0..255."""
    (red, green, blue), (r, g, b) = config["mean"], config["std"]
    return (red * 255, green * 255, blue * 255), (r * 255, g * 255, b * 255)


def _width(name: str, model: Any, spec: Input) -> int:
    """Of the features, by trying: what a model says of itself is not always what it gives."""
    with torch.inference_mode():
        shape = model.eval()(torch.zeros(1, 3, *spec.size)).shape
    if len(shape) != 2:
        raise InputError(f"{name} gives {list(shape)}, not one row of features for a picture")
    return int(shape[1])


def _grouped(model: Any) -> list[list[nn.Parameter]]:
    from timm.models import group_parameters

    named = dict(model.named_parameters())
    if not hasattr(model, "group_matcher"):
        return [list(named.values())]
    layers = group_parameters(model, model.group_matcher(coarse=True), reverse=True)
    groups: dict[int, list[nn.Parameter]] = {}
    for name, parameter in named.items():
        groups.setdefault(layers[name], []).append(parameter)
    return [groups[layer] for layer in sorted(groups)]


def _exported(net: TimmNet) -> bytes:
    copied = copy.deepcopy(net).cpu().eval()
    # A batch of 1 would be taken as a constant.
    example = torch.zeros(2, *net.input.size, 3)
    try:
        program = torch.onnx.export(
            copied,
            (example,),
            dynamo=True,
            input_names=["image"],
            output_names=["features"],
            dynamic_shapes={"x": {0: torch.export.Dim("batch")}},
            opset_version=_OPSET,
            verbose=False,
        )
    except ImportError as error:
        raise MissingExtraError("timm", "the export of a net of timm's") from error
    except Exception as error:  # whatever torch's exporter meets in a model
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"torch cannot export {net.name} to ONNX: {reason}") from error
    if program is None:
        raise ModelError(f"torch exports nothing of {net.name}")
    exported = program.model_proto
    without_notes(exported)
    return exported.SerializeToString(deterministic=True)
