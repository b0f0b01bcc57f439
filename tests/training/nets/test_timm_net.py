"""Nets of timm, where it is installed: made-up weights, since the real ones are elsewhere."""

from pathlib import Path

import numpy as np
import pytest
import torch

from figleaf.errors import InputError, ModelError
from figleaf.models.card import Resample
from figleaf.models.runtime import RuntimeName
from figleaf.models.summary import describe
from figleaf.training.nets import as_backbone, open_net

from .prepared import batch, features
from .resnet_reference import made_up_state

timm = pytest.importorskip("timm")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.filterwarnings("default")  # timm's and onnxscript's own

NAMES = ("mobilenetv3_small_050", "resnet10t", "vit_tiny_patch16_224")


@pytest.fixture(params=NAMES)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A state dict of a net with its last layer; the file's name is the net's."""
    torch.manual_seed(0)
    path = tmp_path / f"{request.param}.pth"
    torch.save(timm.create_model(request.param, pretrained=False).state_dict(), path)
    return path


def test_a_graph_gives_the_features_of_timm(file: Path, pictures: Path) -> None:
    net = open_net(file.stem, file)
    given = batch(pictures, net.input)
    plain = timm.create_model(file.stem, pretrained=False)
    plain.load_state_dict(torch.load(file, weights_only=True))
    plain.reset_classifier(0)
    config = plain.pretrained_cfg
    mean, deviation = (torch.tensor(config[key]).view(3, 1, 1) for key in ("mean", "std"))
    with torch.inference_mode():
        x = (torch.from_numpy(given).permute(0, 3, 1, 2) / 255 - mean) / deviation
        expected = plain.eval()(x).numpy()
    backbone = as_backbone(net)
    assert expected.shape == (len(given), backbone.width)
    for runtime in RuntimeName:
        for pictures_given in (given, given[:1]):  # any batch
            answers = features(backbone.graph, pictures_given, runtime)
            rows = expected[: len(pictures_given)]
            np.testing.assert_allclose(answers, rows, atol=1e-4, rtol=0)


@pytest.mark.parametrize("package", ["timm", "torchvision"])
def test_resnet50_is_that_of_others(package: str, pictures: Path, tmp_path: Path) -> None:
    if package == "timm":
        other = timm.create_model("resnet50", pretrained=False)
    else:
        other = pytest.importorskip("torchvision").models.resnet50(weights=None)
    state = made_up_state()
    other.load_state_dict(state)
    torch.save(other.state_dict(), tmp_path / "resnet50.pth")
    other.fc = torch.nn.Identity()
    net = open_net("resnet50", tmp_path / "resnet50.pth")
    given = torch.from_numpy(batch(pictures, net.input))
    with torch.inference_mode():
        expected = other.eval()(net.get_submodule("normalise")(given))
        torch.testing.assert_close(net(given), expected, atol=1e-4, rtol=0)


def test_every_parameter_is_in_one_stage(file: Path) -> None:
    net = open_net(file.stem, file)
    listed = [id(parameter) for stage in net.stages() for parameter in stage]
    assert len(net.stages()) > 3
    assert len(listed) == len(set(listed))
    assert set(listed) == {id(parameter) for parameter in net.parameters()}


def test_the_configuration_says_how_pictures_are_prepared(tmp_path: Path) -> None:
    name = "mobilenetv3_small_050"
    torch.save(timm.create_model(name, pretrained=False).state_dict(), tmp_path / "some.pth")
    net = open_net(name, tmp_path / "some.pth")
    assert (net.input.size, net.input.resize) == ((224, 224), (256, 256))
    assert net.input.resample is Resample.BICUBIC


def test_a_graph_tells_nothing_of_the_machine_and_can_be_described(tmp_path: Path) -> None:
    name = "mobilenetv3_small_050"
    torch.save(timm.create_model(name, pretrained=False).state_dict(), tmp_path / "some.pth")
    net = open_net(name, tmp_path / "some.pth")
    graph = as_backbone(net).graph
    assert graph == as_backbone(net).graph
    assert b"site-packages" not in graph
    assert b"figleaf.training" not in graph
    summary = describe(graph)
    assert summary.macs is not None
    assert 20e6 < summary.macs < 30e6


def test_without_weights_it_says_what_to_give() -> None:
    with pytest.raises(ModelError, match="--weights FILE"):
        open_net("mobilenetv3_small_050")


@pytest.mark.parametrize("name", ["no_such_net", "hf-hub:some/net"])
def test_a_name_that_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="neither figleaf nor timm"):
        open_net(name, download=True)


@pytest.mark.parametrize("name", ["resnet50", "resnet50.tv_in1k", "mobilenetv3_small_050"])
def test_what_the_hub_gives_is_used(
    name: str, monkeypatch: pytest.MonkeyPatch, pictures: Path, tmp_path: Path
) -> None:
    # Made-up weights in the hub's cache, as if they had been downloaded.
    torch.manual_seed(1)
    plain = timm.create_model(name, pretrained=False)
    config = plain.pretrained_cfg
    held = tmp_path / f"models--{config['hf_hub_id'].replace('/', '--')}"
    (held / "refs").mkdir(parents=True)
    (held / "refs" / "main").write_text("0" * 40)
    (held / "snapshots" / ("0" * 40)).mkdir(parents=True)
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file(plain.state_dict(), held / "snapshots" / ("0" * 40) / "model.safetensors")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    net = open_net(name, download=True)
    plain.reset_classifier(0)
    given = torch.from_numpy(batch(pictures, net.input))
    with torch.inference_mode():
        expected = plain.eval()(net.get_submodule("normalise")(given))
        torch.testing.assert_close(net(given), expected, atol=1e-4, rtol=0)
    assert net.license == config["license"]
    assert net.source["weights"] == f"{config['architecture']}.{config['tag']}"


@pytest.mark.parametrize("name", ["resnet50", "mobilenetv3_small_050"])
def test_a_failed_download_says_what_to_do(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Offline, as the hub's own switch has it, and with nothing in its cache.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=rf"{name} cannot be downloaded.*--weights FILE"):
        open_net(name, download=True)
