"""The card of each bundle: the facts of `cards.json`, and the hash of the graph they go with."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tools.weights.packages import Package

VERSION = "1"
_FACTS = Path(__file__).with_name("cards.json")
_FALSE_ALARMS = Path(__file__).parent.with_name("false_alarms.json")


def write_card(folder: Path, package: Package) -> None:
    """Write `card.json` beside the `model.onnx` in a bundle's folder, which names the model."""
    facts = json.loads(_FACTS.read_text("utf-8"))[folder.name]
    if facts["package"] != package.name:
        raise ValueError(f"{_FACTS.name} says that {folder.name} is from {facts['package']}")
    graph = (folder / "model.onnx").read_bytes()
    card = _card(folder.name, facts, package, hashlib.sha256(graph).hexdigest())
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    (folder / "card.json").write_text(text, "utf-8", newline="\n")


def _card(name: str, facts: dict[str, Any], package: Package, digest: str) -> dict[str, Any]:
    card = {
        "format": 1,
        "name": name,
        "version": VERSION,
        **{key: facts[key] for key in ("description", "labels", "features", "inputs")},
        "sha256": {"model.onnx": digest},
        "source": {
            "package": package.name,
            "version": package.version,
            "url": facts["url"],
            "integrity": package.integrity,
        },
        **{key: facts[key] for key in ("license", "training_data", "published")},
        "false_alarms": _false_alarms(name),
    }
    if "suggested_policy" in facts:
        card["suggested_policy"] = facts["suggested_policy"]
    return card


def _false_alarms(name: str) -> Any:
    """What was measured on safe pictures, where it has been."""
    if not _FALSE_ALARMS.exists():
        return []
    return json.loads(_FALSE_ALARMS.read_text("utf-8")).get(name, [])
