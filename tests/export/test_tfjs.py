"""Bundles as TensorFlow.js models: what NSFW JS itself says of them, and what is not taken."""

import base64
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from typer.testing import CliRunner

import figleaf
from figleaf.cli.app import app
from figleaf.errors import InputError, ModelError
from figleaf.export.tfjs.export import CLASSES, TfjsExport, export_tfjs, fitting_input
from figleaf.importing.tfjs import import_tfjs
from figleaf.labels import FIVE
from figleaf.models.bundle import open_bundle
from figleaf.models.card import Card, Fit, Resample
from figleaf.models.writing import input_entry, write_bundle
from figleaf.training.backbones.embedded import bundle_backbone
from figleaf.training.graph import classifier_graph
from figleaf.training.head import Head

from ..importing.peer import ask, needs_node, told

SMALLEST = "mobilenet_v2"
CLOSE = 1e-4


def trained(folder: Path, backbone: str, *, roots: bool, temperature: float = 1.7) -> Path:
    """A bundle as training makes it, with a head of random numbers that tells pictures apart."""
    found = bundle_backbone(backbone)
    random = np.random.default_rng(7)
    head = Head(
        random.normal(0.3, 0.1, found.width).astype(np.float32),
        random.uniform(0.5, 1, found.width).astype(np.float32),
        random.normal(0, 0.1, (found.width, 5)).astype(np.float32),
        random.normal(0, 1, 5).astype(np.float32),
        of_roots=roots,
    )
    card = {
        "format": 1,
        "name": folder.name,
        "version": "1",
        "description": "for a test",
        "labels": list(CLASSES),
        "features": found.width,
        "inputs": [input_entry(found.input)],
        "license": "MIT",
    }
    return write_bundle(folder, card, classifier_graph([found], head, temperature))


def photo(pictures: Path, name: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(pictures / name).convert("RGB"))


