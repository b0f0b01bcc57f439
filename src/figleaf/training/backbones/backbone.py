"""A backbone: a graph from pictures to features, and what its bundle has to say of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from figleaf.models.card import Input


@dataclass(frozen=True, slots=True)
class Backbone:
    """What gives features.

    Attributes:
        name: "resnet50_thin", for example.
        input: how a picture becomes the graph's one input.
        graph: ONNX: float32 RGB in 0..255, NHWC, any batch, to an output `features` of shape
            (batch, width), pooled. It may have other outputs, too.
        width: of the features.
        license: of the weights.
        training_data: what the weights were trained on.
        source: where they come from, as a card has it.
    """

    name: str
    input: Input
    graph: bytes = field(repr=False)
    width: int
    license: str
    training_data: str
    source: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """Of the graph, in hex."""
        return hashlib.sha256(self.graph).hexdigest()
