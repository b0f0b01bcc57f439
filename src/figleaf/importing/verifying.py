"""A model that was read, before it is written: whether it is one for any picture and any batch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import ImportModelError, ModelError
from figleaf.models.card import parse_card
from figleaf.models.model import Model
from figleaf.models.runtime import Precision, RuntimeName, compile_graph
from figleaf.models.writing import GRAPH

if TYPE_CHECKING:
    import onnx

_MOST_APART = 1e-3
_SEED = 9


def opened(card: Mapping[str, Any], graph: bytes) -> Model:
    """A model that is in no folder yet.

    Raises:
        BundleError, ModelError: the card or the graph cannot be used.
    """
    unnamed = {"name": "imported", "version": "0"}
    known = {"license": "unknown", "sha256": {GRAPH: "0" * 64}}
    parsed = parse_card({**unnamed, **card, **known})
    precision = Precision.F32
    runtime = compile_graph(graph, runtime=RuntimeName.OPENVINO, precision=precision, streams=1)
    return Model(parsed, runtime, precision, streams=1)


def _unlike(size: tuple[int, int] = (64, 64)) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Noise, dark and red, and the reverse: of no meaning, and as different as two pictures are."""
    noise = np.random.default_rng(_SEED).integers(0, 128, (*size, 3), np.uint8)
    tinted = noise // np.array([1, 4, 8], np.uint8)
    return tinted, 255 - tinted


def gives_shares(model: "onnx.ModelProto", name: str, size: tuple[int, int]) -> bool:
    """Whether a tensor is probabilities by what it holds, whatever computes it.

    A softmax behind probabilities would flatten them: of two classes none would pass .73.

    Args:
        model: it takes `image`, float32 (batch, *size, 3) in 0..255; left as it is.
        name: of the tensor, [batch, classes].
        size: (height, width).
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:], copy.graph.value_info[:]
    copy.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    try:
        runtime = compile_graph(
            copy.SerializeToString(),
            runtime=RuntimeName.OPENVINO,
            precision=Precision.F32,
            streams=1,
        )
        rows = [
            runtime.infer({"image": one[None].astype(np.float32)}, [name])[name]
            for one in _unlike(size)
        ]
    except ModelError:  # `verify` tells of it
        return False
    return all(np.all(row >= 0) and abs(float(row.sum()) - 1) < _MOST_APART for row in rows)


def verify(card: Mapping[str, Any], graph: bytes) -> None:
    """See that each picture of a batch gets the scores that it gets alone.

    A graph that was exported for a batch of one may hold that number in places that no declaration
    tells.

    Raises:
        ImportModelError: it does not, or the graph cannot be run.
    """
    try:
        model = opened(card, graph)
        pictures = [model.prepare(one) for one in _unlike()]
        together = model.run(pictures, features=True)
        alone = [model.run([one], features=True) for one in pictures]
    except ModelError as error:
        raise ImportModelError(f"the graph cannot be used: {error}") from error
    apart = max(
        float(np.abs(together.probabilities[i] - one.probabilities[0]).max())
        for i, one in enumerate(alone)
    )
    if not apart < _MOST_APART:
        raise ImportModelError(
            f"in a batch of two the scores are {apart:.3f} off those of each picture alone: the"
            " graph was exported for a batch of one, or is quantised by what it is shown. Export it"
            " with a batch of any size, in f32; `figleaf models quantize` makes int8 of that"
        )
