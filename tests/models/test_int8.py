"""Graphs in int8: what is quantised, how near they come, and that every stream is the same."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from figleaf.errors import InputError, ModelError
from figleaf.images import decode
from figleaf.models.bundle import Bundle, join_bundles, open_bundle
from figleaf.models.int8.constants import folded
from figleaf.models.int8.front import by_channel
from figleaf.models.int8.graph import int8_graph
from figleaf.models.int8.plan import plan
from figleaf.models.int8.ranges import Calibration, Method
from figleaf.models.model import Model, Prepared, load_model
from figleaf.models.runtime import (
    OpenVINORuntime,
    Precision,
    Runtime,
    RuntimeName,
    compile_graph,
)

from .test_bundle import tiny_graph, write_bundle

SMALL = "mobilenet_v2"
OUTPUTS = ["probabilities", "features"]


@pytest.fixture(scope="module")
def shown(pictures: Path) -> list[Prepared]:
    """Parts of real pictures, prepared for the smallest model; the last four are for comparing."""
    model, rng, found = load_model(SMALL, streams=1), np.random.default_rng(3), []
    names = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
    for name in names:
        path = pictures / name
        if path.is_file():
            pixels = decode(path.read_bytes()).pixels
            for _ in range(6):
                top, left = (int(rng.integers(0, side // 2)) for side in pixels.shape[:2])
                found.append(model.prepare(pixels[top : top + 200, left : left + 200]))
    return found


@pytest.fixture(scope="module")
def quantised(shown: list[Prepared]) -> Bundle:
    bundle = open_bundle(SMALL)
    made = int8_graph(bundle, shown[:-4], Method.SQUARES)
    assert made.convolutions == 51
    return Bundle(replace(bundle.card, computes="int8"), made.graph)


def infer(runtime: Runtime, pictures: Sequence[Prepared]) -> list[NDArray[np.float32]]:
    results = runtime.infer({"image": np.stack([one[0] for one in pictures])}, OUTPUTS)
    return [results[name] for name in OUTPUTS]


def compiled(bundle: Bundle, runtime: RuntimeName, streams: int = 1) -> Runtime:
    return compile_graph(bundle.graph, runtime=runtime, precision=Precision.INT8, streams=streams)


def test_it_says_nearly_what_the_model_says(quantised: Bundle, shown: list[Prepared]) -> None:
    exact = load_model(SMALL, streams=1).run(shown[-4:]).probabilities
    for runtime in RuntimeName:
        found = infer(compiled(quantised, runtime), shown[-4:])[0]
        assert np.abs(found - exact).mean() < 0.03, runtime


def test_every_stream_of_every_compilation_computes_the_same(
    quantised: Bundle, shown: list[Prepared]
) -> None:
    # OpenVINO's further streams once had wrong kernels, where it made floats of whole numbers.
    other = infer(compiled(quantised, RuntimeName.ONNXRUNTIME), shown[-4:])
    first = infer(compiled(quantised, RuntimeName.OPENVINO), shown[-4:])
    # The two round in other places, and what is rounded otherwise goes on from layer to layer.
    np.testing.assert_allclose(first[0], other[0], atol=0.06)
    for streams in (1, 2, 3, 4):
        runtime = compiled(quantised, RuntimeName.OPENVINO, streams)
        with ThreadPoolExecutor(streams) as threads:
            tries = threads.map(lambda _: infer(runtime, shown[-4:]), range(2 * streams))  # noqa: B023
            for found in tries:
                for ours, theirs in zip(found, first, strict=True):
                    np.testing.assert_array_equal(ours, theirs)


def test_scores_do_not_depend_on_the_batch(quantised: Bundle, shown: list[Prepared]) -> None:
    runtime = compiled(quantised, RuntimeName.OPENVINO)
    together = infer(runtime, shown[-4:])
    alone = [infer(runtime, [one]) for one in shown[-4:]]
    for number, rows in enumerate(together):
        np.testing.assert_array_equal(rows, np.concatenate([one[number] for one in alone]))


def test_openvino_really_computes_in_int8(quantised: Bundle) -> None:
    runtime = compiled(quantised, RuntimeName.OPENVINO)
    assert isinstance(runtime, OpenVINORuntime)
    compiled_model: Any = runtime._idle.get().get_compiled_model()
    kinds = [
        op.get_rt_info()["primitiveType"].astype(str)
        for op in compiled_model.get_runtime_model().get_ordered_ops()
    ]
    # All convolutions but the first and those of the head.
    assert sum("I8" in kind and "conv" in kind for kind in kinds) == 51, kinds


def test_the_bytes_are_the_same_for_the_same_pictures(shown: list[Prepared]) -> None:
    bundle = open_bundle(SMALL)
    one, two = (int8_graph(bundle, shown[:3], Method.MINMAX).graph for _ in range(2))
    assert one == two


@pytest.mark.parametrize("method", list(Method))
def test_values_are_cut_off_by_each_method(method: Method, shown: list[Prepared]) -> None:
    model = folded(onnx.load_model_from_string(open_bundle(SMALL).graph))
    of = plan(model)
    calibration = Calibration(model, of)
    for picture in shown[:3]:
        calibration.look({"image": picture[0][None]})
    largest = calibration.ranges(Method.MINMAX).limits
    limits = calibration.ranges(method).limits
    assert len(limits) == len(of.groups)
    assert all(0 < limit <= most for limit, most in zip(limits, largest, strict=True))
    assert (limits == largest) == (method is Method.MINMAX)


def test_kernels_in_whole_numbers_become_float_once() -> None:
    bundle = open_bundle(SMALL)
    model = folded(onnx.load_model_from_string(bundle.graph))
    assert not [node for node in model.graph.node if node.op_type == "Cast"]
    picture = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    graphs = [model.SerializeToString(), by_channel(model).SerializeToString()]
    results = [
        compile_graph(
            graph, runtime=RuntimeName.ONNXRUNTIME, precision=Precision.F32, streams=1
        ).infer({"image": picture}, OUTPUTS)
        for graph in (bundle.graph, *graphs)
    ]
    for found in results[1:]:
        for name in OUTPUTS:
            np.testing.assert_allclose(found[name], results[0][name], atol=2e-5)


def _kernel(name: str, *shape: int) -> onnx.TensorProto:
    values = np.random.default_rng(len(name)).normal(0, 0.3, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def branches() -> onnx.ModelProto:
    """A first convolution, two branches that are joined, one that is added to, a head."""
    value = helper.make_tensor_value_info
    nodes: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Transpose", ["image"], "turned", {"perm": [0, 3, 1, 2]}),
        ("Div", ["turned", "most"], "scaled", {}),
        ("Conv", ["scaled", "k_first"], "first", {}),
        ("Relu", ["first"], "start", {}),
        ("Conv", ["start", "k_left"], "left", {"pads": [1, 1, 1, 1]}),
        ("Relu", ["left"], "left_on", {}),
        ("MaxPool", ["start"], "right", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        ("Concat", ["left_on", "right"], "both", {"axis": 1}),
        ("Conv", ["both", "k_out", "b_out"], "out", {}),
        ("Add", ["out", "start"], "sum", {}),
        ("Conv", ["sum", "k_last"], "last", {"group": 2}),
        ("GlobalAveragePool", ["last"], "pooled", {}),
        ("Conv", ["pooled", "k_head"], "head", {}),
        ("Flatten", ["head"], "logits", {}),
        ("Softmax", ["logits"], "probabilities", {}),
        ("Flatten", ["pooled"], "features", {}),
    ]
    weights = [
        numpy_helper.from_array(np.array(255, np.float32), "most"),
        _kernel("k_first", 8, 3, 1, 1),
        _kernel("k_left", 8, 8, 3, 3),
        _kernel("k_out", 8, 16, 1, 1),
        _kernel("b_out", 8),
        _kernel("k_last", 8, 4, 3, 3),
        _kernel("k_head", 2, 8, 1, 1),
    ]
    graph = helper.make_graph(
        [helper.make_node(kind, reads, [name], **more) for kind, reads, name, more in nodes],
        "branches",
        [value("image", TensorProto.FLOAT, ["batch", 16, 16, 3])],
        [
            value("probabilities", TensorProto.FLOAT, ["batch", 2]),
            value("features", TensorProto.FLOAT, ["batch", 8]),
        ],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_what_is_joined_or_only_chosen_from_shares_a_scale() -> None:
    found = plan(branches())
    assert found.convolutions == ("left", "out", "last")
    assert set(map(frozenset, found.groups)) == {
        frozenset({"start", "left_on", "right", "both"}),
        frozenset({"sum"}),
    }
    assert {"start", "left_on", "right", "both"} <= found.unsigned
    assert not {"sum", "out", "scaled"} & found.unsigned


def test_kernels_over_a_line_stay_in_float() -> None:
    model = branches()
    model.graph.initializer.extend(
        [_kernel("k_line", 2, 8, 3), numpy_helper.from_array(np.array([0, 8, -1]), "line")]
    )
    model.graph.node.extend(
        [
            helper.make_node("Reshape", ["last", "line"], ["lined"]),
            helper.make_node("Conv", ["lined", "k_line"], ["along"]),
        ]
    )
    assert plan(model).convolutions == ("left", "out", "last")


@pytest.fixture
def branched(tmp_path: Path) -> Bundle:
    inputs = [{"name": "image", "size": [16, 16], "resample": "bilinear", "background": [0, 0, 0]}]
    graph = branches().SerializeToString()
    return open_bundle(write_bundle(tmp_path / "net", graph, inputs=inputs, features=8))


def noise(count: int) -> Iterator[Prepared]:
    rng = np.random.default_rng(7)
    for _ in range(count):
        yield (rng.uniform(0, 255, (16, 16, 3)).astype(np.float32),)


def test_a_small_net_of_branches_comes_near_its_model(branched: Bundle) -> None:
    made = int8_graph(branched, noise(20), Method.MINMAX)
    pictures = list(noise(30))[20:]
    exact = compile_graph(
        branched.graph, runtime=RuntimeName.ONNXRUNTIME, precision=Precision.F32, streams=1
    )
    wanted, features = infer(exact, pictures)
    for runtime in RuntimeName:
        found = infer(compiled(Bundle(branched.card, made.graph), runtime), pictures)
        np.testing.assert_allclose(found[0], wanted, atol=0.01)
        np.testing.assert_allclose(found[1], features, atol=0.02 * np.abs(features).max())


def test_twins_together_compute_in_int8_too(branched: Bundle, tmp_path: Path) -> None:
    made = int8_graph(branched, noise(20), Method.MINMAX).graph
    facts = {"inputs": list(branched.card.raw["inputs"]), "features": 8, "computes": "int8"}
    twins = [
        open_bundle(write_bundle(tmp_path / name, made, name=name, **facts))
        for name in ("one", "two")
    ]
    whole = join_bundles(twins)
    assert whole.card.computes == "int8"
    runtime = compiled(whole, RuntimeName.OPENVINO, 2)
    pictures = list(noise(4))
    single = infer(compiled(twins[0], RuntimeName.OPENVINO), pictures)[0]
    np.testing.assert_allclose(infer(runtime, pictures)[0], single, atol=1e-5)


def test_models_as_one_are_quantised_as_one(branched: Bundle, tmp_path: Path) -> None:
    facts = {"inputs": list(branched.card.raw["inputs"]), "features": 8}
    pair = [
        open_bundle(write_bundle(tmp_path / name, branched.graph, name=name, **facts))
        for name in ("one", "two")
    ]
    whole = join_bundles(pair)
    made = int8_graph(whole, noise(20), Method.SQUARES)
    assert made.convolutions == 6
    pictures = list(noise(4))
    exact = compile_graph(
        whole.graph, runtime=RuntimeName.OPENVINO, precision=Precision.F32, streams=1
    )
    found = infer(compiled(Bundle(whole.card, made.graph), RuntimeName.OPENVINO), pictures)
    np.testing.assert_allclose(found[0], infer(exact, pictures)[0], atol=0.01)


def test_a_graph_without_convolutions_or_pictures_is_refused(
    tmp_path: Path, branched: Bundle
) -> None:
    tiny = open_bundle(write_bundle(tmp_path / "tiny", tiny_graph().SerializeToString()))
    with pytest.raises(InputError, match="tiny: the graph has no convolution besides the first"):
        int8_graph(tiny, [], Method.MINMAX)
    with pytest.raises(InputError, match="no picture to calibrate with"):
        int8_graph(branched, [], Method.MINMAX)


def test_a_damaged_graph_is_a_model_error(branched: Bundle) -> None:
    for name in (b"Softmax", b"right", b"sum", b"pads"):
        damaged = Bundle(branched.card, branched.graph.replace(name, b"\xff" * len(name)))
        with pytest.raises(ModelError, match=r"cannot be (taken apart|put together)|OpenVINO"):
            int8_graph(damaged, noise(2), Method.MINMAX)


def test_a_quantised_bundle_computes_in_int8_whatever_is_asked_for(
    tmp_path: Path, branched: Bundle
) -> None:
    made = int8_graph(branched, noise(5), Method.MINMAX).graph
    facts = {"inputs": list(branched.card.raw["inputs"]), "features": 8, "computes": "int8"}
    folder = write_bundle(tmp_path / "whole", made, **facts)
    for precision in Precision:
        for runtime in RuntimeName:
            model = load_model(folder, precision=precision, runtime=runtime, streams=1)
            assert model.precision is Precision.INT8
            assert isinstance(model, Model)
            assert model.run(list(noise(3))).probabilities.shape == (3, 2)
    with pytest.raises(ModelError, match="does not compute in int8: figleaf models quantize"):
        load_model(SMALL, precision=Precision.INT8)
