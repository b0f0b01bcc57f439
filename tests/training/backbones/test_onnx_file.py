"""Any ONNX graph as a backbone: its features are those that the graph itself gives."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from figleaf.errors import ModelError
from figleaf.models.card import Resample
from figleaf.models.runtime import Precision, RuntimeName, compile_graph
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.backbones.onnx_file import onnx_backbone

from ..samples import SIDE, TOML, described, small_net

PICTURES = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3)).astype(np.float32)
MEAN, DEVIATION = np.array([120, 110, 100], np.float32), np.array([60, 50, 40], np.float32)


def session(graph: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


def reference(path: Path, tensor: str, *, bgr: bool = False, nhwc: bool = False) -> Any:
    """What the graph itself gives for each picture, prepared by NumPy, a batch of one at a time."""
    model = onnx.load(path)
    model.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, None))
    run = session(model.SerializeToString())
    standard = (PICTURES - MEAN) / DEVIATION
    standard = standard[..., ::-1] if bgr else standard
    ready = np.ascontiguousarray(standard if nhwc else standard.transpose(0, 3, 1, 2))
    name = run.get_inputs()[0].name
    return np.concatenate([run.run([tensor], {name: one[None]})[0] for one in ready])


def features(backbone: Backbone, pictures: NDArray[np.float32] = PICTURES) -> Any:
    found = session(backbone.graph).run(["features"], {"image": pictures})[0]
    openvino = compile_graph(
        backbone.graph, runtime=RuntimeName.OPENVINO, precision=Precision.F32, streams=1
    )
    theirs = openvino.infer({"image": pictures}, ["features"])["features"]
    np.testing.assert_allclose(theirs, found, atol=1e-4)
    return found


def edited(path: Path, old: str, new: str) -> Path:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return path


def test_features_are_the_graphs_own(tmp_path: Path) -> None:
    path = described(tmp_path)
    backbone = onnx_backbone(path)
    expected = reference(tmp_path / "small.onnx", "pooled")
    np.testing.assert_allclose(features(backbone), expected, atol=1e-4)
    assert np.ptp(expected) > 0.1
    assert (backbone.name, backbone.width) == ("small", 12)
    assert backbone.input.size == backbone.input.resize == (32, 32)
    assert backbone.input.resample is Resample.BILINEAR
    assert backbone.license == backbone.training_data == "not stated"
    assert backbone.source == {"file": "small.onnx", "output": "pooled"}


def test_channels_in_the_other_order(tmp_path: Path) -> None:
    path = edited(described(tmp_path), "size = ", 'channels = "BGR"\nsize = ')
    expected = reference(tmp_path / "small.onnx", "pooled", bgr=True)
    np.testing.assert_allclose(features(onnx_backbone(path)), expected, atol=1e-4)
    assert np.abs(expected - reference(tmp_path / "small.onnx", "pooled")).max() > 0.1


def test_height_and_width_before_channels(tmp_path: Path) -> None:
    path = edited(described(tmp_path, layout="NHWC"), "size = ", 'layout = "NHWC"\nsize = ')
    expected = reference(tmp_path / "small.onnx", "pooled", nhwc=True)
    np.testing.assert_allclose(features(onnx_backbone(path)), expected, atol=1e-4)


def test_a_map_is_pooled_by_its_mean(tmp_path: Path) -> None:
    path = described(tmp_path, output="map")
    expected = reference(tmp_path / "small.onnx", "map").mean(axis=(2, 3))
    np.testing.assert_allclose(features(onnx_backbone(path)), expected, atol=1e-4)


@pytest.mark.parametrize(("tensor", "width"), [("mean", 12), ("raw", 12), ("classes", 7)])
def test_any_tensor_within_the_graph(tmp_path: Path, tensor: str, width: int) -> None:
    backbone = onnx_backbone(described(tmp_path, output=tensor))
    expected = reference(tmp_path / "small.onnx", tensor).reshape(3, width, -1).mean(axis=2)
    assert backbone.width == width
    np.testing.assert_allclose(features(backbone), expected, atol=1e-4)
    kinds = {node.op_type for node in onnx.load_model_from_string(backbone.graph).graph.node}
    assert ("MatMul" in kinds) == (tensor == "classes")  # what is not needed is left out


def test_a_graph_of_a_batch_of_one_takes_any(tmp_path: Path) -> None:
    path = described(tmp_path, batch=1)
    expected = reference(tmp_path / "small.onnx", "pooled")
    np.testing.assert_allclose(features(onnx_backbone(path)), expected, atol=1e-4)


@pytest.mark.parametrize("opset", [8, 11, 13, 20])
def test_graphs_of_several_opsets(tmp_path: Path, opset: int) -> None:
    path = described(tmp_path, opset=opset, output="map")
    expected = reference(tmp_path / "small.onnx", "map").mean(axis=(2, 3))
    np.testing.assert_allclose(features(onnx_backbone(path)), expected, atol=1e-4)


def test_mean_and_deviation_may_be_left_out(tmp_path: Path) -> None:
    path = described(tmp_path)
    path.write_text(path.read_text("utf-8").partition("mean =")[0], "utf-8")
    run = session((tmp_path / "small.onnx").read_bytes())
    raw = onnx.load(tmp_path / "small.onnx")
    raw.graph.output.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, None))
    run = session(raw.SerializeToString())
    expected = run.run(["pooled"], {"chw": PICTURES.transpose(0, 3, 1, 2)})[0]
    np.testing.assert_allclose(features(onnx_backbone(path)), expected, rtol=1e-4)


def test_all_that_may_be_said(tmp_path: Path) -> None:
    small_net(tmp_path / "nets.onnx")
    path = tmp_path / "described.toml"
    path.write_text(
        'graph = "nets.onnx"\noutput = "pooled"\nname = "mine"\nlicense = "MIT"\n'
        'training_data = "cats"\n[input]\nsize = [32, 32]\nresize = [40, 36]\n'
        'resample = "bicubic"\nlayout = "NCHW"\nchannels = "RGB"\n',
        "utf-8",
    )
    backbone = onnx_backbone(path)
    assert backbone.name == "mine"
    assert (backbone.license, backbone.training_data) == ("MIT", "cats")
    assert (backbone.input.size, backbone.input.resize) == ((32, 32), (40, 36))
    assert backbone.input.resample is Resample.BICUBIC


def test_the_same_bytes_twice(tmp_path: Path) -> None:
    path = described(tmp_path)
    assert onnx_backbone(path).graph == onnx_backbone(path).graph
    assert onnx_backbone(path).sha256 == onnx_backbone(path).sha256


WRONG = [
    ('output = "pooled"', 'output = "nothing"', "no tensor 'nothing'; its outputs are classes"),
    ('output = "pooled"', 'output = "chw"', "no tensor 'chw'"),
    ('output = "pooled"', "", "'output' is None, not of type str"),
    ('output = "pooled"', "output = 5", "'output' is 5, not of type str"),
    ('graph = "small.onnx"', 'graph = "gone.onnx"', "gone.onnx: no such file"),
    ('graph = "small.onnx"', 'graph = "small.toml"', "small.toml: not an ONNX graph"),
    ("[input]", "[inputs]", "unknown field 'inputs'"),
    ("size = [32, 32]", "size = [32]", "'input.size' is [32], not 2 numbers"),
    ("size = [32, 32]", "size = 32", "'input.size' is 32, not 2 numbers"),
    ("size = [32, 32]", "size = [32, true]", "not 2 numbers"),
    ("size = [32, 32]", "size = [0, 32]", "from 1 to 4096"),
    ("size = [32, 32]", "size = [32.5, 32]", "'input.size'"),
    ("size = [32, 32]", "size = [inf, inf]", "'input.size'"),
    ("size = [32, 32]", "size = [5000, 32]", "'input.size'"),
    ("size = [32, 32]", "size = [32, 32]\nresize = [16, 32]", "'input.resize' [16, 32] is smaller"),
    ("size = [32, 32]", "size = [32, 32]\nresize = [nan, nan]", "'input.resize'"),
    ("size = [32, 32]", 'size = [32, 32]\nlayout = "CHWN"', "'input.layout' is 'CHWN', not one of"),
    ("size = [32, 32]", 'size = [32, 32]\nchannels = "rgb"', "'input.channels' is 'rgb', not one"),
    ("size = [32, 32]", 'size = [32, 32]\nresample = "best"', "'input.resample' is 'best', not"),
    ("size = [32, 32]", "size = [32, 32]\nresample = [1]", "'input.resample' is [1], not"),
    ("size = [32, 32]", "size = [32, 32]\ncolour = 1", "unknown field 'input.colour'"),
    ("mean = [120, 110, 100]", "mean = [120, 110]", "'input.mean' is [120, 110], not 3 numbers"),
    ("mean = [120, 110, 100]", "mean = [nan, 1, 1]", "'input.mean'"),
    ("deviation = [60, 50, 40]", "deviation = [60, 0, 40]", "not above 0"),
    ("deviation = [60, 50, 40]", "deviation = [60, nan, 40]", "'input.deviation'"),
    ("[input]", 'name = ""\n[input]', "'name'"),
    ("[input]", "name = 5\n[input]", "'name' is 5, not of type str"),
    ("[input]", "license = 5\n[input]", "'license' is 5, not of type str"),
    ("[input]", "[input", "not a description of a backbone"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG, ids=[new for _, new, _ in WRONG])
def test_what_is_wrong_is_told_by_its_name(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = edited(described(tmp_path), old, new)
    with pytest.raises(ModelError) as error:
        onnx_backbone(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "a bundle is a folder" not in str(error.value)


def test_a_description_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.toml: no such file$"):
        onnx_backbone(tmp_path / "gone.toml")


def made(path: Path, nodes: list[onnx.NodeProto], *weights: onnx.TensorProto, **more: Any) -> Path:
    """A graph of some nodes from "chw" to "pooled", described."""
    inputs = more.pop("inputs", ["chw"])
    graph = helper.make_graph(
        nodes,
        "made",
        [
            helper.make_tensor_value_info(one, TensorProto.FLOAT, [1, 3, SIDE, SIDE])
            for one in inputs
        ],
        [helper.make_tensor_value_info("pooled", TensorProto.FLOAT, None)],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (path / "small.onnx").write_bytes(model.SerializeToString())
    (path / "small.toml").write_text(
        TOML.format(graph="small.onnx", output="pooled"), encoding="utf-8"
    )
    return path / "small.toml"


def test_a_graph_that_needs_two_pictures(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Add", ["chw", "other"], ["sum"]),
        helper.make_node("GlobalAveragePool", ["sum"], ["pooled"]),
    ]
    with pytest.raises(ModelError, match="'pooled' needs 2 inputs, not one picture"):
        onnx_backbone(made(tmp_path, nodes, inputs=["chw", "other"]))


def test_features_of_another_shape(tmp_path: Path) -> None:
    tokens = numpy_helper.from_array(np.array([0, 3, -1]), "shape")
    nodes = [helper.make_node("Reshape", ["chw", "shape"], ["pooled"])]
    with pytest.raises(ModelError, match=r"not \[batch, width\] or"):
        onnx_backbone(made(tmp_path, nodes, tokens))


def test_a_reshape_that_holds_a_batch_of_one_is_refused(tmp_path: Path) -> None:
    """What exporters make of `view` where the batch is fixed: pictures would mix."""
    shape = numpy_helper.from_array(np.array([1, 3]), "shape")
    nodes = [
        helper.make_node("GlobalAveragePool", ["chw"], ["mean"]),
        helper.make_node("Reshape", ["mean", "shape"], ["pooled"]),
    ]
    with pytest.raises(ModelError, match="batch"):
        onnx_backbone(made(tmp_path, nodes, shape))


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    path = described(tmp_path)
    model = onnx.load(tmp_path / "small.onnx")
    onnx.save_model(
        model,
        tmp_path / "small.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    with pytest.raises(ModelError, match=r"small\.onnx: keeps weights in another file \(weights"):
        onnx_backbone(path)


def test_a_size_that_the_graph_cannot_take(tmp_path: Path) -> None:
    """The kernel is larger than the picture."""
    path = edited(described(tmp_path), "size = [32, 32]", "size = [3, 3]")
    with pytest.raises(ModelError):
        compile_graph(
            onnx_backbone(path).graph,
            runtime=RuntimeName.OPENVINO,
            precision=Precision.F32,
            streams=1,
        )


def test_a_graph_says_nothing_of_where_it_was_made(tmp_path: Path) -> None:
    """torch's exporter notes the path of the code with every node, and a bundle is given away."""
    path = described(tmp_path)
    before = onnx_backbone(path)
    model = onnx.load(path.with_suffix(".onnx"))
    for node in model.graph.node:
        node.doc_string = "/home/somebody/net.py(12): forward"
    onnx.save(model, path.with_suffix(".onnx"))
    assert onnx_backbone(path).graph == before.graph


def test_lists_in_lists_without_end(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text("graph = " + "[" * 100_000)
    with pytest.raises(ModelError, match=r"deep\.toml: not a description of a backbone"):
        onnx_backbone(path)
