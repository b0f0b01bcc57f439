"""Model bundles: found by name or folder, and verified before any runtime sees them.

A bundle may come from anywhere, so its card, its hashes and its graph are checked, and the bytes
that were checked are the bytes that run. No code in a bundle is ever executed.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from figleaf.errors import BundleError, InputError, ModelNotFoundError
from figleaf.models.card import Card, parse_card, read_card, read_regular

if TYPE_CHECKING:
    import onnx
    from google.protobuf.message import Message

ZOO = Path(__file__).with_name("zoo")
DEFAULT_MODEL = "inception_v3"

_JOINT = "+"
_MAX_GRAPH_BYTES = 2**31 - 1  # protobuf's own limit


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle: its card and the bytes of its ONNX graph."""

    card: Card
    graph: bytes


def embedded() -> tuple[str, ...]:
    """The names of the models that come with figleaf, the default first."""
    names = sorted(path.parent.name for path in ZOO.glob("*/card.json"))
    return tuple(sorted(names, key=lambda name: name != DEFAULT_MODEL))


def find_bundle(model: str | Path) -> Path:
    """The folder of an embedded model's name, or of a bundle elsewhere.

    Raises:
        ModelNotFoundError: nothing goes by that name.
    """
    if isinstance(model, str) and model in embedded():
        return ZOO / model
    folder = Path(model)
    if folder.is_dir():
        return folder
    names = ", ".join(embedded())
    if len(members(model)) > 1:
        raise ModelNotFoundError(
            f"{str(model)!r} is several models, which lie in no folder together: figleaf models"
            " join makes a bundle of them"
        )
    raise ModelNotFoundError(
        f"no model {str(model)!r}: neither an embedded model ({names}) nor a bundle's folder; "
        "`figleaf models` says what there is"
    )


def members(model: str | Path) -> list[str | Path]:
    """The models that "a+b" names, or the only one; a folder may have a plus sign in its name."""
    if isinstance(model, str) and _JOINT in model and not Path(model).exists():
        return list(model.split(_JOINT))
    return [model]


def outside(model: str | Path) -> list[Path]:
    """The folders of those models of `members` that do not come with figleaf."""
    return [Path(name) for name in members(model) if name not in embedded()]


def is_embedded(model: str | Path) -> bool:
    """Whether it comes with figleaf: an embedded model, or several together."""
    return all(isinstance(name, str) and name in embedded() for name in members(model))


def open_card(model: str | Path) -> Card:
    """The card of whatever `open_bundle` takes; the graph of a single model is not looked at.

    Raises:
        ModelNotFoundError, BundleError, InputError, ModelError: as `open_bundle`.
    """
    if len(members(model)) > 1:
        return open_bundle(model).card
    return read_card(find_bundle(model) / "card.json")


def open_bundle(model: str | Path) -> Bundle:
    """Read and verify a bundle; several joined by "+" become one, in memory.

    Args:
        model: an embedded model's name, a bundle's folder, or several of both: "a+b".

    Raises:
        ModelNotFoundError: nothing goes by that name.
        BundleError: a bundle is damaged, hostile, or does not fit its card.
        InputError, ModelError: models that do not go together (figleaf.models.ensemble).
    """
    names = members(model)
    if len(names) > 1 and not all(names):
        raise InputError(f"{str(model)!r}: a model without a name; write them as a+b")
    return _open(model) if len(names) == 1 else join_bundles([_open(name) for name in names])


def join_bundles(
    bundles: Sequence[Bundle], *, weights: Sequence[float] | None = None, name: str | None = None
) -> Bundle:
    """Several models as one, whose graph does their arithmetic (figleaf.models.ensemble).

    Args:
        bundles: two or more.
        weights: what each counts; all the same by default.
        name: of the whole; "a+b" by default.

    Raises:
        InputError, ModelError: they do not go together.
    """
    from figleaf.models.ensemble.card import ensemble_card
    from figleaf.models.ensemble.compose import Part, compose

    if weights is not None and len(weights) != len(bundles):
        raise InputError(f"{len(weights)} weights for {len(bundles)} models")
    parts = [
        Part(bundle.card, bundle.graph, weight)
        for bundle, weight in zip(bundles, weights or [1.0] * len(bundles), strict=True)
    ]
    composed = compose(parts)
    whole = name or _JOINT.join(bundle.card.name for bundle in bundles)
    card = parse_card(ensemble_card(whole, parts, composed))
    return Bundle(card, composed.graph)


def _open(model: str | Path) -> Bundle:
    folder = find_bundle(model)
    card = read_card(folder / "card.json")
    files = {name: _read_verified(folder / name, digest) for name, digest in card.sha256.items()}
    graph = files["model.onnx"]
    _check_graph(graph, card, folder / "model.onnx")
    return Bundle(card, graph)


def _read_verified(path: Path, digest: str) -> bytes:
    data = read_regular(path, _MAX_GRAPH_BYTES)
    actual = hashlib.sha256(data).hexdigest()
    if actual != digest:
        raise BundleError(
            f"{path}: SHA-256 is {actual}, the card says {digest}; "
            "the file is damaged or was changed: get the bundle again"
        )
    return data


def _check_graph(graph: bytes, card: Card, path: Path) -> None:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(graph)
    except DecodeError as error:
        raise BundleError(f"{path}: not an ONNX graph ({error})") from error
    if outside := next(external_data(model), None):
        raise BundleError(
            f"{path}: keeps weights in another file ({outside}); a graph must hold its own"
        )
    try:
        _check_inputs(model.graph, card)
        _check_outputs(model.graph, card)
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from None


def external_data(message: "Message") -> Iterator[str]:
    """The location of every tensor, at any depth, that says its data lies outside the graph."""
    import onnx
    from google.protobuf.message import Message

    if isinstance(message, onnx.TensorProto):
        # By the enum or by an entry: runtimes differ in which of the two they go by.
        if message.external_data or message.data_location == onnx.TensorProto.EXTERNAL:
            yield next((e.value for e in message.external_data if e.key == "location"), "unnamed")
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for child in (value,) if isinstance(value, Message) else value:
                yield from external_data(child)


def _check_inputs(graph: "onnx.GraphProto", card: Card) -> None:
    weights = {tensor.name for tensor in graph.initializer}
    declared = {value.name: _shape(value) for value in graph.input if value.name not in weights}
    expected = {spec.name: [*spec.size, 3] for spec in card.inputs}
    if set(declared) != set(expected):
        raise BundleError(f"takes inputs {sorted(declared)}, the card has {sorted(expected)}")
    for name, shape in expected.items():
        if declared[name] != [None, *shape]:
            got = declared[name]
            raise BundleError(f"input {name!r} is {got}, the card says any batch of {shape}")


def _check_outputs(graph: "onnx.GraphProto", card: Card) -> None:
    declared = {value.name: _shape(value) for value in graph.output}
    expected = {"probabilities": len(card.labels), "features": card.features}
    for name, width in expected.items():
        if width and declared.get(name, [None])[1:] != [width]:
            got = declared.get(name, "missing")
            raise BundleError(f"output {name!r} is {got}, the card says [batch, {width}]")


def _shape(value: "onnx.ValueInfoProto") -> list[int | None]:
    """The declared shape, None for an axis of any length; an error unless it is float32."""
    import onnx

    tensor = value.type.tensor_type
    if tensor.elem_type != onnx.TensorProto.FLOAT:
        raise BundleError(f"{value.name!r} is not float32")
    return [axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim]
