"""A trained model as a bundle: written beside its place, checked, and moved there whole."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.errors import InputError
from figleaf.models.card import FORMAT, Input
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.features import joined_inputs
from figleaf.training.report import TrainReport

GRAPH, CARD, TEXT, REPORT = "model.onnx", "card.json", "MODEL_CARD.md", "training.json"
"""The files of a bundle; the last one is not part of its hash, since it tells times."""

_LONGEST_NAME = 255  # of a file, on every system


def check_place(out: Path, *, overwrite: bool) -> None:
    """Refuse, before any work is done, a place where no bundle may be written.

    Raises:
        InputError: something else is there, or a bundle that is not to be overwritten.
    """
    if not out.name or out.name in (".", ".."):
        raise InputError(f"{out}: not a name for a bundle's folder")
    if not out.name.isprintable() or len(os.fsencode(out.name)) > _LONGEST_NAME:
        # It is the model's name as well, which results and tables show.
        raise InputError(
            f"{str(out)!r}: the name of a model is of letters that can be printed, of at most"
            f" {_LONGEST_NAME} bytes"
        )
    if not out.absolute().parent.is_dir():
        raise InputError(f"{out}: there is no folder {out.absolute().parent}")
    if not os.access(out.absolute().parent, os.W_OK | os.X_OK):
        raise InputError(f"{out}: {out.absolute().parent} cannot be written")
    if not os.path.lexists(out):
        return
    if out.is_symlink() or not out.is_dir():
        raise InputError(f"{out}: is there, and is no folder; name another place")
    names = {path.name for path in out.iterdir()}
    if names and not (CARD in names and names <= {GRAPH, CARD, TEXT, REPORT}):
        raise InputError(f"{out}: is there, and is no bundle alone; name another place")
    if names and not overwrite:
        raise InputError(f"{out}: is there; --overwrite replaces it, or name another place")


def card_of(
    report: TrainReport, backbones: Sequence[Backbone], hashes: Mapping[str, str]
) -> dict[str, Any]:
    """The card, as `models.card` reads it, and how the model was trained under `trained`."""
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
        ),
        "labels": list(report.classes),
        "features": report.width,
        "inputs": [_input(spec) for spec in joined_inputs(backbones)],
        "sha256": dict(hashes),
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


def _input(spec: Input) -> dict[str, Any]:
    """An input as a card has it: nothing that is as by default."""
    raw = asdict(spec)
    return {
        "name": spec.name,
        "size": list(spec.size),
        "resample": str(spec.resample),
        **({"resize": list(spec.resize)} if spec.resize != spec.size else {}),
        **({"jpeg_quality": raw["jpeg_quality"]} if spec.jpeg_quality is not None else {}),
        "background": list(spec.background),
    }


def write_parts(
    folder: Path, graph: bytes, text: str, report: TrainReport, backbones: Sequence[Backbone]
) -> str:
    """Write the graph, the model card and the card; gives the bundle's hash, that of the card."""
    files = {GRAPH: graph, TEXT: text.encode()}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    card = json.dumps(card_of(report, backbones, hashes), indent=2, ensure_ascii=False) + "\n"
    for name, data in {**files, CARD: card.encode()}.items():
        _write(folder / name, data)
    return hashlib.sha256(card.encode()).hexdigest()


def write_report(folder: Path, report: TrainReport) -> None:
    """Write all that is known of the training, times included."""
    text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n"
    _write(folder / REPORT, text.encode())


def staging(out: Path) -> Path:
    """A new folder beside a bundle's place."""
    folder = out.absolute().parent / f".{out.name[:40]}.{secrets.token_hex(4)}.part"
    folder.mkdir()
    return folder


def move(folder: Path, out: Path) -> None:
    """Put a finished folder into its place, in place of what `check_place` let pass."""
    _flush(folder)
    if out.exists():
        old = folder.with_suffix(".old")
        out.rename(old)
        try:
            folder.rename(out)
        except BaseException:  # Ctrl-C as well: one of the two has to be there
            old.rename(out)
            raise
        shutil.rmtree(old)
    else:
        folder.rename(out)
    _flush(out.absolute().parent)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
