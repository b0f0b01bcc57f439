"""The card of a model bundle: what the graph cannot say about itself.

A bundle is a folder of `model.onnx` and `card.json`. Every graph takes float32 RGB in 0..255, NHWC,
any batch, and holds its own normalisation and channel order; the card describes what happens
before that. A model may have several inputs (an ensemble, joined backbones), each prepared from the
same picture in its own way.

    {
      "format": 1,
      "name": "resnet50_thin",
      "version": "1",
      "description": "...",
      "labels": ["sfw", "nsfw"],               [] for a backbone, which has features only
      "features": 1024,                        width of the pooled features, 0 if there are none
      "inputs": [{
        "name": "image",                       the graph's input
        "size": [224, 224],                    height and width that the graph takes
        "resample": "bilinear",                see Resample
        "resize": [256, 256],                  height, width before the centre crop; else size
        "fit": "squash",                       optional, see Fit
        "jpeg_quality": 75,                    a JPEG round trip after the crop; absent for none
        "background": [255, 255, 255]          the colour under transparent pixels
      }],
      "sha256": {"model.onnx": "..."},         of every file that the bundle consists of
      "source": {"package": ..., "version": ..., "url": ..., "integrity": ...},
      "license": "MIT",
      "training_data": "...",
      "published": [{"metric": ..., "value": ..., "source": ...}],
      "false_alarms": [{"pictures": ..., "count": ..., "unsafe_over": {"0.5": ..., "0.8": ...}}],
      "suggested_policy": "balanced",          optional, as is all that follows
      "computes": "int8",                      the graph itself is quantised; no other is known
      "ensemble": {"rule": "mean", "members": [{"name": ..., "version": ..., "sha256": ...}]},
      "imported": {"from": "huggingface", "repository": ..., "revision": ...,
                   "files": {"config.json": "..."}, "labels": {"normal": "sfw", "nsfw": "nsfw"}}
    }

See `models.origin` for the last two.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from figleaf.errors import BundleError
from figleaf.models.fields import list_of, optional, typed
from figleaf.models.origin import Ensemble, Origin, parse_ensemble, parse_origin

E = TypeVar("E", bound=StrEnum)

FORMAT = 1
RESULT_FIELDS = frozenset(
    (
        "input",
        "status",
        "label",
        "scores",
        "unsafe",
        "decision",
        "reason",
        "policy",
        "model",
        "precision",
        "actions",
        "places",
    )
)
"""The fields of a result, which no class may be called: tables have a column for each."""

_MAX_CARD_BYTES = 1 << 20
_INPUT_FIELDS = frozenset(
    ("name", "size", "resample", "resize", "fit", "jpeg_quality", "background")
)
_INT8 = "int8"
MAX_SIDE = 4096
"""The longest side, in pixels, of what a graph takes."""


class Resample(StrEnum):
    """By which filter a picture is resized."""

    BILINEAR_ALIGN_CORNERS = "bilinear-align-corners"
    """Four taps in float, no antialiasing, corners on corners: as TensorFlow.js does."""
    BILINEAR = "bilinear"
    """Pillow's antialiased bilinear filter, in uint8."""
    BICUBIC = "bicubic"
    """Pillow's antialiased bicubic filter, in uint8."""
    NEAREST = "nearest"
    """One source pixel for each, at Pillow's positions."""
    BOX = "box"
    """Pillow's box filter, in uint8."""
    HAMMING = "hamming"
    """Pillow's Hamming filter, in uint8."""
    LANCZOS = "lanczos"
    """Pillow's Lanczos filter, in uint8."""


class Fit(StrEnum):
    """What becomes of the aspect ratio."""

    SQUASH = "squash"
    """The picture is resized to `resize`, whatever its shape."""
    SHORTEST_EDGE = "shortest-edge"
    """It is kept: the shorter side becomes `resize`, the longer what falls to it, truncated."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a graph, and how a picture becomes it.

    Sizes are (height, width) in pixels; `background` is RGB, 0..255. Of what is resized, the centre
    of the size is cropped; its top left is half of what is over, rounded down.
    """

    name: str
    size: tuple[int, int]
    resample: Resample
    resize: tuple[int, int]
    jpeg_quality: int | None = None
    background: tuple[int, int, int] = (255, 255, 255)
    fit: Fit = Fit.SQUASH


@dataclass(frozen=True, slots=True)
class Card:
    """A parsed and validated `card.json`. `raw` is the whole of it, as it was read."""

    name: str
    version: str
    description: str
    labels: tuple[str, ...]
    features: int
    inputs: tuple[Input, ...]
    sha256: Mapping[str, str]
    license: str
    suggested_policy: str | None = None
    computes: str | None = None
    ensemble: Ensemble | None = None
    imported: Origin | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def background(self) -> tuple[int, int, int]:
        """The colour under transparent pixels, RGB, 0..255: the same for all inputs."""
        return self.inputs[0].background

    @property
    def tag(self) -> str:
        """Name and version, as results show them: "inception_v3@1"."""
        return f"{self.name}@{self.version}"


def read_card(path: Path) -> Card:
    """Read and validate a `card.json`.

    Raises:
        BundleError: the file is missing, too large, not JSON, or breaks the schema; the message
            names the file and the field.
    """
    try:
        raw = json.loads(read_regular(path, _MAX_CARD_BYTES))
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path}: not JSON ({error})") from error
    try:
        return parse_card(raw)
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from None


def read_regular(path: Path, limit: int) -> bytes:
    """The bytes of a regular file; a pipe or a device could go on for ever.

    Raises:
        BundleError: there is no such file, it cannot be read, or it is over `limit` bytes.
    """
    if not path.is_file():
        whole = "a bundle is the whole folder: card.json, and what it names"
        raise BundleError(f"{path}: no such file; {whole}")
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}") from error
    if len(data) > limit:
        raise BundleError(f"{path}: over {limit:,} bytes, which no bundle needs")
    return data


