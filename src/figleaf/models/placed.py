"""A model that says what its head makes of each place of its feature maps."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import BundleError, NoPlacesError
from figleaf.models.bundle import open_bundle
from figleaf.models.model import Model, Prepared
from figleaf.models.places import PlaceMap, with_places
from figleaf.models.runtime import Runtime, compile_graph

Grid = NDArray[np.float32]
"""Of shape (rows, columns, classes): what the head makes of each place, in 0..1."""


class PlacedModel:
    """A model, opened again with the outputs of `figleaf.models.places.with_places`. Thread-safe.

    Args:
        model: whose name messages have.
        runtime: what runs the graph with those outputs.
        maps: the outputs.
    """

    def __init__(self, model: Model, runtime: Runtime, maps: tuple[PlaceMap, ...]) -> None:
        self.model = model
        self.maps = maps
        self._runtime = runtime

    @classmethod
    def of(cls, model: Model) -> Self:
        """The same model in the same precision, on the same runtime.

        Raises:
            NoPlacesError: the model's classes do not come of the mean of a feature map, or it was
                not opened from a bundle, or the bundle has changed since.
        """
        if model.opening is None:
            raise NoPlacesError(f"{model.card.name}: it was not opened from a bundle")
        bundle = open_bundle(model.opening.model)
        if bundle.card != model.card:
            raise NoPlacesError(f"{model.card.name}: its bundle has changed since it was opened")
        placed = with_places(bundle.graph, model.card)
        runtime = compile_graph(
            placed.graph,
            runtime=model.opening.runtime,
            precision=model.opening.precision,
            streams=1,
        )
        return cls(model, runtime, placed.maps)

    def run(self, picture: Prepared) -> tuple[Grid, ...]:
        """What the head makes of each place of a picture, a grid for each of `maps`.

        Args:
            picture: from `Model.prepare`.

        Raises:
            BundleError: the graph gives what is no probability.
        """
        names = [spec.name for spec in self.model.card.inputs]
        inputs = {name: array[None] for name, array in zip(names, picture, strict=True)}
        found = self._runtime.infer(inputs, [one.output for one in self.maps])
        return tuple(self._checked(found[one.output], one) for one in self.maps)

    def _checked(self, batch: NDArray[np.float32], one: PlaceMap) -> Grid:
        expected = (1, *one.grid, len(self.model.card.labels))
        if batch.shape != expected or not np.all((batch >= 0) & (batch <= 1.001)):
            raise BundleError(f"{self.model.card.name}: {one.output} is no grid of probabilities")
        grid: Grid = batch[0]
        return grid
