"""Several graphs as one: features side by side, each from its own input."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from figleaf.models.joined import JoinedRuntime
from figleaf.models.runtime import Arrays


class Fixed:
    """A runtime that multiplies what it is given, and remembers what it was called."""

    def __init__(self, own: str, factor: float, width: int, most: int) -> None:
        self.own, self.factor, self.width, self.most = own, factor, width, most

    def infer(self, inputs: Arrays, outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        assert list(inputs) == [self.own]
        assert list(outputs) == ["features"]
        first = inputs[self.own].reshape(len(inputs[self.own]), -1)[:, :1]
        return {"features": np.repeat(first * np.float32(self.factor), self.width, axis=1)}


def test_features_stand_side_by_side_in_the_order_of_the_parts() -> None:
    parts = {
        "b/image": (Fixed("image", 10, 2, most=4), "image"),
        "a/image": (Fixed("x", 100, 3, most=1), "x"),
    }
    joined = JoinedRuntime(parts)
    inputs = {
        "a/image": np.full((2, 1, 1, 3), [[[[1]]], [[[2]]]], np.float32),
        "b/image": np.full((2, 1, 1, 3), [[[[3]]], [[[4]]]], np.float32),
    }
    found = joined.infer(inputs, ["features"])
    assert list(found) == ["features"]
    expected = [[30, 30, 100, 100, 100], [40, 40, 200, 200, 200]]
    np.testing.assert_array_equal(found["features"], np.array(expected, np.float32), strict=True)


def test_it_takes_as_many_at_once_as_the_part_that_takes_fewest() -> None:
    parts = {name: (Fixed("image", 1, 1, most), "image") for name, most in (("a", 4), ("b", 1))}
    assert JoinedRuntime(parts).most == 1
