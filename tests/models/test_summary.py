"""What graphs consist of, by hand and by what is known of embedded ones."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from figleaf.errors import ModelError
from figleaf.models.bundle import open_bundle
from figleaf.models.graph import Convolution, Graph, Tensor, compact
from figleaf.models.summary import Layer, describe


def _graph() -> bytes:
    graph = Graph()
    x = graph.arithmetic("Sub", graph.image(32, 48), np.ones((3, 1, 1), np.float32), "centred")
    kernel, bias = np.ones((8, 3, 3, 3), np.float32), np.zeros(8, np.float32)
    x = graph.convolution(x, Convolution(kernel, bias, 2, (0, 0, 1, 1)), "first")
    x = graph.activation("relu6", x, "relu")
    depthwise = Convolution(np.ones((8, 1, 5, 5), np.float32), bias, 1, (2, 2, 2, 2), groups=8)
    x = graph.convolution(x, depthwise, "depthwise")
    wide = compact(np.ones((8192, 8, 1, 1), np.float32))
    x = graph.convolution(x, Convolution(wide, np.zeros(8192, np.float32)), "wide")
    return graph.build("made", {"features": graph.global_average(x, "pool")})


def test_layers_are_counted_for_one_picture() -> None:
    summary = describe(_graph())
    assert summary.layers == (
        Layer("image/nchw", "Transpose", (1, 3, 32, 48), 0, 0),
        Layer("centred", "Sub", (1, 3, 32, 48), 0, 0),
        Layer("first", "Conv", (1, 8, 16, 24), 8 * 27 + 8, 16 * 24 * 8 * 27),
        Layer("relu", "Clip", (1, 8, 16, 24), 0, 0),
        Layer("depthwise", "Conv", (1, 8, 16, 24), 8 * 25 + 8, 16 * 24 * 8 * 25),
        Layer("wide", "Conv", (1, 8192, 16, 24), 8192 * 8 + 8192, 16 * 24 * 8192 * 8),
        Layer("pool", "GlobalAveragePool", (1, 8192, 1, 1), 0, 0),
        Layer("features", "Flatten", (1, 8192), 0, 0),
    )
    assert summary.parameters == 224 + 208 + 73728
    assert summary.macs == 16 * 24 * 8 * (27 + 25 + 8192)
    assert summary.flops == 2 * summary.macs


@pytest.mark.parametrize(
    ("name", "macs", "parameters"),
    [
        (
            "efficientnet_lite0",
            (0.37e9, 0.41e9),
            (3.3e6, 3.4e6),
        ),  # 4.65 M with a last layer of 1000
        ("resnet50_thin", (0.9e9, 1.1e9), (5.8e6, 6.0e6)),
        ("inception_v3", (5.6e9, 5.8e9), (21.7e6, 22.5e6)),  # 5.7 G as published
        ("mobilenet_v2", (0.29e9, 0.32e9), (2.2e6, 2.7e6)),  # .30 G as published
    ],
)
def test_embedded_graphs(
    name: str, macs: tuple[float, float], parameters: tuple[float, float]
) -> None:
    summary = describe(open_bundle(name).graph)
    assert summary.macs is not None
    assert macs[0] < summary.macs < macs[1]
    assert parameters[0] < summary.parameters < parameters[1]


def _dense(kind: str, weight: tuple[int, int], **attributes: Any) -> bytes:
    """A graph of one matrix product, of features of width 6."""
    array = numpy_helper.from_array(np.ones(weight, np.float32), "weight")
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
        for name, width in (("x", 6), ("y", 4))
    ]
    node = helper.make_node(kind, ["x", "weight"], ["y"], **attributes)
    model = helper.make_model(helper.make_graph([node], "dense", values[:1], values[1:], [array]))
    return model.SerializeToString()


@pytest.mark.parametrize(
    "graph",
    [_dense("MatMul", (6, 4)), _dense("Gemm", (6, 4)), _dense("Gemm", (4, 6), transB=1)],
    ids=["MatMul", "Gemm", "Gemm, transposed"],
)
def test_products_are_counted(graph: bytes) -> None:
    assert [(layer.name, layer.macs) for layer in describe(graph).layers] == [("y", 24)]
    assert describe(graph).parameters == 24


def test_what_cannot_be_known_is_none() -> None:
    graph = Graph()
    x = graph.image(8, 8)
    shape = graph.node("Shape", [x.name], "shape")
    noise = graph.node("NonZero", [x.name], "unknown")
    graph.node("Cast", [noise], "float", to=TensorProto.FLOAT)
    graph.node("Cast", [shape], "weights", to=TensorProto.FLOAT)
    graph.node("MatMul", ["weights", "float"], "product")
    summary = describe(graph.build("odd", {"features": Tensor("product", 1)}))
    (product,) = (layer for layer in summary.layers if layer.kind == "MatMul")
    assert (product.shape, product.macs, summary.macs, summary.flops) == (None, None, None, None)


def test_a_broken_graph_is_refused() -> None:
    with pytest.raises(ModelError):
        describe(b"no graph")
    model = onnx.load_model_from_string(_graph())
    del model.graph.node[0].attribute[:]  # the picture stays NHWC, of 48 channels
    with pytest.raises(ModelError):
        describe(model.SerializeToString())
