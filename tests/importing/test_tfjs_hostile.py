"""TensorFlow.js models with anything in any place: taken or refused, never anything else."""

import copy
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from figleaf.errors import ImportModelError
from figleaf.importing.tfjs import import_tfjs

from .graph_models import every_operation
from .tfjs_models import CLASSES, small_net

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 1 << 40, -(1 << 40), 0.5, math.nan, math.inf, 1e300),
    *("", "x", "same", "image", "Softmax", "Reshape", "Functional"),
    *([], [[]], [0], [1, 2], [None], [[[1]]], {}, {"a": 1}, {"s": "eA=="}, {"list": {"i": ["0"]}}),
)
_ROUNDS = 40


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a JSON value, but of the whole."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def mutated(model: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The model with one thing taken away, or something else in its place."""
    changed = copy.deepcopy(model)
    *outer, key = chance.choice(list(places(model)))
    holder: Any = changed
    for step in outer:
        holder = holder[step]
    if chance.random() < 0.25:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(chance.choice(_VALUES))
    return changed


@pytest.mark.parametrize("name", ["layers", *every_operation()])
def test_anything_in_any_place_is_taken_or_refused(tmp_path: Path, name: str) -> None:
    small_net(tmp_path) if name == "layers" else every_operation()[name].write(tmp_path)
    model = json.loads((tmp_path / "model.json").read_text())
    chance = random.Random(name)
    refused = 0
    for _ in range(_ROUNDS):
        (tmp_path / "changed.json").write_text(json.dumps(mutated(model, chance)))
        try:
            import_tfjs(tmp_path / "changed.json", CLASSES)
        except ImportModelError:
            refused += 1
    assert refused > _ROUNDS / 4