def scores(model: str | Path, pixels: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Figleaf's own, in the order of NSFW JS."""
    with figleaf.load(model, threads=1) as classifier:
        rows = [[r.scores[name] for name in CLASSES] for r in map(classifier.classify, pixels)]
    return np.array(rows, np.float32)


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the URL under which it is served."""
    folder = tmp_path_factory.mktemp("site")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def nsfwjs(url: str, made: TfjsExport, pixels: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """What NSFW JS says, with the model loaded by its own loader."""
    pictures = [told(one) for one in pixels]
    model = f"{url}/{made.folder.name}/"
    rows = ask("classify", model=model, size=made.side, type="graph", pictures=pictures)
    return np.array(rows, np.float32)


@needs_node
def test_nsfwjs_loads_an_embedded_model(hosted: tuple[Path, str], pictures: Path) -> None:
    folder, url = hosted
    made = export_tfjs(folder / "small", SMALLEST)
    some = [photo(pictures, name) for name in ("astronaut.png", "rocket.jpg")]
    found, expected = nsfwjs(url, made, some), scores(SMALLEST, some)
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(found, expected, atol=CLOSE, rtol=0)


@needs_node
@pytest.mark.parametrize(("backbone", "roots"), [("mobilenet_v2_mid", False), (SMALLEST, True)])
def test_nsfwjs_loads_a_trained_bundle(
    hosted: tuple[Path, str], pictures: Path, tmp_path: Path, backbone: str, roots: bool
) -> None:
    folder, url = hosted
    model = trained(tmp_path / "mine", backbone, roots=roots)
    made = export_tfjs(folder / f"mine-{roots}", model)
    some = [photo(pictures, "coffee.png")]
    found, expected = nsfwjs(url, made, some), scores(model, some)
    assert 0.01 < np.median(expected) < expected.max() < 0.95
    np.testing.assert_allclose(found, expected, atol=CLOSE, rtol=0)


# Without Node


@cache
def exported(name: str, root: Path) -> TfjsExport:
    return export_tfjs(root / name, name)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


@pytest.mark.parametrize("name", [SMALLEST, "mobilenet_v2_mid", "inception_v3"])
def test_embedded_models_are_read_back_as_they_are(name: str, root: Path) -> None:
    made = exported(name, root)
    assert made.moved <= CLOSE
    # As small as the bundle: kernels stay in uint8.
    assert made.download < 1.1 * len(open_bundle(name).graph)
    card = import_tfjs(made.folder, CLASSES).card
    assert card["inputs"][0]["size"] == [made.side, made.side]


@pytest.mark.parametrize("roots", [False, True])
def test_a_head_is_exported_with_its_temperature(tmp_path: Path, roots: bool) -> None:
    model = trained(tmp_path / "mine", SMALLEST, roots=roots)
    assert export_tfjs(tmp_path / "out", model).moved <= CLOSE


def test_model_json_is_as_nsfwjs_reads_it(root: Path) -> None:
    folder = exported(SMALLEST, root).folder
    model = json.loads((folder / "model.json").read_text())
    assert model["format"] == "graph-model"
    (group,) = model["weightsManifest"]
    assert all((folder / name).stat().st_size <= 4 << 20 for name in group["paths"])
    (output,) = model["signature"]["outputs"].values()  # one, else predict() gives a list
    names = [node["name"] for node in model["modelTopology"]["node"]]
    assert output["name"].removesuffix(":0") in names
    assert len(set(names)) == len(names)
    assert {entry["name"] for entry in group["weights"]} == {
        node["name"] for node in model["modelTopology"]["node"] if node["op"] == "Const"
    }


def test_folder_tells_what_it_is_and_whose(root: Path) -> None:
    folder = exported(SMALLEST, root).folder
    about = json.loads((folder / "figleaf-export.json").read_text())
    assert (about["form"], about["model"], about["license"]) == ("tfjs", f"{SMALLEST}@1", "MIT")
    assert about["classes"] == [label.name for label in FIVE]
    assert set(about["sha256"]) == {p.name for p in folder.iterdir() if p.suffix == ".bin"} | {
        "model.json"
    }
    assert json.loads((folder / "card.json").read_text())["name"] == SMALLEST


def test_same_bundle_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    first, second = exported(SMALLEST, root).folder, export_tfjs(tmp_path / "o", SMALLEST).folder
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {
        p.name: p.read_bytes() for p in second.iterdir()
    }


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").write_text("here")
    with pytest.raises(InputError, match="something in it"):
        export_tfjs(tmp_path / "out", SMALLEST)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["precious"]


def card_with(**change: Any) -> Card:
    card = open_bundle(SMALLEST).card
    spec = {k: v for k, v in change.items() if hasattr(card.inputs[0], k)}
    rest = {k: v for k, v in change.items() if k not in spec}
    return replace(card, inputs=(replace(card.inputs[0], **spec),), **rest)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"labels": ("sfw", "nsfw")}, "classes are sfw, nsfw"),
        ({"labels": tuple(reversed(CLASSES))}, "classes are sexy, porn"),
        ({"resample": Resample.BICUBIC}, "resized by bicubic"),
        ({"resize": (256, 256)}, "cropped"),
        ({"jpeg_quality": 75}, "encoded"),
        ({"fit": Fit.SHORTEST_EDGE}, "cropped"),
        ({"size": (224, 192), "resize": (224, 192)}, "224x192"),
        ({"computes": "int8"}, "int8"),
    ],
)
def test_what_nsfwjs_would_show_otherwise_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=f"{reason}.*figleaf-web"):
        fitting_input(card_with(**change))


def test_several_inputs_are_refused() -> None:
    card = open_bundle(SMALLEST).card
    with pytest.raises(InputError, match="takes 2 pictures"):
        fitting_input(replace(card, inputs=card.inputs * 2))


def bundle_of(folder: Path, nodes: list[Any], arrays: dict[str, NDArray[Any]]) -> Path:
    """A bundle whose graph is these nodes, from `image` to `probabilities`."""
    shape: list[str | int | None] = ["batch", 16, 16, 3]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 5])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    entry = {"name": "image", "size": [16, 16], "resample": "bilinear-align-corners"}
    card = {
        "format": 1,
        "name": folder.name,
        "version": "1",
        "description": "for a test",
        "labels": list(CLASSES),
        "features": 0,
        "inputs": [{**entry, "background": [255, 255, 255]}],
        "license": "MIT",
    }
    return write_bundle(folder, card, model.SerializeToString())


def test_operators_without_a_counterpart_are_named(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["chw"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["scores"]),
        helper.make_node("Hardmax", ["scores"], ["probabilities"]),
    ]
    first = helper.make_node("Transpose", ["image"], ["chw"], perm=[0, 3, 1, 2])
    matrix = np.random.default_rng(0).normal(0, 1, (3, 5)).astype(np.float32)
    model = bundle_of(tmp_path / "odd", [first, *nodes], {"matrix": matrix})
    with pytest.raises(ModelError, match="Hardmax 'probabilities': this operator"):
        export_tfjs(tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


def test_a_damaged_graph_is_a_model_error(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Transpose", ["image"], ["chw"], perm=[0, 3, 1, 2]),
        helper.make_node("GlobalAveragePool", ["chw"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"]),
    ]
    model = bundle_of(tmp_path / "odd", nodes, {"matrix": np.eye(3, 5, dtype=np.float32)})
    data = (model / "model.onnx").read_bytes()
    card = json.loads((model / "card.json").read_text())
    for name in (b"scores", b"matrix", b"perm"):
        # Once each: what reads it then reads nothing.
        damaged = data.replace(name, b"\xff" * len(name), 1)
        (model / "model.onnx").write_bytes(damaged)
        card["sha256"]["model.onnx"] = hashlib.sha256(damaged).hexdigest()
        (model / "card.json").write_text(json.dumps(card))
        with pytest.raises(ModelError, match="odd: the graph cannot be taken apart"):
            export_tfjs(tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


def varied(random: np.random.Generator) -> tuple[list[Any], dict[str, NDArray[Any]]]:
    """Operators and attributes that the embedded models do not have."""

    def normal(*shape: int) -> NDArray[np.float32]:
        return random.normal(0, 0.4, shape).astype(np.float32)

    arrays: dict[str, NDArray[Any]] = {
        "mean": np.array([120, 110, 100], np.float32).reshape(3, 1, 1),
        "k1": normal(6, 3, 3, 3),
        "k2": normal(12, 1, 3, 3),
        "b2": normal(12),
        "gamma": 1 + normal(12),
        "beta": normal(12),
        "m": normal(12),
        "v": 1 + np.abs(normal(12)),
        "slope": normal(12, 1, 1),
        "half": np.array(0.5, np.float32),
        "side": np.array([0, 12, 1, 1], np.int64),
        "k3": normal(12, 12, 1, 1),
        "widths": np.array([0, 0, 1, 0, 0, 0, 0, 2], np.int64),
        "matrix": normal(12 * 2, 7),
        "last": 0.2 * normal(5, 7),
        "bias": normal(5),
    }
    make = helper.make_node
    nodes = [
        make("Transpose", ["image"], ["chw"], perm=[0, 3, 1, 2]),
        make("Sub", ["chw", "mean"], ["centred"]),
        make("Mul", ["centred", "half"], ["range"]),
        make("Tanh", ["range"], ["tanh"]),
        make("Conv", ["tanh", "k1"], ["c1"], pads=[1, 0, 0, 2], strides=[1, 1]),
        make("HardSigmoid", ["c1"], ["hard"], alpha=0.2, beta=0.4),
        make("Mul", ["c1", "hard"], ["gated"]),
        make("Conv", ["gated", "k2", "b2"], ["c2"], group=6, strides=[2, 1], pads=[1, 1, 1, 1]),
        make("BatchNormalization", ["c2", "gamma", "beta", "m", "v"], ["bn"], epsilon=0.01),
        make("PRelu", ["bn", "slope"], ["prelu"]),
        make("GlobalMaxPool", ["prelu"], ["top"]),
        make("ReduceMean", ["prelu"], ["low"], axes=[2, 3], keepdims=0),
        make("Reshape", ["low", "side"], ["low4"]),
        make("Add", ["top", "low4"], ["both"]),
        make("Conv", ["both", "k3"], ["c3"]),
        make("Sigmoid", ["c3"], ["gate"]),
        make("Mul", ["prelu", "gate"], ["se"]),
        make("Pad", ["se", "widths", "half"], ["padded"]),
        make(
            "MaxPool", ["padded"], ["max"], kernel_shape=[3, 3], strides=[3, 3], pads=[1, 1, 1, 1]
        ),
        make("AveragePool", ["max"], ["avg"], kernel_shape=[2, 2], strides=[2, 3]),
        make("Elu", ["avg"], ["elu"]),
        make("Flatten", ["elu"], ["flat"]),
        make("MatMul", ["flat", "matrix"], ["hidden"]),
        make("LeakyRelu", ["hidden"], ["leaky"], alpha=0.3),
        make("Gemm", ["leaky", "last", "bias"], ["scores"], transB=1),
        make("Softmax", ["scores"], ["probabilities"], axis=-1),
    ]
    return nodes, arrays


@needs_node
def test_other_operators_compute_the_same_in_tensorflow_js(tmp_path: Path) -> None:
    nodes, arrays = varied(np.random.default_rng(3))
    model = bundle_of(tmp_path / "varied", nodes, arrays)
    made = export_tfjs(tmp_path / "out", model)
    x = np.random.default_rng(4).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
    answer = ask("predict", folder=str(made.folder), form="graph", input=told(x / np.float32(255)))
    found = np.frombuffer(base64.b64decode(answer["data"]), np.float32).reshape(3, 5)
    expected = scores(model, list(x))
    assert np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


def test_other_operators_are_read_back_as_they_are(tmp_path: Path) -> None:
    nodes, arrays = varied(np.random.default_rng(3))
    model = bundle_of(tmp_path / "varied", nodes, arrays)
    assert export_tfjs(tmp_path / "out", model).moved < 1e-6


# The command


def test_command_says_how_it_is_loaded(tmp_path: Path) -> None:
    out = tmp_path / "site"
    done = CliRunner().invoke(app, ["export", "tfjs", str(out), "--model", SMALLEST])
    assert done.exit_code == 0, done.output
    assert done.stdout == 'nsfwjs.load("/site/", { type: "graph", size: 224 })\n'
    assert "scores moved by" in done.stderr


def test_command_tells_in_json(tmp_path: Path) -> None:
    arguments = ["export", "tfjs", str(tmp_path / "site"), "-m", SMALLEST, "--json", "--quiet"]
    done = CliRunner().invoke(app, arguments)
    assert json.loads(done.stdout)["side"] == 224
    assert done.stderr == ""
