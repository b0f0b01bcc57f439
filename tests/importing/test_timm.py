"""timm's models from safetensors, held to timm itself where it is installed (gigabytes)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import figleaf
from figleaf.errors import ImportModelError
from figleaf.importing.huggingface.timm_weights import load_timm

CONFIG: dict[str, Any] = {"architecture": "resnet10t", "num_classes": 2}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        # timm would fetch it, and load a pickle.
        ({"architecture": "hf-hub:owner/name"}, "no name of timm's"),
        ({"architecture": "local-dir:/tmp"}, "no name of timm's"),
        ({"architecture": ["resnet10t"]}, "no name of timm's"),
        ({"model_args": {"checkpoint_path": "a.pt"}}, "'checkpoint_path'"),
        ({"model_args": {"pretrained": True}}, "'pretrained'"),
        ({"model_args": {"in_chans": 1}}, "no RGB"),
        ({"model_args": [1]}, "not an object"),
        ({"num_classes": None}, "no 'num_classes'"),
    ],
)
def test_what_would_load_something_else_is_refused(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ImportModelError, match=complaint):
        load_timm(tmp_path, CONFIG | changes)


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Any]:
    """A small net as timm saves it for the hub, and the net; class 0 is the unsafe one."""
    timm = pytest.importorskip("timm")
    import torch

    torch.manual_seed(0)
    net = timm.create_model("resnet10t", num_classes=2).eval()
    torch.nn.init.normal_(net.get_classifier().weight, std=2.0)
    folder = tmp_path / "saved"
    names = {"label_names": ["NSFW", "SFW"]}
    timm.models.save_for_hf(net, folder, model_config=names, safe_serialization=True)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder, net


def test_scores_are_timms_own(saved: tuple[Path, Any], tmp_path: Path, pictures: Path) -> None:
    import timm
    import torch

    folder, net = saved
    figleaf.import_model(str(folder), str(tmp_path / "bundle"))
    transform = timm.data.create_transform(
        **timm.data.resolve_model_data_config(net), is_training=False
    )
    with figleaf.load(tmp_path / "bundle") as classifier:
        for name in ("astronaut.png", "chelsea.png", "rocket.jpg"):
            pixels = transform(Image.open(pictures / name).convert("RGB"))[None]
            with torch.no_grad():
                wanted = net(pixels).softmax(1)[0].numpy()
            found = classifier.classify(pictures / name).scores
            np.testing.assert_allclose([found["nsfw"], found["sfw"]], wanted, atol=1e-3)


def test_weights_of_another_architecture_are_refused(
    saved: tuple[Path, Any], tmp_path: Path
) -> None:
    config = saved[0] / "config.json"
    config.write_text(config.read_text().replace("resnet10t", "resnet14t"))
    with pytest.raises(ImportModelError, match="timm cannot load"):
        figleaf.import_model(str(saved[0]), str(tmp_path / "bundle"))
