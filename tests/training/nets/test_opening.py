"""Nets by name, and what is said where one cannot be had."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from figleaf.errors import InputError, MissingExtraError
from figleaf.models.bundle import open_bundle
from figleaf.training.nets import as_backbone, open_net

EMBEDDED = ["resnet50_thin", "efficientnet_lite0"]


@pytest.mark.parametrize("name", EMBEDDED)
def test_an_embedded_net_has_what_its_card_says(name: str) -> None:
    net, card = open_net(name), open_bundle(name).card
    assert not net.training
    backbone = as_backbone(net)
    for part in (net, backbone):
        assert (part.name, part.width, part.input) == (name, card.features, card.inputs[0])
        assert part.license == card.license
        assert part.training_data == card.raw["training_data"]
        assert part.source == card.raw["source"]


@pytest.mark.parametrize(("name", "stages"), [("resnet50_thin", 5), ("efficientnet_lite0", 9)])
def test_every_parameter_is_in_one_stage(name: str, stages: int) -> None:
    net = open_net(name)
    assert len(net.stages()) == stages
    listed = [id(parameter) for stage in net.stages() for parameter in stage]
    assert listed == [id(parameter) for parameter in net.parameters()]


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_weight_learns(name: str) -> None:
    net = open_net(name).train()
    generator = torch.Generator().manual_seed(0)
    net(torch.rand((2, *net.input.size, 3), generator=generator) * 255).square().sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_an_embedded_net_takes_no_weights() -> None:
    with pytest.raises(InputError, match="comes with its weights"):
        open_net("resnet50_thin", Path("some.pth"))


@pytest.mark.parametrize("name", ["inception_v3", "mobilenet_v2_mid", "my-net.toml", "."])
def test_a_graph_is_no_net(name: str) -> None:
    """timm has an inception_v3 of its own, whose weights are others."""
    with pytest.raises(InputError, match="is an ONNX graph, which torch cannot train"):
        open_net(name, download=True)


def test_a_file_and_a_download_are_too_much() -> None:
    with pytest.raises(InputError, match="one of the two"):
        open_net("resnet50", Path("some.pth"), download=True)


@pytest.mark.skipif(importlib.util.find_spec("timm") is not None, reason="timm is installed")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mobilenetv3_small_100", "'mobilenetv3_small_100'"),
        ("resnet50", "the download of resnet50"),
    ],
)
def test_without_timm_it_says_what_to_install(name: str, message: str) -> None:
    with pytest.raises(MissingExtraError, match=rf"{message}.*pip install 'figleaf\[timm\]'"):
        open_net(name, download=True)


def test_without_torch_it_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "import figleaf.training, figleaf.training.head, figleaf.training.backbones.backbone\n"
        "from figleaf.errors import MissingExtraError\n"
        "try:\n"
        "    import figleaf.training.nets\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'figleaf[train]'" in done.stdout
