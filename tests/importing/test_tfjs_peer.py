"""TensorFlow.js itself beside what is imported: its layers, its operations, NSFW JS's models."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from figleaf.importing.imported import Imported
from figleaf.importing.tfjs import import_tfjs
from figleaf.models.bundle import open_bundle
from figleaf.models.card import Input, Resample
from figleaf.models.preprocess import prepare
from figleaf.models.runtime import Precision, RuntimeName, compile_graph

from .graph_models import every_operation, small_graph
from .peer import ask, needs_node, package, read, told
from .tfjs_models import CLASSES, answers, pictures

FIVE = ("drawings", "hentai", "neutral", "porn", "sexy")
NSFWJS = {
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v2_mid": "MobileNetV2Mid",
    "inception_v3": "InceptionV3",
}
GOLDEN = json.loads((Path(__file__).parents[1] / "models/parity_nsfwjs.json").read_text("utf-8"))
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
CLOSE = 1e-5

_FIRST = "inputShape: [20, 24, 3]"
_HEAD = """L.globalAveragePooling2d({}), L.dense({units: 3, activation: "softmax"})"""


def in_a_row(*layers: str, head: str = _HEAD) -> str:
    """A Sequential model; the first layer's first brace gets the shape of the input."""
    first = layers[0].replace("{", f"{{{_FIRST}, ", 1)
    return f"return tf.sequential({{layers: [{', '.join([first, *layers[1:], head])}]}});"


_ACTIVATIONS = (
    *("sigmoid", "softplus", "softsign", "swish", "mish", "gelu", "gelu_new", "linear"),
    *("relu", "relu6", "elu", "selu", "tanh", "hardSigmoid"),
)

