"""ResNet-50 from a file of made-up weights: the real ones cannot be had in a test."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from figleaf.errors import InputError, ModelError
from figleaf.models.runtime import RuntimeName
from figleaf.models.summary import describe
from figleaf.training.nets import Net, as_backbone, open_net

from .prepared import batch, features
from .resnet_reference import PARAMETERS_WITH_LAST_LAYER, made_up_state, reference_features


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return made_up_state()


@pytest.fixture(scope="module")
def file(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet50.pth"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def net(file: Path) -> Net:
    return open_net("resnet50", file, hashlib.sha256(file.read_bytes()).hexdigest())


def test_features_are_those_of_a_plain_implementation(
    net: Net, state: dict[str, Tensor], pictures: Path
) -> None:
    given = batch(pictures, net.input)
    backbone = as_backbone(net)
    with torch.inference_mode():
        expected = reference_features(state, torch.from_numpy(given)).numpy()
        ours = net(torch.from_numpy(given)).numpy()
    assert expected.shape == (len(given), net.width) == (len(given), backbone.width)
    assert 0.1 < expected.std() < 10  # features that could tell a mistake, and no overflow
    np.testing.assert_allclose(ours, expected, atol=1e-4, rtol=0)
    for runtime in RuntimeName:
        answers = features(backbone.graph, given, runtime)
        np.testing.assert_allclose(answers, expected, atol=1e-4, rtol=0)


def test_its_size_is_the_published_one(net: Net, state: dict[str, Tensor]) -> None:
    own = sum(parameter.numel() for parameter in net.parameters())
    assert own == 23_508_032
    last = state["fc.weight"].numel() + state["fc.bias"].numel()
    assert own + last == PARAMETERS_WITH_LAST_LAYER
    macs = describe(as_backbone(net).graph).macs
    assert macs is not None
    assert 4.08e9 < macs < 4.10e9  # 4.09 G as torchvision states


def test_every_parameter_is_in_one_stage(net: Net) -> None:
    stages = net.stages()
    assert len(stages) == 5
    assert [id(one) for stage in stages for one in stage] == [id(one) for one in net.parameters()]


def test_its_backbone_says_where_the_weights_are_from(net: Net, file: Path) -> None:
    backbone = as_backbone(net)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert backbone.source == {"file": "resnet50.pth", "integrity": f"sha256:{digest}"}
    assert (backbone.input.size, backbone.input.resize) == ((224, 224), (256, 256))


def test_batch_norm_keeps_its_statistics_in_training(net: Net) -> None:
    before = net.get_buffer("bn1.running_mean").clone()
    net.train()
    net(torch.rand(2, 224, 224, 3) * 255).sum().backward()
    net.eval()
    torch.testing.assert_close(net.get_buffer("bn1.running_mean"), before)
    assert net.get_parameter("bn1.weight").grad is not None
    net.zero_grad()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "--weights FILE"),
        ({"sha256": "0" * 64}, "without a file"),
        ({"weights": Path("missing.pth")}, "missing.pth: no such file"),
    ],
)
def test_without_weights_it_says_what_to_give(
    arguments: dict[str, Path | str], message: str
) -> None:
    with pytest.raises((InputError, ModelError), match=message):
        open_net("resnet50", **arguments)  # type: ignore[arg-type]  # of two kinds
