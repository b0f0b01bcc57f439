"""The card of an ensemble: what its members' cards come to."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figleaf.models.card import FORMAT, Card
from figleaf.models.ensemble.compose import Composed, Part
from figleaf.models.origin import Rule
from figleaf.models.writing import input_entry

MEASURED = Path(__file__).with_name("false_alarms.json")
"""What benchmarks/safe_pictures.py has measured of ensembles: by the hashes of their members."""


def ensemble_card(name: str, parts: Sequence[Part], composed: Composed) -> dict[str, Any]:
    """The card, as `models.card` reads it.

    Args:
        name: of the ensemble.
        parts: its members.
        composed: what they come to.
    """
    cards = [one.card for one in parts]
    names = " and ".join(card.name for card in cards)
    what = (
        "the mean of the probabilities"
        if composed.rule is Rule.MEAN
        else "five classes, whose unsafe ones come to the mean of the unsafe scores"
    )
    shares = [one.weight / sum(one.weight for one in parts) for one in parts]
    is_even = len(set(shares)) == 1
    weights = "" if is_even else f", weighted {', '.join(f'{share:.3g}' for share in shares)}"
    trained = [f"{card.name}: {card.raw.get('training_data', 'not stated')}" for card in cards]
    return {
        "format": FORMAT,
        "name": name,
        "version": "+".join(card.version for card in cards),
        "description": f"{names} together: {what}{weights}.",
        "labels": list(composed.labels),
        "features": composed.features,
        "inputs": [input_entry(spec) for spec in composed.inputs],
        "sha256": {"model.onnx": hashlib.sha256(composed.graph).hexdigest()},
        "source": {"joined_of": [card.raw.get("source", {}) for card in cards]},
        "license": " AND ".join(dict.fromkeys(card.license for card in cards)),
        "training_data": " ".join(trained),
        "published": [],
        "false_alarms": _measured(cards) if is_even else [],
        "suggested_policy": _suggested(parts),
        "ensemble": {
            "rule": str(composed.rule),
            "members": [
                {"name": c.name, "version": c.version, "sha256": c.sha256["model.onnx"]}
                for c in cards
            ],
        },
        **({"computes": cards[0].computes} if cards[0].computes else {}),
    }


def _suggested(parts: Sequence[Part]) -> str:
    """What all members suggest; "balanced" where they do not agree."""
    suggested = {one.card.suggested_policy for one in parts}
    return next(iter(suggested)) or "balanced" if len(suggested) == 1 else "balanced"


def key_of(cards: Sequence[Card]) -> str:
    """What measurements of an ensemble are filed under: its members' graphs, in any order."""
    return " ".join(sorted(card.sha256["model.onnx"] for card in cards))


def _measured(cards: Sequence[Card]) -> list[dict[str, Any]]:
    known: dict[str, list[dict[str, Any]]] = json.loads(MEASURED.read_bytes())
    return known.get(key_of(cards), [])
