"""A model ready to run: a verified bundle, compiled."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import BundleError, ModelError
from figleaf.models.bundle import DEFAULT_MODEL, open_bundle
from figleaf.models.card import Card
from figleaf.models.preprocess import prepare
from figleaf.models.runtime import (
    Precision,
    Runtime,
    RuntimeName,
    available_cores,
    compile_graph,
)

Prepared = tuple[NDArray[np.float32], ...]
"""One picture, prepared for each input of a model in the order of its card."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a model says of a batch. Float32; a model without the output has width 0.

    probabilities: (batch, classes), each row summing to 1.
    features: (batch, width), pooled, unnormalised; only where they were asked for.
    """

    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Opening:
    """How a model was opened, so that it can be opened again for other outputs."""

    model: str | Path
    runtime: RuntimeName
    precision: Precision


class Model:
    """A model that prepares pictures and runs on batches of them. Thread-safe."""

    def __init__(
        self,
        card: Card,
        runtime: Runtime,
        precision: Precision,
        streams: int,
        opening: Opening | None = None,
    ) -> None:
        self.card = card
        self.precision = precision
        self.streams = streams
        self.opening = opening
        self._runtime = runtime
        self._widths = {"probabilities": len(card.labels), "features": card.features}

    @property
    def most(self) -> int:
        """How many pictures are run together at the most; `run` parts what is more."""
        return self._runtime.most

    def prepare(self, pixels: NDArray[np.uint8]) -> Prepared:
        """Prepare one picture: uint8 RGB of shape (height, width, 3)."""
        return tuple(prepare(pixels, spec) for spec in self.card.inputs)

    def run(self, pictures: Sequence[Prepared], *, features: bool = False) -> Outputs:
        """Run the model on a batch of one or more prepared pictures.

        Args:
            pictures: from `prepare`.
            features: whether the pooled features are wanted too.
        """
        wanted = ["probabilities"] if self.card.labels else []
        if features and self.card.features:
            wanted.append("features")
        step = min(self._runtime.most, len(pictures))
        runs = [self._infer(pictures[i : i + step], wanted) for i in range(0, len(pictures), step)]
        empty = np.empty((len(pictures), 0), np.float32)
        results = {name: np.concatenate([run[name] for run in runs]) for name in wanted}
        return Outputs(results.get("probabilities", empty), results.get("features", empty))

    def _infer(
        self, pictures: Sequence[Prepared], wanted: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        # One picture needs no copy to become a batch.
        stacked = (
            arrays[0][None] if len(arrays) == 1 else np.stack(arrays)
            for arrays in zip(*pictures, strict=True)
        )
        names = (spec.name for spec in self.card.inputs)
        results = self._runtime.infer(dict(zip(names, stacked, strict=True)), wanted)
        for name, array in results.items():
            expected = (len(pictures), self._widths[name])
            if array.shape != expected:
                raise BundleError(f"{self.card.name}: {name} is {array.shape}, not {expected}")
        self._check_probabilities(results.get("probabilities"))
        return results

    def _check_probabilities(self, rows: NDArray[np.float32] | None) -> None:
        # A policy's thresholds mean nothing for logits, and no comparison holds for NaN.
        if rows is not None and not np.all((rows >= 0) & (rows <= 1.001)):
            raise BundleError(f"{self.card.name}: probabilities are not within 0..1")
        if rows is not None and not np.allclose(rows.sum(axis=1), 1, atol=1e-2):
            raise BundleError(
                f"{self.card.name}: probabilities do not sum to 1; softmax is missing"
            )


def computed_in(card: Card, asked: Precision) -> Precision:
    """What a model computes in, where something was asked for.

    Raises:
        ModelError: int8 was asked for, and the model is not quantised.
    """
    if card.computes is not None:
        return Precision(card.computes)
    if asked is Precision.INT8:
        raise ModelError(
            f"{card.name} does not compute in int8: figleaf models quantize makes one of it that"
            " does"
        )
    return asked


def load_model(
    model: str | Path = DEFAULT_MODEL,
    *,
    precision: Precision = Precision.F32,
    runtime: RuntimeName = RuntimeName.OPENVINO,
    streams: int | None = None,
) -> Model:
    """Open, verify and compile a model.

    Args:
        model: an embedded model's name or a bundle's folder, or several joined by "+".
        precision: what to compute in; a model that is quantised computes in int8 in any case.
        runtime: what runs the graph.
        streams: how many threads run it at once, one core each; by default one a core.

    Raises:
        ModelNotFoundError, BundleError, ModelError, MissingExtraError: see figleaf.errors.
    """
    bundle = open_bundle(model)
    precision = computed_in(bundle.card, precision)
    streams = streams or available_cores()
    compiled = compile_graph(bundle.graph, runtime=runtime, precision=precision, streams=streams)
    opening = Opening(model, runtime, precision)
    return Model(bundle.card, compiled, precision, streams, opening)