def parse_card(raw: object) -> Card:
    """Validate what is to be a card.

    Args:
        raw: what JSON made of it.

    Raises:
        BundleError: it breaks the schema; the message names the field.
    """
    if not isinstance(raw, dict):
        raise BundleError("not a JSON object")
    if raw.get("format") != FORMAT:
        raise BundleError(f"'format' is {raw.get('format')!r}, this figleaf reads {FORMAT}")
    labels = tuple(list_of(str, raw, "labels"))
    _check_labels(labels)
    features = typed(int, raw, "features")
    if not labels and features < 1:
        raise BundleError("a model needs 'labels', 'features', or both")
    _check_false_alarms(raw)
    computes = raw.get("computes")
    if computes not in (None, _INT8):
        raise BundleError(f"'computes' is {computes!r}, not {_INT8!r}, the only one there is")
    return Card(
        name=typed(str, raw, "name"),
        version=typed(str, raw, "version"),
        description=typed(str, raw, "description"),
        labels=labels,
        features=features,
        inputs=_parse_inputs(raw),
        sha256=_parse_hashes(raw),
        license=typed(str, raw, "license"),
        suggested_policy=optional(str, raw, "suggested_policy"),
        computes=computes,
        ensemble=parse_ensemble(raw),
        imported=parse_origin(raw),
        raw=raw,
    )


def can_be_class(label: str) -> bool:
    """Whether a model may have a class of that name."""
    # A class is a column beside these fields, and is printed on terminals.
    return bool(label) and label not in RESULT_FIELDS and label.isprintable()


def _check_labels(labels: tuple[str, ...]) -> None:
    if len(set(labels)) != len(labels):
        raise BundleError("'labels' holds a name twice")
    for label in labels:
        if not can_be_class(label):
            raise BundleError(f"'labels' has {label!r}, which cannot be a class's name")


def _check_false_alarms(raw: dict[str, Any]) -> None:
    for entry in list_of(dict, raw, "false_alarms") if "false_alarms" in raw else ():
        typed(str, entry, "pictures")
        typed(int, entry, "count")
        shares = typed(dict, entry, "unsafe_over")
        if not all(type(share) in (int, float) and 0 <= share <= 1 for share in shares.values()):
            raise BundleError(f"'unsafe_over' is {shares!r}, not a share for each threshold")


def _parse_inputs(raw: dict[str, Any]) -> tuple[Input, ...]:
    inputs = tuple(_parse_input(entry) for entry in list_of(dict, raw, "inputs"))
    if not inputs:
        raise BundleError("'inputs' is empty")
    if len({spec.background for spec in inputs}) > 1:
        # A picture is decoded once for all inputs.
        raise BundleError("the inputs' 'background' differ; give all the same")
    return inputs


def _parse_input(raw: dict[str, Any]) -> Input:
    if unknown := sorted(raw.keys() - _INPUT_FIELDS):
        # All of them change pixels.
        raise BundleError(
            f"an input has {unknown[0]!r}, which this figleaf does not know: use a newer one"
        )
    size = _pair(raw, "size")
    resize = _pair(raw, "resize") if "resize" in raw else size
    fit = _choice(Fit, {"fit": str(Fit.SQUASH), **raw}, "fit")
    if fit is Fit.SHORTEST_EDGE and resize[0] != resize[1]:
        raise BundleError(f"'resize' is {list(resize)}: one length, twice, for the shortest edge")
    if resize[0] < size[0] or resize[1] < size[1]:
        raise BundleError(f"'resize' {list(resize)} is smaller than 'size' {list(size)}")
    quality = raw.get("jpeg_quality")
    if quality is not None and not (type(quality) is int and 1 <= quality <= 100):
        raise BundleError(f"'jpeg_quality' is {quality!r}, not a whole number from 1 to 100")
    red, green, blue = _background(raw)
    return Input(
        name=typed(str, raw, "name"),
        size=size,
        resample=_choice(Resample, raw, "resample"),
        resize=resize,
        jpeg_quality=quality,
        background=(red, green, blue),
        fit=fit,
    )


def _choice(kind: type[E], raw: dict[str, Any], key: str) -> E:
    value = typed(str, raw, key)
    try:
        return kind(value)
    except ValueError:
        raise BundleError(f"{key!r} is {value!r}, not one of {', '.join(kind)}") from None


def _background(raw: dict[str, Any]) -> list[int]:
    colour = list_of(int, raw, "background")
    if len(colour) != 3 or not all(0 <= channel <= 255 for channel in colour):
        raise BundleError(f"'background' is {colour!r}, not three numbers from 0 to 255")
    return colour


def _parse_hashes(raw: dict[str, Any]) -> dict[str, str]:
    hashes = typed(dict, raw, "sha256")
    for name, digest in hashes.items():
        is_digest = isinstance(digest, str) and len(digest) == 64
        if not is_digest or Path(name).name != name:
            raise BundleError(f"'sha256' has {name!r}: {digest!r}, not a file and its hash")
    if "model.onnx" not in hashes:
        raise BundleError("'sha256' does not name model.onnx")
    return hashes


def _pair(raw: dict[str, Any], key: str) -> tuple[int, int]:
    values = list_of(int, raw, key)
    if len(values) != 2 or not all(1 <= side <= MAX_SIDE for side in values):
        raise BundleError(f"'{key}' is {values!r}, not [height, width] from 1 to {MAX_SIDE}")
    return values[0], values[1]
