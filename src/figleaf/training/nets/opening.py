"""Nets by name."""

from collections.abc import Callable
from pathlib import Path

from figleaf.errors import InputError, ModelError
from figleaf.models.bundle import open_bundle
from figleaf.models.card import Input, Resample
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.backbones.opening import is_net
from figleaf.training.nets.efficientnet import EfficientNetLite0
from figleaf.training.nets.embedded import load_weights
from figleaf.training.nets.net import UNKNOWN, Facts, Net
from figleaf.training.nets.onnx_export import export
from figleaf.training.nets.resnet import ResNet50, ResNet50Thin
from figleaf.training.nets.timm_net import download_resnet50, timm_net
from figleaf.training.nets.weights import load_state, read_weights_file

_EMBEDDED: dict[str, Callable[[Facts], ResNet50Thin | EfficientNetLite0]] = {
    "efficientnet_lite0": EfficientNetLite0,
    "resnet50_thin": ResNet50Thin,
}

RESNET50_INPUT = Input("image", (224, 224), Resample.BILINEAR, (256, 256))
"""As torchvision's preset of IMAGENET1K_V1 has it (resize to 256, bilinear, centre crop 224), but
that figleaf squashes a picture where torchvision keeps its aspect ratio."""


def open_net(
    name: str,
    weights: Path | None = None,
    sha256: str | None = None,
    *,
    download: bool = False,
) -> Net:
    """A net with its weights, in evaluation mode.

    Args:
        name: "resnet50_thin" or "efficientnet_lite0", whose weights are embedded; "resnet50"; or
            any name that timm knows.
        weights: a file of them, see `weights.read_weights_file`. The first two need none.
        sha256: what the file has to hash to, in hex.
        download: whether timm may fetch ImageNet weights where no file is given.

    Raises:
        InputError: the arguments contradict each other, or nothing goes by that name.
        ModelError: the weights cannot be read or do not fit, or cannot be downloaded.
        MissingExtraError: the name is timm's, and timm is not installed.
        BundleError: an embedded model is damaged.
    """
    if weights is None and sha256 is not None:
        raise InputError("a SHA-256 without a file: give --weights FILE too")
    if weights is not None and download:
        raise InputError("weights from a file or by download: give one of the two")
    if name not in _EMBEDDED and not is_net(name):
        own = ", ".join((*_EMBEDDED, "resnet50"))
        raise InputError(
            f"{name} is an ONNX graph, which torch cannot train: name one of {own}, or timm's"
        )
    if name in _EMBEDDED:
        if weights is not None:
            raise InputError(f"{name} comes with its weights: leave out --weights")
        return _embedded(name).eval()
    if name == "resnet50":
        return _resnet50(weights, sha256, download=download).eval()
    return timm_net(name, weights, sha256, download=download).eval()


def as_backbone(net: Net) -> Backbone:
    """The net as it is now, as a backbone: exported to ONNX."""
    return Backbone(
        name=net.name,
        input=net.input,
        graph=export(net),
        width=net.width,
        license=net.license,
        training_data=net.training_data,
        source=net.source,
    )


def _embedded(name: str) -> Net:
    bundle = open_bundle(name)
    card = bundle.card
    facts = Facts(
        name=card.name,
        input=card.inputs[0],
        width=card.features,
        license=card.license,
        training_data=card.raw["training_data"],
        source=card.raw["source"],
    )
    net = _EMBEDDED[name](facts)
    load_weights(net, net.embedded_names(), bundle.graph)
    return net


def _resnet50(weights: Path | None, sha256: str | None, *, download: bool) -> Net:
    if weights is None and download:
        return download_resnet50()
    if weights is None:
        raise ModelError(
            "resnet50 comes without weights: give --weights FILE, a state dict of torchvision's or "
            "timm's resnet50 (.pth or .safetensors), or ask for the download"
        )
    file = read_weights_file(weights, sha256)
    net = ResNet50(Facts("resnet50", RESNET50_INPUT, 2048, UNKNOWN, UNKNOWN, file.as_source()))
    load_state(net, file, ignored=("fc.",))
    return net
