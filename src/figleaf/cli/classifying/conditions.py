"""What has to be the same where results are added to those of an earlier run."""

import json
from collections.abc import Iterable
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from figleaf.classify.classifier import Classifier
from figleaf.cli.classifying.asked import Asked, Loading

_FREE = ("model", "policy", "precision", "threads", "batch_size", "allow_lists", "block_lists")
"""What results do not depend on, or what is compared by what it comes to."""


def told_by(classifier: Classifier) -> dict[str, str]:
    """What every row of a classifier tells of it."""
    return {
        "model": classifier.model.card.tag,
        "policy": classifier.policy.tag,
        "precision": str(classifier.model.precision),
    }


def conditions(asked: Asked, classifier: Classifier) -> dict[str, Any]:
    """The options that results depend on, as plain JSON types; files by their bytes."""
    loading = asked.loading
    found: dict[str, Any] = {
        "model's files": _hash(json.dumps(classifier.model.card.raw, sort_keys=True)),
        "policy's rules": _hash(repr(_rules(classifier))),
        "--allow-list": _files(loading.allow_lists),
        "--block-list": _files(loading.block_lists),
        "--top-k": asked.showing.top_k,
        "actions": [f"{one.kind} to {one.folder.resolve()}" for one in asked.doing.actions],
    }
    if asked.doing.actions:
        found["--only"] = sorted(asked.showing.only)
    for one in fields(Loading):
        if one.name not in _FREE:
            found[one.name] = _plain(getattr(loading, one.name))
    return found


def _rules(classifier: Classifier) -> list[tuple[object, ...]]:
    # A set's order differs between processes.
    policy = classifier.policy
    return [(policy.unreadable,)] + [
        (rule.name, sorted(rule.classes), rule.review, rule.block) for rule in policy.rules
    ]


def _files(paths: Iterable[Path]) -> list[str]:
    return [sha256(path.read_bytes()).hexdigest()[:16] for path in paths]


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float | str | None) else repr(value)
