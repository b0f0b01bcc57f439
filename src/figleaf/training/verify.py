"""A last look at a bundle: that it gives what was trained."""

from contextlib import suppress
from pathlib import Path

import numpy as np

from figleaf.classify.decoding import decoder_for, prepared_for
from figleaf.classify.source import Reader
from figleaf.errors import ImageError, ModelError
from figleaf.images import Limits
from figleaf.models.model import load_model
from figleaf.training.examples import Examples
from figleaf.training.features import Features
from figleaf.training.head import Head
from figleaf.training.known_file import known_files
from figleaf.training.temperature import softmax

_IMAGES = 8
_MOST_OFF = 1e-3
"""Of a probability: what float32 leaves over in a graph that is right is a hundredth of it."""
_MOST_CHANGED = 0.1
"""Of the features' mean size: bf16 and scaled decoding change them by a hundredth or two."""


def verify(
    folder: Path, head: Head, temperature: float, features: Features, some: Examples
) -> None:
    """See that a bundle's graph gives the features that were trained on, and the head's answers.

    A runtime that computes wrongly is noticed here, and not by those who use the model.

    Args:
        folder: of the bundle.
        head: that was trained.
        temperature: likewise.
        features: that were trained on.
        some: images, a few of which are looked at.

    Raises:
        ModelError: it does not.
    """
    model = load_model(folder)
    limits = Limits()
    reader = Reader(decoder_for(model, limits, scaled=False), limits, model.card.background)
    few = features.readable_of(some.take(np.arange(min(_IMAGES, len(some)))))
    rows, pictures = [], []
    for row, file in enumerate(known_files(few)):
        with suppress(ImageError):  # removed or altered meanwhile, which is nothing of the bundle's
            pictures.append(prepared_for(model, reader, file))
            rows.append(row)
    if not pictures:
        return
    found = model.run(pictures, features=True)
    expected = softmax(head.logits(found.features), temperature)
    off = float(np.abs(found.probabilities - expected).max())
    if off > _MOST_OFF:
        raise ModelError(f"the bundle's probabilities are {off:.3f} off those that were trained")
    known = features.matrix(few.take(np.array(rows)))
    changed = float(np.abs(found.features - known).mean() / max(np.abs(known).mean(), 1e-6))
    if changed > _MOST_CHANGED:
        raise ModelError(f"the bundle's features are {changed:.0%} off those that were trained on")
