"""Nets by name."""

from collections.abc import Callable

from figleaf.errors import InputError
from figleaf.models.bundle import open_bundle
from figleaf.train.nets.efficientnet import EfficientNetLite0
from figleaf.train.nets.embedded import load_weights
from figleaf.train.nets.net import Facts, Net
from figleaf.train.nets.resnet import ResNet50Thin

EmbeddedNet = ResNet50Thin | EfficientNetLite0

_EMBEDDED: dict[str, Callable[[Facts], EmbeddedNet]] = {
    "efficientnet_lite0": EfficientNetLite0,
    "resnet50_thin": ResNet50Thin,
}


def open_net(name: str) -> Net:
    """The module of an embedded model, with its weights.

    Raises:
        InputError: no net goes by that name.
        BundleError: the bundle is damaged.
    """
    if name not in _EMBEDDED:
        raise InputError(f"no net {name!r}: there are {', '.join(sorted(_EMBEDDED))}")
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
