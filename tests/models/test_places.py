"""What a head makes of each place of a feature map, as an output of the graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from figleaf.errors import NoPlacesError
from figleaf.images.box import Box
from figleaf.models.bundle import embedded, open_bundle
from figleaf.models.card import Card, Input, Resample
from figleaf.models.places import Placed, with_places
from figleaf.models.runtime import Precision, RuntimeName, compile_graph

SIDE, CHANNELS, CLASSES = 16, 6, 3
RANDOM = np.random.default_rng(5)
WEIGHTS: dict[str, NDArray[Any]] = {
    "kernel": RANDOM.normal(0, 0.001, (CHANNELS, 3, 4, 4)).astype(np.float32),
    "first": RANDOM.normal(0, 1, (CHANNELS, 5)).astype(np.float32),
    "second": RANDOM.normal(0, 1, (5, CLASSES)).astype(np.float32),
    "high": np.array([2, 3], np.int64),
    "flat": np.array([-1, CHANNELS], np.int64),
    "zero": np.array([0], np.int64),
    "end": np.array([CHANNELS], np.int64),
    "zeros": np.zeros(2, np.int64),
    "ones": np.ones(2, np.int64),
}
"""Of a convolution with stride 4, and of a head of two layers."""
HEAD = [
    ("MatMul", ["mean", "first"], "hidden"),
    ("Relu", ["hidden"], "active"),
    ("MatMul", ["active", "second"], "logits"),
    ("Softmax", ["logits"], "probabilities"),
]
STEM = [
    ("Transpose", ["image"], "chw", {"perm": [0, 3, 1, 2]}),
    ("Conv", ["chw", "kernel"], "map", {"strides": [4, 4]}),
]

Step = tuple[Any, ...]


def net(
    steps: Sequence[Step], opset: int = 17, inputs: Sequence[str] = ("image",)
) -> tuple[bytes, Card]:
    """A graph of (kind, inputs, output, attributes), and a card for it."""
    nodes = [
        helper.make_node(kind, reads, [output], **(attributes[0] if attributes else {}))
        for kind, reads, output, *attributes in steps
    ]
    read = {name for step in steps for name in step[1]}
    graph = helper.make_graph(
        nodes,
        "net",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", SIDE, SIDE, 3])
            for name in inputs
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(a, name) for name, a in WEIGHTS.items() if name in read],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    specs = tuple(Input(name, (SIDE, SIDE), Resample.BILINEAR, (SIDE, SIDE)) for name in inputs)
    labels = tuple("abc"[:CLASSES])
    card = Card("net", "1", "", labels, 0, specs, {}, "MIT")
    return model.SerializeToString(), card


def head(features: NDArray[Any]) -> NDArray[Any]:
    """The head in NumPy, of any number of rows."""
    logits = np.maximum(features @ WEIGHTS["first"], 0) @ WEIGHTS["second"]
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: NDArray[Any] = powers / powers.sum(axis=-1, keepdims=True)
    return found


def feature_map(pictures: NDArray[Any]) -> NDArray[Any]:
    """The convolution in NumPy: [batch, rows, columns, channels]."""
    blocks = pictures.reshape(len(pictures), SIDE // 4, 4, SIDE // 4, 4, 3)
    found: NDArray[Any] = np.einsum("brycxi,oiyx->brco", blocks, WEIGHTS["kernel"])
    return found


def pictures(seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(0, 255, (2, SIDE, SIDE, 3)).astype(np.float32)


def run(
    placed: Placed, given: dict[str, NDArray[np.float32]], runtime: RuntimeName
) -> dict[str, NDArray[np.float32]]:
    compiled = compile_graph(placed.graph, runtime=runtime, precision=Precision.F32, streams=1)
    return compiled.infer(given, ["probabilities", *(one.output for one in placed.maps)])


POOLINGS: dict[str, tuple[int, list[Step]]] = {
    "global": (17, [("GlobalAveragePool", ["map"], "p"), ("Flatten", ["p"], "mean")]),
    "window": (
        17,
        [("AveragePool", ["map"], "p", {"kernel_shape": [4, 4]}), ("Flatten", ["p"], "mean")],
    ),
    "mean": (17, [("ReduceMean", ["map"], "mean", {"axes": [2, 3], "keepdims": 0})]),
    "negative axes": (17, [("ReduceMean", ["map"], "mean", {"axes": [-1, -2], "keepdims": 0})]),
    "axes as an input": (18, [("ReduceMean", ["map", "high"], "mean", {"keepdims": 0})]),
    "mean that keeps its axes": (
        17,
        [("ReduceMean", ["map"], "p", {"axes": [2, 3]}), ("Reshape", ["p", "flat"], "mean")],
    ),
    "channels last": (
        17,
        [
            ("Transpose", ["map"], "hwc", {"perm": [0, 2, 3, 1]}),
            ("ReduceMean", ["hwc"], "mean", {"axes": [1, 2], "keepdims": 0}),
        ],
    ),
    "channels last that keeps its axes": (
        17,
        [
            ("Transpose", ["map"], "hwc", {"perm": [0, 2, 3, 1]}),
            ("ReduceMean", ["hwc"], "p", {"axes": [1, 2]}),
            ("Flatten", ["p"], "mean"),
        ],
    ),
    "its own batch": (
        17,
        [
            ("GlobalAveragePool", ["map"], "p"),
            ("Shape", ["p"], "shape"),
            ("Gather", ["shape", "zero"], "batch"),
            ("Concat", ["batch", "end"], "wanted", {"axis": 0}),
            ("Reshape", ["p", "wanted"], "mean"),
        ],
    ),
    "the picture's batch": (
        17,
        [
            ("Shape", ["image"], "shape"),
            ("Gather", ["shape", "zero"], "batch"),
            ("Concat", ["batch", "end"], "wanted", {"axis": 0}),
            ("GlobalAveragePool", ["map"], "p"),
            ("Reshape", ["p", "wanted"], "mean"),
        ],
    ),
    "squeeze and excitation before": (
        17,
        [
            ("GlobalAveragePool", ["map"], "squeezed"),
            ("Sub", ["squeezed", "squeezed"], "nothing"),
            ("Add", ["map", "nothing"], "excited"),
            ("GlobalAveragePool", ["excited"], "p"),
            ("Flatten", ["p"], "mean"),
        ],
    ),
}


@pytest.mark.parametrize("kind", POOLINGS)
def test_each_place_is_what_the_head_makes_of_it(kind: str) -> None:
    opset, pooling = POOLINGS[kind]
    graph, card = net([*STEM, *pooling, *HEAD], opset)
    placed = with_places(graph, card)
    (one,) = placed.maps
    assert (one.output, one.input, one.grid) == ("places", "image", (4, 4))
    given = pictures()
    expected = feature_map(given)
    for runtime in RuntimeName:
        found = run(placed, {"image": given}, runtime)
        np.testing.assert_allclose(found["places"], head(expected), atol=1e-5)
        whole = head(expected.mean(axis=(1, 2)))
        np.testing.assert_allclose(found["probabilities"], whole, atol=1e-5)


def test_of_two_inputs_the_other_is_as_it_is() -> None:
    steps = [
        ("Transpose", ["image"], "chw", {"perm": [0, 3, 1, 2]}),
        ("Conv", ["chw", "kernel"], "map", {"strides": [4, 4]}),
        ("GlobalAveragePool", ["map"], "p"),
        ("Transpose", ["other"], "chw2", {"perm": [0, 3, 1, 2]}),
        ("Conv", ["chw2", "kernel"], "map2", {"strides": [4, 4]}),
        ("GlobalAveragePool", ["map2"], "p2"),
        ("Sub", ["p", "p2"], "both"),
        ("Flatten", ["both"], "mean"),
        *HEAD,
    ]
    graph, card = net(steps, inputs=("image", "other"))
    placed = with_places(graph, card)
    assert [(one.output, one.input) for one in placed.maps] == [
        ("places/image", "image"),
        ("places/other", "other"),
    ]
    given = {"image": pictures(1), "other": pictures(2)}
    first, second = (feature_map(array) for array in given.values())
    for runtime in RuntimeName:
        found = run(placed, given, runtime)
        expected = head(first - second.mean(axis=(1, 2), keepdims=True))
        np.testing.assert_allclose(found["places/image"], expected, atol=1e-5)
        expected = head(first.mean(axis=(1, 2), keepdims=True) - second)
        np.testing.assert_allclose(found["places/other"], expected, atol=1e-5)


def test_two_maps_of_one_picture_are_told_apart() -> None:
    steps = [
        *STEM,
        ("Relu", ["map"], "other"),
        ("GlobalAveragePool", ["map"], "p"),
        ("GlobalAveragePool", ["other"], "p2"),
        ("Sub", ["p", "p2"], "both"),
        ("Flatten", ["both"], "mean"),
        *HEAD,
    ]
    placed = with_places(*net(steps))
    first, second = (one.output for one in placed.maps)
    assert first != second
    given = pictures()
    one, mean = feature_map(given), feature_map(given).mean(axis=(1, 2), keepdims=True)
    two = np.maximum(one, 0)
    found = run(placed, {"image": given}, RuntimeName.OPENVINO)
    expected = head(one - two.mean(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(found[first], expected, atol=1e-5)
    np.testing.assert_allclose(found[second], head(mean - two), atol=1e-5)


WITHOUT: dict[str, list[Step]] = {
    "no pooling": [
        ("Slice", ["map", "zeros", "ones", "high"], "corner"),
        ("Flatten", ["corner"], "mean"),
    ],
    "the greatest beside the mean": [
        ("GlobalAveragePool", ["map"], "p"),
        ("GlobalMaxPool", ["map"], "q"),
        ("Add", ["p", "q"], "both"),
        ("Flatten", ["both"], "mean"),
    ],
    "the mean of a single place": [
        ("GlobalMaxPool", ["map"], "most"),
        ("GlobalAveragePool", ["most"], "p"),
        ("Flatten", ["p"], "mean"),
    ],
    "the mean over one axis": [
        ("ReduceMean", ["map"], "row", {"axes": [2], "keepdims": 1}),
        ("GlobalMaxPool", ["row"], "p"),
        ("Flatten", ["p"], "mean"),
    ],
    "a window that leaves a rest": [
        ("AveragePool", ["map"], "part", {"kernel_shape": [3, 3]}),
        ("GlobalMaxPool", ["part"], "p"),
        ("Flatten", ["p"], "mean"),
    ],
}


@pytest.mark.parametrize("kind", WITHOUT)
def test_without_a_mean_over_a_map_there_are_no_places(kind: str) -> None:
    graph, card = net([*STEM, *WITHOUT[kind], *HEAD])
    with pytest.raises(NoPlacesError, match=r"^net: "):
        with_places(graph, card)


def test_a_graph_without_probabilities_is_said_so() -> None:
    graph, card = net([*STEM, *POOLINGS["global"][1], *HEAD])
    with pytest.raises(NoPlacesError, match="cannot be followed"):
        with_places(graph.replace(b"probabilities", b"possibilities"), card)


WINDOWS = {
    "inception_v3": ((8, 8), Box(21.5, 21.5, 277.5, 277.5)),
    "mobilenet_v2": ((7, 7), Box(15.5, 15.5, 239.5, 239.5)),
    "mobilenet_v2_mid": ((7, 7), Box(15.5, 15.5, 239.5, 239.5)),
    "resnet50_thin": ((7, 7), Box(-13.5, -13.5, 210.5, 210.5)),
}


@pytest.mark.parametrize("name", [name for name in embedded() if name in WINDOWS])
def test_the_embedded_models_have_places(name: str) -> None:
    bundle = open_bundle(name)
    (one,) = with_places(bundle.graph, bundle.card).maps
    assert (one.grid, one.window) == WINDOWS[name]


def test_every_embedded_classifier_is_among_them() -> None:
    assert {name for name in embedded() if open_bundle(name).card.labels} == set(WINDOWS)
