"""What both ways of training end with: backbones, a head, and logits of images not trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from figleaf.training.backbones.backbone import Backbone
from figleaf.training.features import Features
from figleaf.training.finetune.tuned import Epoch
from figleaf.training.head import Head
from figleaf.training.probe import Tried


@dataclass(frozen=True, slots=True)
class Fitted:
    """A head on backbones, before it is calibrated.

    Attributes:
        backbones: what gives the features.
        head: on them.
        features: of all images of the split that can be read.
        logits: float32 of shape (images, classes), of images that the fit has not seen.
        labels: int64 of shape (images,), of the same.
        held_out: what these images were, in words.
        trained: how many images were learnt from.
        unreadable: how many could not be read any more.
        computed: how many had their features computed now.
        precision: that was computed in.
        iterations: of the head's last fit, or steps of fine-tuning.
        l2: the head's penalty; None for a fine-tuned one.
        shares: of the backbones in it, see `probe.Tried`; () for a fine-tuned one.
        converged: False where iterations ran out.
        tried: penalties.
        epochs: of fine-tuning.
        chosen: backbones that were compared -> log-loss in validation.
    """

    backbones: tuple[Backbone, ...]
    head: Head
    features: Features
    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    held_out: str
    trained: int
    unreadable: int
    computed: int
    precision: str
    iterations: int
    l2: float | None = None
    shares: tuple[float, ...] = ()
    converged: bool = True
    tried: Sequence[Tried] = ()
    epochs: Sequence[Epoch] = ()
    chosen: Mapping[str, float] = field(default_factory=dict)
