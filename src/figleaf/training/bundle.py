"""A trained model as a bundle: its card, and its files."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.dataset.durable import write_new
from figleaf.models.card import FORMAT
from figleaf.models.writing import CARD as CARD  # for those who deal with trained bundles
from figleaf.models.writing import GRAPH as GRAPH
from figleaf.models.writing import REPORT as REPORT
from figleaf.models.writing import TEXT as TEXT
from figleaf.models.writing import bundle_files, input_entry
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.features import joined_inputs
from figleaf.training.report import TrainReport


def card_of(report: TrainReport, backbones: Sequence[Backbone]) -> dict[str, Any]:
    """The card but for its hashes, and how the model was trained under `trained`."""
    names = "+".join(one.name for one in backbones)
    published = []
    if report.test:
        source = (
            f"figleaf {__version__}, on the {report.test.images:,} images of the test part of data"
            f" set {report.data_hash[:12]}"
        )
        published.append(
            {"metric": "accuracy", "value": round(report.test.accuracy, 6), "source": source}
        )
    return {
        "format": FORMAT,
        "name": report.name,
        "version": "1",
        "description": (
            f"{len(report.classes)} classes, trained on {report.trained:,} images of one data set:"
            f" {report.rules.mode} on {names}."
            f"{f' {report.note}' if report.note else ''}"
        ),
        "labels": list(report.classes),
        "features": report.width,
        "inputs": [input_entry(spec) for spec in joined_inputs(backbones)],
        "sha256": {},
        "source": {
            "trained_with": f"figleaf {__version__}",
            "backbones": [{"name": one.name, **one.source} for one in backbones],
        },
        "license": " AND ".join(dict.fromkeys(one.license for one in backbones)),
        "training_data": (
            f"{report.trained:,} images of the data set {report.data_hash}; the backbones, before"
            f" that: {' '.join(f'{one.name}: {one.training_data}' for one in backbones)}"
        ),
        "published": published,
        "false_alarms": [],
        "trained": report.facts(),
    }


def write_parts(
    folder: Path, graph: bytes, text: str, report: TrainReport, backbones: Sequence[Backbone]
) -> str:
    """Write the graph, the model card and the card; gives the bundle's hash, that of the card."""
    parts = {GRAPH: graph, TEXT: text.encode()}
    files = bundle_files(card_of(report, backbones), parts)
    for name, data in files.items():
        write_new(folder / name, data)
    return hashlib.sha256(files[CARD]).hexdigest()


def write_report(folder: Path, report: TrainReport) -> None:
    """Write all that is known of the training, times included."""
    text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
    write_new(folder / REPORT, text.encode())
