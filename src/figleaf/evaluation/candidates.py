"""Models that are asked the same: whether they can be, and what to call them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from figleaf.errors import ModelError
from figleaf.models.bundle import open_card
from figleaf.models.card import Card

_DIGITS = 6  # of a model's hash, where its name and version do not tell it from another


def check_candidates(models: Iterable[str | Path]) -> list[Card]:
    """See, by their cards alone, that models can be asked: before any of them is.

    Args:
        models: embedded models' names or bundles' folders, or several joined by "+".

    Returns:
        their cards.

    Raises:
        ModelNotFoundError, BundleError: one is not there, or its card is not valid.
        ModelError: one has no classes.
    """
    cards = []
    for model in models:
        card = open_card(model)
        if not card.labels:
            raise ModelError(f"{card.name} has no classes: it gives features, to train upon")
        cards.append(card)
    return cards


def distinct_names(models: Sequence[tuple[str, str]]) -> list[str]:
    """What to call models: their tags; of those that share one, with digits of their hashes.

    Args:
        models: the tag, such as "inception_v3@1", and the graph's SHA-256, in hex, of each.
    """
    counts = Counter(tag for tag, _ in models)
    return [tag if counts[tag] == 1 else f"{tag} {digest[:_DIGITS]}" for tag, digest in models]