LAYERS = {
    "convolutions": in_a_row(
        "L.conv2d({filters: 5, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu'})",
        "L.conv2d({filters: 6, kernelSize: [3, 2], dilationRate: 2, useBias: false})",
        "L.conv2d({filters: 4, kernelSize: 2, strides: [1, 2], activation: 'tanh'})",
    ),
    "channel by channel": in_a_row(
        "L.depthwiseConv2d({kernelSize: 3, depthMultiplier: 2, strides: 2, padding: 'same'})",
        "L.separableConv2d({filters: 4, kernelSize: 3, depthMultiplier: 2, activation: 'elu'})",
        "L.depthwiseConv2d({kernelSize: 3, useBias: false, activation: 'relu6'})",
    ),
    "normalised": in_a_row(
        "L.conv2d({filters: 4, kernelSize: 1})",
        "L.batchNormalization({scale: false})",
        "L.reLU({maxValue: 4})",
        "L.conv2d({filters: 4, kernelSize: 3})",
        "L.batchNormalization({center: false, epsilon: 0.01})",
        "L.leakyReLU({alpha: 0.2})",
        "L.batchNormalization({})",
        "L.reLU({})",
    ),
    "borders and pools": in_a_row(
        "L.zeroPadding2d({padding: [[0, 1], [2, 1]]})",
        "L.maxPooling2d({poolSize: 3, strides: 2})",
        "L.averagePooling2d({poolSize: 3, strides: 2, padding: 'same'})",
        "L.maxPooling2d({poolSize: 2, strides: 1, padding: 'same'})",
        "L.cropping2D({cropping: [[0, 1], [1, 0]]})",
    ),
    "shapes": in_a_row(
        "L.conv2d({filters: 4, kernelSize: 5, strides: 5})",
        "L.prelu({})",
        "L.flatten()",
        "L.dense({units: 12, activation: 'selu'})",
        "L.batchNormalization()",
        "L.reshape({targetShape: [2, 2, 3]})",
        "L.activation({activation: 'hardSigmoid'})",
        "L.dense({units: 3})",
        "L.permute({dims: [3, 1, 2]})",
        head="L.flatten(), L.dense({units: 3}), L.softmax()",
    ),
    "activations": f"""
        const image = tf.input({{shape: [20, 24, 3]}});
        const sides = {list(_ACTIVATIONS)}.map((activation) =>
          L.conv2d({{filters: 4, kernelSize: 2, activation}}).apply(image));
        const pooled = L.globalAveragePooling2d({{}}).apply(L.concatenate().apply(sides));
        const last = L.dense({{units: 3, activation: "softmax"}});
        return tf.model({{inputs: image, outputs: last.apply(pooled)}});
    """,
    "rescaled": in_a_row(
        "L.rescaling({scale: 2, offset: -1})",
        "L.conv2d({filters: 3, kernelSize: 3})",
        "L.elu({})",
        "L.gaussianNoise({stddev: 1})",
        head="L.conv2d({filters: 3, kernelSize: [18, 22]}), L.flatten(), L.softmax({axis: -1})",
    ),
    "merged": """
        const image = tf.input({shape: [20, 24, 3]});
        const conv = () => L.conv2d({filters: 4, kernelSize: 3, padding: "same"});
        const shared = conv(), a = conv().apply(image), b = conv().apply(image);
        const all = [L.add().apply([a, b]), L.multiply().apply([a, b]),
          L.average().apply([a, b, shared.apply(a)]), L.maximum().apply([a, shared.apply(b)]),
          L.minimum().apply([a, b])];
        const side = L.concatenate().apply(all);
        const most = L.globalMaxPooling2d({}).apply(L.concatenate({axis: 1}).apply([side, side]));
        const last = L.dense({units: 3, activation: "softmax"});
        return tf.model({inputs: image, outputs: last.apply(L.dropout({rate: 0.5}).apply(most))});
    """,
    "nested": """
        const inner = tf.sequential({name: "inner", layers: [
          L.conv2d({inputShape: [20, 24, 3], filters: 4, kernelSize: 3}), L.batchNormalization()]});
        const map = tf.input({shape: [18, 22, 4]});
        const one = L.conv2d({filters: 4, kernelSize: 1}).apply(map);
        const block = tf.model({name: "block", inputs: map, outputs: L.add().apply([one, map])});
        const image = tf.input({shape: [20, 24, 3]});
        const pooled = L.globalAveragePooling2d({});
        const features = pooled.apply(block.apply(block.apply(inner.apply(image))));
        const last = L.dense({units: 3, activation: "softmax"});
        return tf.model({inputs: image, outputs: last.apply(features)});
    """,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The models of LAYERS as TensorFlow.js saves them, and what it says of the pictures."""
    folder = tmp_path_factory.mktemp("layers")
    return folder, ask("make", folder=str(folder), models=LAYERS, input=told(pictures()))


@needs_node
@pytest.mark.parametrize("name", LAYERS)
def test_layers_agree(made: tuple[Path, dict[str, Any]], name: str) -> None:
    folder, said = made
    expected = read(said[name])
    assert np.ptp(expected, axis=0).max() > 100 * CLOSE  # else anything would be close
    imported = import_tfjs(folder / name, CLASSES)
    np.testing.assert_allclose(answers(imported, pictures()), expected, atol=CLOSE, rtol=0)


@needs_node
@pytest.mark.parametrize("name", every_operation())
def test_operations_agree(tmp_path: Path, name: str) -> None:
    every_operation()[name].write(tmp_path)
    expected = read(ask("predict", folder=str(tmp_path), form="graph", input=told(pictures())))
    assert np.ptp(expected, axis=0).max() > 100 * CLOSE  # else anything would be close
    found = answers(import_tfjs(tmp_path, CLASSES), pictures())
    np.testing.assert_allclose(found, expected, atol=CLOSE, rtol=0)


@needs_node
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16"])
def test_stored_weights_agree(tmp_path: Path, dtype: str) -> None:
    small_graph().write(tmp_path, dtype=dtype)
    expected = read(ask("predict", folder=str(tmp_path), form="graph", input=told(pictures())))
    found = answers(import_tfjs(tmp_path, CLASSES), pictures())
    np.testing.assert_allclose(found, expected, atol=CLOSE, rtol=0)


@cache
def imported_package(name: str) -> Imported:
    return import_tfjs(package(name), FIVE)


def prepared(folder: Path, name: str, side: int) -> NDArray[np.float32]:
    spec = Input("image", (side, side), Resample.BILINEAR_ALIGN_CORNERS, (side, side))
    pixels = np.asarray(Image.open(folder / name).convert("RGB"))
    return prepare(pixels, spec) / np.float32(255)


@needs_node
@pytest.mark.parametrize("name", NSFWJS)
def test_the_package_s_models_give_what_nsfwjs_does(name: str, pictures: Path) -> None:
    imported = imported_package(name)
    side = imported.card["inputs"][0]["size"][0]
    x = np.stack([prepared(pictures, photo, side) for photo in PHOTOS])
    golden = [[GOLDEN[p][NSFWJS[name]][label] for label in FIVE] for p in PHOTOS]
    np.testing.assert_allclose(answers(imported, x), golden, atol=5e-4, rtol=0)


@needs_node
@pytest.mark.parametrize("name", NSFWJS)
def test_the_package_s_models_give_what_the_bundles_do(name: str, pictures: Path) -> None:
    imported, bundle = imported_package(name), open_bundle(name)
    side = bundle.card.inputs[0].size[0]
    x = np.stack([prepared(pictures, photo, side) for photo in PHOTOS])
    runtime = compile_graph(
        bundle.graph, runtime=RuntimeName.ONNXRUNTIME, precision=Precision.F32, streams=1
    )
    for output in ("probabilities", "features"):
        expected = runtime.infer({"image": x * 255}, [output])[output]
        np.testing.assert_allclose(answers(imported, x, output), expected, atol=1e-3, rtol=0)
