"""`import_tfjs`: a TensorFlow.js model as what a bundle is written of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from figleaf.errors import ImportModelError, ModelError
from figleaf.importing.imported import Imported
from figleaf.importing.mapping import Mapped, map_labels
from figleaf.importing.tfjs.graphdef import convert_graph, placeholder_size
from figleaf.importing.tfjs.keras import convert_layers, input_size
from figleaf.importing.tfjs.net import Net, Value
from figleaf.importing.tfjs.reading import Form, Model, read_folder
from figleaf.models.card import FORMAT, MAX_SIDE, Input, Resample
from figleaf.models.graph import Floats, scalar
from figleaf.models.runtime import Precision, RuntimeName, compile_graph
from figleaf.models.writing import input_entry

NSFWJS_ORDER = "drawings,hentai,neutral,porn,sexy"
"""The order of nsfw_model and nsfwjs, which is that of the alphabet."""
_CLOSE = 1e-3
_WIDEST = 1 << 14
"""Features that are worth keeping: what is flattened without pooling is far wider."""


class Pixels(StrEnum):
    """In what numbers a model takes pixels, which its files do not say."""

    UNIT = "0..1"
    """Divided by 255, as nsfwjs and nsfw_model do."""
    SIGNED = "-1..1"
    """Divided by 127.5, less 1: what Keras' MobileNet, Inception and Xception are shown."""
    BYTES = "0..255"
    """As they are, where the model has its own Rescaling, as EfficientNet in Keras."""


@dataclass(frozen=True, slots=True)
class TfjsRules:
    """What the files of a TensorFlow.js model do not say.

    Attributes:
        pixels: in what numbers it takes pixels.
        resample: how pictures are resized to its input.
        size: (height, width) of its input, for a model that takes any.
        logits: whether its outputs are what a softmax is still to be made of.
        labels: what the user says of a class: source class -> ours.
    """

    pixels: Pixels = Pixels.UNIT
    resample: Resample = Resample.BILINEAR_ALIGN_CORNERS
    size: tuple[int, int] | None = None
    logits: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


def import_tfjs(folder: Path, classes: Sequence[str], rules: TfjsRules | None = None) -> Imported:
    """Read a TensorFlow.js model and make an ONNX graph of it.

    Layers and graph models, weights in float32, float16, uint8 and uint16; also in the form in
    which the package nsfwjs publishes its own. No code of it is executed.

    Args:
        folder: the model's folder, or its `model.json`.
        classes: what its outputs are, in their order. A model of one output, a sigmoid, has two:
            the output is the probability of the second one.
        rules: what the files do not say; TfjsRules() by default.

    Returns:
        the card but for its name, version and license, and the graph.

    Raises:
        ImportModelError: no classes are given, or not as many as there are outputs; a file is
            missing or damaged; a layer or operation is not known, which is named; or the outputs
            are no probabilities.
    """
    rules = rules or TfjsRules()
    if not classes:
        raise ImportModelError(
            f"{folder}: a TensorFlow.js model does not name its classes: give them in the order of"
            f" its outputs, --classes {NSFWJS_ORDER} for those of nsfw_model and nsfwjs, whose"
            " order is alphabetical"
        )
    mapped = map_labels(classes, rules.labels)
    model = read_folder(folder)
    try:
        size = _size(model, rules)
        made = _made(model, size, rules, mapped)
    except (
        ImportModelError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
    ) as e:
        raise ImportModelError(f"{folder}: {str(e).strip().partition(chr(10))[0]}") from e
    _check_probabilities(made, size, mapped, folder)
    return Imported(
        _card(model, size, rules, mapped, made), made.graph, _notes(made, rules, size, mapped)
    )


def graph_of(model: Model, size: tuple[int, int]) -> bytes:
    """The ONNX graph of a model that takes pixels in 0..1 and gives probabilities, as they are."""
    net = Net()
    picture = _in_range(net, net.image(size), Pixels.UNIT)
    convert = convert_layers if model.form is Form.LAYERS else convert_graph
    return net.build("imported", convert(model, net, picture), None)


@dataclass(frozen=True, slots=True)
class _Made:
    """A graph, how wide its features are (0 for none), and whether a softmax or sigmoid ends it.

    `outputs` is how many numbers the model itself gives.
    """

    graph: bytes
    features: int
    normalised: bool
    outputs: int


def _size(model: Model, rules: TfjsRules) -> tuple[int, int]:
    found = (input_size if model.form is Form.LAYERS else placeholder_size)(model)
    if found is None and rules.size is None:
        raise ImportModelError(
            "the model takes pictures of any size: give the one that it was"
            " trained with, as in --size 224"
        )
    if found is not None and rules.size not in (None, found):
        raise ImportModelError(f"the model takes {found[0]}x{found[1]} pixels; leave --size away")
    height, width = found or rules.size or (0, 0)
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise ImportModelError(f"the model takes {height}x{width} pixels, known is 1 to {MAX_SIDE}")
    return height, width


def _made(model: Model, size: tuple[int, int], rules: TfjsRules, mapped: Mapped) -> _Made:
    net = Net()
    picture = _in_range(net, net.image(size), rules.pixels)
    convert = convert_layers if model.form is Form.LAYERS else convert_graph
    output = convert(model, net, picture)
    pooled = net.pooled
    last = net.kind_of(output)
    scores = _scores(net, output, last, rules, mapped)
    if not mapped.is_identity:
        scores = net.dense(scores, mapped.merge, None, "classes")
    features = pooled if pooled is not None and np.prod(pooled.shape) <= _WIDEST else None
    graph = net.build("imported", scores, features)
    width = 0 if features is None else int(np.prod(features.shape))
    normalised = rules.logits or last in ("Softmax", "Sigmoid")
    return _Made(graph, width, normalised, int(np.prod(output.shape)))


