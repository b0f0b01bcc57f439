"""A bundle on its way to the disk: card filled in, files written, opened once, and moved."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from figleaf.errors import InputError
from figleaf.models.bundle import embedded
from figleaf.models.card import Fit, Input
from figleaf.models.model import load_model

GRAPH, CARD = "model.onnx", "card.json"
"""The files that every bundle has."""
TEXT, REPORT = "MODEL_CARD.md", "training.json"
"""What a trained bundle has besides; the last one is not part of its hash, since it tells times."""

_LONGEST_NAME = 255  # of a file, on every system
_KEPT = 40  # letters of the name: all of it and more could be longer than a name may be
_GREY = 128


def check_name(out: Path) -> None:
    """Refuse a place by its name alone, whatever is there.

    Raises:
        InputError: a name that no model can have.
    """
    if not out.name or out.name in (".", ".."):
        raise InputError(f"{out}: not a name for a bundle's folder")
    check_model_name(out.name)


def check_model_name(name: str) -> None:
    """Refuse what results and tables cannot show, or would show as another model.

    Raises:
        InputError: a name that no model can have.
    """
    is_shown = name.strip() and name.isprintable()
    if not is_shown or len(os.fsencode(name)) > _LONGEST_NAME:
        raise InputError(
            f"{name[:_LONGEST_NAME]!r}: the name of a model is of letters that can be printed, of"
            f" at most {_LONGEST_NAME} bytes"
        )
    if name in embedded():
        raise InputError(
            f"{name}: a model that comes with figleaf is called {name}, and --model would take"
            " that one; give another name"
        )


def check_free(out: Path) -> None:
    """Refuse, before any work is done, a place where no new bundle can be written.

    Raises:
        InputError: something is there, there is no folder for it, or a name that no model can have.
    """
    check_name(out)
    if os.path.lexists(out):
        raise InputError(f"{out}: is there, and nothing is overwritten; name another place")
    parent = out.absolute().parent
    if not parent.is_dir():
        raise InputError(f"{out}: there is no folder {parent}")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"{out}: {parent} cannot be written")


def input_entry(spec: Input) -> dict[str, Any]:
    """An input as a card has it: nothing that is as by default."""
    return {
        "name": spec.name,
        "size": list(spec.size),
        "resample": str(spec.resample),
        **({"resize": list(spec.resize)} if spec.resize != spec.size else {}),
        **({"fit": str(spec.fit)} if spec.fit is not Fit.SQUASH else {}),
        **({"jpeg_quality": spec.jpeg_quality} if spec.jpeg_quality is not None else {}),
        "background": list(spec.background),
    }


def bundle_files(card: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """All files of a bundle, the card last, with the hashes of the others in it.

    Args:
        card: as `models.card` reads it; its `sha256` may be empty or missing.
        files: by name: `model.onnx`, and whatever else belongs to it.
    """
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    whole = {**card, "sha256": hashes}
    text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    return {**files, CARD: text.encode()}


def write_bundle(folder: Path, card: dict[str, Any], graph: bytes) -> Path:
    """Write a new bundle, which is whole or not there.

    It is opened and shown one grey picture before it takes its name, so that what cannot be used is
    never left behind.

    Args:
        folder: where it goes; nothing may be there.
        card: as `models.card` reads it; `sha256` is filled in.
        graph: ONNX.

    Returns:
        the folder.

    Raises:
        InputError: see `check_free`.
        BundleError, ModelError: the card breaks the schema, the graph does not fit it, or cannot be
            run. Nothing is left.
        OSError: the disk is full, or the like; nothing is left either.
    """
    check_free(folder)
    with _beside(folder) as staged:
        for name, data in bundle_files(card, {GRAPH: graph}).items():
            _write(staged / name, data)
        _try(staged)
        check_free(folder)
        staged.rename(folder)
    return folder


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A new folder beside a place; at the end it is removed, or renamed."""
    target = folder.absolute()
    staged = target.with_name(f".{target.name[:_KEPT]}.{secrets.token_hex(4)}.part")
    staged.mkdir()
    try:
        yield staged
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(staged)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _try(folder: Path) -> None:
    model = load_model(folder, streams=1)
    largest = [max(spec.size[axis] for spec in model.card.inputs) for axis in (0, 1)]
    grey = np.full((*largest, 3), _GREY, np.uint8)
    # Two, since a graph that was made for a batch of one may give one row whatever is put in.
    model.run([model.prepare(grey)] * 2, features=True)
