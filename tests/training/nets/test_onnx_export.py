"""Exported graphs: the module's features, and what a bundle's graph has to be."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from figleaf.errors import InputError
from figleaf.models.graph import compact
from figleaf.models.runtime import RuntimeName
from figleaf.training.nets import Net, open_net
from figleaf.training.nets.layers import GlobalAverage, Normalise, PaddedConv2d
from figleaf.training.nets.onnx_export import export

from .prepared import batch, features

EMBEDDED = ["resnet50_thin", "efficientnet_lite0"]


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_graph_gives_the_features_of_the_module(name: str, pictures: Path) -> None:
    net = open_net(name).eval()
    _train_a_little(net)
    given = batch(pictures, net.input)
    with torch.inference_mode():
        expected = net(torch.from_numpy(given)).numpy()
    exact, small = export(net), export(net, compact)
    for runtime in RuntimeName:
        np.testing.assert_allclose(features(exact, given, runtime), expected, atol=1e-4, rtol=0)
    answers = features(small, given, RuntimeName.OPENVINO)
    np.testing.assert_allclose(answers, expected, atol=1e-3, rtol=0)
    assert len(small) < 0.6 * len(exact)


def _train_a_little(net: Net) -> None:
    """Move the weights, so that the embedded ones would not do."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1 + 0.01 * torch.randn(parameter.shape, generator=generator))


def test_a_graph_is_what_a_bundle_needs() -> None:
    net = open_net("efficientnet_lite0")
    graph = export(net)
    assert graph == export(net.train())
    model = onnx.load_model_from_string(graph)
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert _declared(model.graph.input) == {"image": ["batch", 224, 224, 3]}
    assert _declared(model.graph.output) == {"features": ["batch", 1280]}


def _declared(values: Iterable[onnx.ValueInfoProto]) -> dict[str, list[int | str]]:
    return {
        value.name: [axis.dim_value or axis.dim_param for axis in value.type.tensor_type.shape.dim]
        for value in values
    }


class _Odd(Net):
    """A net with one layer of the caller's choice between a convolution and the average."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__(open_net("efficientnet_lite0").facts)
        self.normalise = Normalise((0, 0, 0), (255, 255, 255))
        self.first = PaddedConv2d(3, 8, 3, stride=2, pads=(0, 1, 1, 0), bias=False)
        self.layer = layer
        self.pool = GlobalAverage()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.pool(self.layer(self.first(self.normalise(x))))
        return result


def test_batch_norm_is_folded(pictures: Path) -> None:
    norm = nn.BatchNorm2d(8, eps=0.1)
    for number, tensor in enumerate((norm.weight, norm.bias, norm.running_mean, norm.running_var)):
        assert tensor is not None
        tensor.data = torch.linspace(0.5 + number, 2 + number, 8)
    net = _Odd(norm).train()  # in which batch norm keeps its statistics, too
    given = batch(pictures, net.input)
    with torch.inference_mode():
        expected = net(torch.from_numpy(given)).numpy()
    graph = export(net)
    assert "BatchNormalization" not in {
        node.op_type for node in onnx.load_model_from_string(graph).graph.node
    }
    answers = features(graph, given, RuntimeName.ONNXRUNTIME)
    np.testing.assert_allclose(answers, expected, atol=1e-4, rtol=0)


class _Beside(nn.Module):
    """Batch norm beside a shortcut: the convolution before it has two readers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.norm(x) + x
        return result


@pytest.mark.parametrize(
    "layer", [nn.Softplus(), nn.Sequential(nn.ReLU(), nn.BatchNorm2d(8)), _Beside()]
)
def test_a_layer_that_is_not_known_is_refused(layer: nn.Module) -> None:
    with pytest.raises(InputError):
        export(_Odd(layer))
