"""Data sets to screen: images whose scores are chosen, or that a model really looks at."""

import json
from collections.abc import Mapping
from pathlib import Path

from figleaf import labels
from figleaf.dataset.ledger import Ledger

from ..splitting.samples import ids_of

TAG = "mobilenet_v2@1 f32"
Scores = dict[str, float]


def scores(**some: float) -> Scores:
    """Scores of five classes: what is not given is shared evenly."""
    rest = [one.name for one in labels.FIVE if one.name not in some]
    return some | dict.fromkeys(rest, (1 - sum(some.values())) / len(rest))


def say(
    folder: Path, said: Mapping[str, Scores | None], *, model: str = TAG, status: str = "truncated"
) -> None:
    """Let a model have seen images, with these scores; None for one that it could not read."""
    ids = ids_of(folder)
    with Ledger(folder, write=True) as ledger, ledger.transaction() as db:
        db.executemany(
            "REPLACE INTO scores VALUES (?, ?, ?, ?)",
            (
                (ids[name], model, status if found is None else "ok", json.dumps(found or {}))
                for name, found in said.items()
            ),
        )
