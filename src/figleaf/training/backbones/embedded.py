"""Backbones out of bundles: those that come with figleaf, and those that somebody trained."""

from pathlib import Path
from typing import Any

from figleaf.errors import ModelError
from figleaf.models.bundle import find_bundle, open_bundle
from figleaf.training.backbones.backbone import Backbone

EMBEDDED = ("resnet50_thin", "efficientnet_lite0", "inception_v3", "mobilenet_v2_mid")
"""Those of the embedded models that give features, the reference's architecture first."""


def bundle_backbone(model: str | Path) -> Backbone:
    """The backbone of an embedded model, or of a bundle's folder.

    Raises:
        ModelNotFoundError, BundleError: see figleaf.errors.
        ModelError: it has no features, several inputs, or computes in int8.
    """
    bundle = open_bundle(model)
    card = bundle.card
    if not card.features:
        with_features = ", ".join(EMBEDDED)
        raise ModelError(f"{card.name} gives no features to train on; these do: {with_features}")
    if card.computes is not None:
        raise ModelError(
            f"{card.name} computes in {card.computes}: train on the model that it was made of, and"
            " quantize what comes of it"
        )
    if len(card.inputs) > 1:
        names = " + ".join(spec.name for spec in card.inputs)
        raise ModelError(f"{card.name} is joined ({names}): name its backbones, joined by +")
    source: dict[str, Any] = dict(card.raw.get("source", {}))
    return Backbone(
        name=card.name,
        input=card.inputs[0],
        graph=bundle.graph,
        width=card.features,
        license=card.license,
        training_data=str(card.raw.get("training_data", "not stated")),
        source=source | {"model": card.tag, "file": str(find_bundle(model).name)},
    )
