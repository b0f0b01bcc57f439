"""`export_tfjs`: a bundle as a TensorFlow.js graph model, which NSFW JS loads as one of its own.

NSFW JS 4 (https://github.com/infinitered/nsfwjs, src/core.ts) squashes a picture to a square by
bilinear sampling with corners on corners, divides it by 255, and calls the model's outputs Drawing,
Hentai, Neutral, Porn and Sexy. None of that can be told to it, so only bundles that are shown
pictures in that way, and have these classes in that order, are taken.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from figleaf._version import __version__
from figleaf.errors import BundleError, FigleafError, InputError, ModelError
from figleaf.export.names import TAKEN
from figleaf.export.staging import empty_target, staged
from figleaf.export.tfjs.convert import graphdef_of
from figleaf.export.tfjs.files import model_files
from figleaf.importing.tfjs.importer import graph_of
from figleaf.importing.tfjs.reading import read_files
from figleaf.labels import FIVE
from figleaf.models.bundle import DEFAULT_MODEL, Bundle, find_bundle, open_bundle
from figleaf.models.card import Card, Fit, Input, Resample, read_regular
from figleaf.models.runtime import Precision, RuntimeName, compile_graph

CLASSES = tuple(label.name for label in FIVE)
CARD, MODEL_CARD = "card.json", "MODEL_CARD.md"
_FORMAT = 1
_CLOSE = 1e-4
_MAX_TEXT = 1 << 24
_INSTEAD = "figleaf-web classifies with any bundle in the browser (docs/web.md, From NSFW JS)"


@dataclass(frozen=True, slots=True)
class TfjsExport:
    """What was written.

    Attributes:
        folder: where the model lies.
        name: of the bundle, as its card has it.
        side: of the square that the model takes, in pixels.
        files: how many there are.
        size: their bytes.
        download: of which in the shards and `model.json`: what a browser downloads.
        moved: by how much a score of the export differs from the bundle's on test pictures.
    """

    folder: Path
    name: str
    side: int
    files: int
    size: int
    download: int
    moved: float

    @property
    def call(self) -> str:
        """How NSFW JS loads it, once the folder is hosted."""
        return f'nsfwjs.load("/{self.folder.name}/", {{ type: "graph", size: {self.side} }})'

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        return {
            "folder": str(self.folder),
            "model": self.name,
            "side": self.side,
            "files": self.files,
            "size": self.size,
            "download": self.download,
            "moved": self.moved,
            "load": self.call,
        }


def export_tfjs(out: str | Path, model: str | Path = DEFAULT_MODEL) -> TfjsExport:
    """Write a bundle as a TensorFlow.js graph model for sites that run NSFW JS.

    ::

        figleaf.export_tfjs("site/my-model", "my-model")

        const model = await nsfwjs.load("/my-model/", { type: "graph", size: 224 });

    The folder takes its name at the end, when all of it is on the disk. The model is read back, and
    its scores are compared with the bundle's, before that. Beside it lie the bundle's card and
    `figleaf-export.json`, which says where it comes from.

    Args:
        out: the folder to make. It may exist if it is empty.
        model: an embedded model's name or a bundle's folder.

    Returns:
        what was written.

    Raises:
        InputError: a folder that is not empty; a bundle that NSFW JS would show other pictures than
            figleaf does, or whose classes are others than its five: with the reason.
        ModelError: a model cannot be found, is damaged, or has an operator without a counterpart,
            which is named.
        DatasetError: the folder cannot be written, or the disk is full.
    """
    target = empty_target(out)
    bundle = open_bundle(model)
    spec = fitting_input(bundle.card)
    files = _converted(bundle, spec)
    moved = _moved(bundle, files, spec)
    download = sum(map(len, files.values()))
    files |= _beside(bundle.card, find_bundle(model), files)
    with staged(target) as folder:
        for name, data in files.items():
            (folder / name).write_bytes(data)
    size = sum(map(len, files.values()))
    return TfjsExport(target, bundle.card.name, spec.size[0], len(files), size, download, moved)


def fitting_input(card: Card) -> Input:
    """The input of a bundle that NSFW JS prepares pictures for as figleaf does.

    Raises:
        InputError: it would not, with the reason and what to do instead.
    """
    reasons = list(_reasons(card))
    if reasons:
        raise InputError(f"{card.name}: NSFW JS cannot take it: {reasons[0]}. {_INSTEAD}")
    return card.inputs[0]


def _reasons(card: Card) -> list[str]:
    found = []
    if card.labels != CLASSES:
        named = ", ".join(card.labels) or "none"
        found.append(f"its classes are {named}, and there they are always {', '.join(CLASSES)}")
    if len(card.inputs) != 1:
        found.append(f"it takes {len(card.inputs)} pictures, and there it would be shown one")
        return found
    (spec,) = card.inputs
    if spec.resample is not Resample.BILINEAR_ALIGN_CORNERS:
        found.append(
            f"it takes pictures resized by {spec.resample}, and there they are always by"
            f" {Resample.BILINEAR_ALIGN_CORNERS}"
        )
    if spec.fit is not Fit.SQUASH or spec.resize != spec.size or spec.jpeg_quality is not None:
        found.append("its pictures are cropped or encoded on the way, and there they are not")
    if spec.size[0] != spec.size[1]:
        found.append(f"it takes {spec.size[0]}x{spec.size[1]} pixels, and there it is a square")
    if card.computes is not None:
        found.append(f"it computes in {card.computes}, and there it would not")
    return found


def _converted(bundle: Bundle, spec: Input) -> dict[str, bytes]:
    """The files of the model itself.

    Raises:
        ModelError: an operator has no counterpart, or the graph is damaged.
    """
    try:
        graph = graphdef_of(bundle.graph, spec.size)
        return model_files(graph, spec.size, len(bundle.card.labels))
    except FigleafError:
        raise
    except Exception as error:  # of ONNX's own passes, whose errors have no common base
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"{bundle.card.name}: the graph cannot be taken apart: {reason}"
        ) from error


def _moved(bundle: Bundle, files: Mapping[str, bytes], spec: Input) -> float:
    """By how much a score differs, once the files are read back.

    Raises:
        ModelError: by more than rounding does.
    """
    again = graph_of(read_files(files), spec.size)
    pictures = _test_pictures(spec.size)
    first, second = (
        compile_graph(graph, runtime=RuntimeName.OPENVINO, precision=Precision.F32, streams=1)
        for graph in (bundle.graph, again)
    )
    moved = 0.0
    for one in pictures:
        rows = [
            runtime.infer({name: one[None]}, ["probabilities"])["probabilities"]
            for runtime, name in ((first, spec.name), (second, "image"))
        ]
        moved = max(moved, float(np.abs(rows[0] - rows[1]).max()))
    if not moved <= _CLOSE:
        raise ModelError(
            f"{bundle.card.name}: in TensorFlow's operations its scores move by {moved:.2g},"
            f" over {_CLOSE}; this is a bug of figleaf"
        )
    return moved


def _test_pictures(size: tuple[int, int]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """Squares of random colours, large to single pixels, float32 (4, height, width, 3)."""
    random = np.random.default_rng(0)
    pictures = []
    for side in (1, 4, 16, 64):
        tiles = random.integers(0, 256, (-(-size[0] // side), -(-size[1] // side), 3))
        whole = tiles.repeat(side, axis=0).repeat(side, axis=1)
        pictures.append(whole[: size[0], : size[1]].astype(np.float32))
    return np.stack(pictures)


def _beside(card: Card, folder: Path, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What tells a reader of the folder what it is: the card, and where it comes from."""
    raw = read_regular(folder / CARD, _MAX_TEXT)
    told = {CARD: raw}
    if MODEL_CARD in card.sha256:
        told[MODEL_CARD] = _verified(folder / MODEL_CARD, card.sha256[MODEL_CARD])
    value = {
        "format": _FORMAT,
        "figleaf": __version__,
        "form": "tfjs",
        "model": card.tag,
        "license": card.license,
        "classes": list(card.labels),
        "side": card.inputs[0].size[0],
        "card_sha256": hashlib.sha256(raw).hexdigest(),
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return {**told, TAKEN: text.encode()}


def _verified(path: Path, digest: str) -> bytes:
    data = read_regular(path, _MAX_TEXT)
    if hashlib.sha256(data).hexdigest() != digest:
        raise BundleError(f"{path}: it has changed while the model was exported; begin again")
    return data