def _in_range(net: Net, picture: Value, pixels: Pixels) -> Value:
    if pixels is Pixels.UNIT:
        return net.pairwise("Div", picture, scalar(255), "unit")
    if pixels is Pixels.SIGNED:
        scaled = net.pairwise("Div", picture, scalar(127.5), "scaled")
        return net.pairwise("Sub", scaled, scalar(1), "signed")
    return picture


def _scores(net: Net, output: Value, last: str, rules: TfjsRules, mapped: Mapped) -> Value:
    """One number for each of the source's classes."""
    count, named = int(np.prod(output.shape)), len(mapped.source)
    output = net.reshape(output, (count,), "scores")
    if count == 1 and named == 2:
        return _two_of_one(net, output, last, rules)
    if count != named:
        raise ImportModelError(
            f"the model has {count} outputs, and {named} classes are named: name each, in the order"
            f" of the outputs{f', as in --classes {NSFWJS_ORDER}' if count == 5 else ''}"
        )
    if not rules.logits:
        return output
    if last == "Softmax":
        raise ImportModelError("the model ends in a softmax already; leave --logits away")
    return net.softmax(output, -1, "softmax")


def _two_of_one(net: Net, output: Value, last: str, rules: TfjsRules) -> Value:
    """The probabilities of two classes of the second one's."""
    if rules.logits:
        if last == "Sigmoid":
            raise ImportModelError("the model ends in a sigmoid already; leave --logits away")
        output = net.unary("Sigmoid", output, "sigmoid")
    turned = net.pairwise("Sub", scalar(1), output, "first")
    return net.concat([turned, output], 0, "both")


def _check_probabilities(made: _Made, size: tuple[int, int], mapped: Mapped, folder: Path) -> None:
    """Raise unless the graph gives probabilities for pictures that differ in every way."""
    pictures = _test_pictures(size)
    try:
        runtime = compile_graph(
            made.graph, runtime=RuntimeName.OPENVINO, precision=Precision.F32, streams=1
        )
        rows = np.concatenate(
            [
                runtime.infer({"image": one[None]}, ["probabilities"])["probabilities"]
                for one in pictures
            ]
        )
    except ModelError as error:
        raise ImportModelError(f"{folder}: {error}") from error
    if rows.shape != (len(pictures), len(mapped.labels)):
        raise ImportModelError(f"{folder}: it gives {rows.shape[1:]}, not {len(mapped.labels)}")
    if not np.all(np.isfinite(rows)):
        raise ImportModelError(
            f"{folder}: it gives numbers that are not finite; its weights are bad"
        )
    within = np.all((rows >= -_CLOSE) & (rows <= 1 + _CLOSE))
    if not within or not np.allclose(rows.sum(axis=1), 1, atol=_CLOSE):
        low, high = float(rows.min()), float(rows.max())
        raise ImportModelError(
            f"{folder}: its outputs are no probabilities: from {low:.3g} to {high:.3g} on test"
            f" pictures, with sums of {float(rows.sum(axis=1).min()):.3g}"
            f" to {float(rows.sum(axis=1).max()):.3g}. If they are logits, --logits puts a softmax"
            " after them"
        )


def _test_pictures(size: tuple[int, int]) -> NDArray[np.float32]:
    """Black, white, grey and noise, float32 (4, height, width, 3) in 0..255."""
    noise: Floats = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.float32)
    even = [np.full((*size, 3), grey, np.float32) for grey in (0, 128, 255)]
    return np.stack([*even, noise])


def _card(
    model: Model, size: tuple[int, int], rules: TfjsRules, mapped: Mapped, made: _Made
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "description": (
            f"A TensorFlow.js {model.form} of others at {size[0]}x{size[1]},"
            f" {len(mapped.labels)} classes, imported."
        ),
        "labels": list(mapped.labels),
        "features": made.features,
        "inputs": [input_entry(Input("image", size, rules.resample, size))],
        "source": {"imported_from": "TensorFlow.js", "pixels": str(rules.pixels)},
        "training_data": "as its publisher says; nothing of it is known to figleaf",
        "published": [],
        "false_alarms": [],
        "imported": {
            "from": "tfjs",
            "files": dict(sorted(model.files.items())),
            "labels": mapped.as_card(),
        },
    }


def _notes(made: _Made, rules: TfjsRules, size: tuple[int, int], mapped: Mapped) -> tuple[str, ...]:
    """What was understood and assumed, for whoever imports to judge."""
    pairs = ", ".join(f"{a} -> {b}" for a, b in zip(mapped.source, mapped.targets, strict=True))
    features = f"{made.features} features" if made.features else "no features"
    order = "in the order of the outputs as you told it"
    if made.outputs == 1:
        order = f"of whose probabilities the one output is that of {mapped.source[1]!r}"
    notes = [
        f"classes, {order}: {pairs}",
        f"pictures: RGB, {rules.resample}, squashed to {size[0]}x{size[1]}, pixels {rules.pixels};"
        " the model's files do not say so, --resample and --pixels say otherwise",
        f"gives: {', '.join(mapped.labels)}; {features}",
    ]
    if not made.normalised:
        notes.append("no softmax ends the model, but its outputs sum to 1 on four test pictures")
    return tuple(notes)
