"""TensorFlow.js models: read, understood, and computed as plain NumPy does; or refused by name."""

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from figleaf.errors import ImportModelError
from figleaf.importing.tfjs import Pixels, TfjsRules, import_tfjs
from figleaf.models.bundle import open_bundle

from .tfjs_models import (
    CLASSES,
    answers,
    pictures,
    sequential,
    small_net,
    small_net_answers,
    softmax,
    write_model,
)


def edit(folder: Path, change: Any) -> None:
    """Change a model's JSON."""
    path = folder / "model.json"
    model = json.loads(path.read_text())
    change(model)
    path.write_text(json.dumps(model))


def layers_of(model: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = model["modelTopology"]["model_config"]["config"]["layers"]
    return found


@pytest.mark.parametrize("dtype", ["", "uint8", "uint16", "float16"])
def test_layers_compute_what_numpy_does(tmp_path: Path, dtype: str) -> None:
    arrays = small_net(tmp_path / "net", dtype=dtype)
    imported = import_tfjs(tmp_path / "net", CLASSES)
    expected = small_net_answers(arrays, pictures())
    assert np.ptp(expected) > 0.1  # else anything would be close
    np.testing.assert_allclose(answers(imported, pictures()), expected, atol=2e-6)


def test_written_bundle_opens_and_tells_what_it_is_from(tmp_path: Path) -> None:
    small_net(tmp_path / "net")
    made = import_tfjs(tmp_path / "net" / "model.json", CLASSES).named("mine", license="MIT")
    card = open_bundle(made.write(tmp_path / "mine")).card
    assert card.labels == CLASSES
    assert card.inputs[0].size == (20, 24)
    assert card.imported is not None
    assert set(card.imported.files) == {
        "model.json",
        "group1-shard1of2.bin",
        "group1-shard2of2.bin",
    }
    assert card.imported.labels == {name: name for name in CLASSES}


def test_same_files_give_the_same_graph(tmp_path: Path) -> None:
    small_net(tmp_path / "net", dtype="uint8")
    first, second = (import_tfjs(tmp_path / "net", CLASSES) for _ in range(2))
    assert first == second


def test_weights_stay_as_small_as_they_were(tmp_path: Path) -> None:
    small_net(tmp_path / "whole")
    small_net(tmp_path / "small", dtype="uint8")
    whole, small = (len(import_tfjs(tmp_path / n, CLASSES).graph) for n in ("whole", "small"))
    assert small < whole / 2


@pytest.mark.parametrize(
    ("pixels", "shown"),
    [
        (Pixels.UNIT, lambda x: x),
        (Pixels.SIGNED, lambda x: x * 2 - 1),
        (Pixels.BYTES, lambda x: x * 255),
    ],
)
def test_pixels_come_in_the_range_that_was_told(tmp_path: Path, pixels: Pixels, shown: Any) -> None:
    arrays = small_net(tmp_path / "net")
    imported = import_tfjs(tmp_path / "net", CLASSES, TfjsRules(pixels=pixels))
    expected = small_net_answers(arrays, shown(pictures()))
    np.testing.assert_allclose(answers(imported, pictures()), expected, atol=1e-5)


def test_classes_come_in_our_order_and_are_summed(tmp_path: Path) -> None:
    arrays = small_net(tmp_path / "net")
    labels = {"a": "porn", "b": "drawings", "c": "porn"}
    imported = import_tfjs(tmp_path / "net", ("a", "b", "c"), TfjsRules(labels=labels))
    rows = small_net_answers(arrays, pictures())
    assert imported.card["labels"] == ["drawings", "porn"]
    expected = np.stack([rows[:, 1], rows[:, 0] + rows[:, 2]], axis=1)
    np.testing.assert_allclose(answers(imported, pictures()), expected, atol=2e-6)


def test_logits_are_refused_unless_told(tmp_path: Path) -> None:
    arrays = small_net(tmp_path / "net")
    edit(tmp_path / "net", lambda model: layers_of(model)[-1]["config"].update(activation=None))
    with pytest.raises(ImportModelError, match="--logits"):
        import_tfjs(tmp_path / "net", CLASSES)
    imported = import_tfjs(tmp_path / "net", CLASSES, TfjsRules(logits=True))
    expected = small_net_answers(arrays, pictures())
    np.testing.assert_allclose(answers(imported, pictures()), expected, atol=2e-6)


def test_a_softmax_is_not_made_twice(tmp_path: Path) -> None:
    small_net(tmp_path / "net")
    with pytest.raises(ImportModelError, match="leave --logits away"):
        import_tfjs(tmp_path / "net", CLASSES, TfjsRules(logits=True))


def test_one_sigmoid_is_the_second_class(tmp_path: Path) -> None:
    kernel = np.random.default_rng(2).normal(0, 1, (3, 1)).astype(np.float32)
    topology = sequential(
        [
            ("GlobalAveragePooling2D", {"name": "gap"}),
            ("Dense", {"name": "d", "use_bias": False, "activation": "sigmoid"}),
        ]
    )
    write_model(tmp_path / "net", topology, {"d/kernel": kernel}, shards=1)
    imported = import_tfjs(tmp_path / "net", ("sfw", "nsfw"))
    assert "the one output is that of 'nsfw'" in imported.notes[0]
    x = pictures()
    second = 1 / (1 + np.exp(-(x.mean(axis=(1, 2)) @ kernel)))
    expected = np.concatenate([1 - second, second], axis=1)
    np.testing.assert_allclose(answers(imported, x), expected, atol=1e-6)
    assert imported.card["features"] == 3
    np.testing.assert_allclose(answers(imported, x, "features"), x.mean(axis=(1, 2)), atol=1e-6)


def test_keras_3_is_read_as_keras_2(tmp_path: Path) -> None:
    arrays = small_net(tmp_path / "two")
    small_net(tmp_path / "three", keras_version="3.5.0")

    def to_functional(model: dict[str, Any]) -> None:
        """As Keras 3 writes a Functional model: histories, one list for one output."""
        layers = layers_of(model)
        before = "image"
        first = {"name": "image", "batch_shape": [None, 20, 24, 3]}
        found: list[dict[str, Any]] = [
            {"class_name": "InputLayer", "name": "image", "config": first, "inbound_nodes": []}
        ]
        for layer in layers:
            layer["config"].pop("batch_input_shape", None)
            history = {"keras_history": [before, 0, 0], "shape": [], "dtype": "float32"}
            tensor = {"class_name": "__keras_tensor__", "config": history}
            before = layer["config"]["name"]
            node = {"args": [tensor], "kwargs": {"training": False}}
            found.append({**layer, "name": before, "inbound_nodes": [node]})
        config = {"layers": found, "input_layers": ["image", 0, 0], "output_layers": [before, 0, 0]}
        whole = {"class_name": "Functional", "config": {**config, "name": "functional"}}
        model["modelTopology"]["model_config"] = whole

    edit(tmp_path / "three", to_functional)
    imported = import_tfjs(tmp_path / "three", CLASSES)
    expected = small_net_answers(arrays, pictures())
    np.testing.assert_allclose(answers(imported, pictures()), expected, atol=2e-6)


def test_hard_sigmoid_differs_between_keras_2_and_3(tmp_path: Path) -> None:
    layers: list[tuple[str, dict[str, Any]]] = [
        ("Rescaling", {"name": "r", "scale": 8.0, "offset": [-4.0, -3.0, -2.0]}),
        ("Activation", {"name": "h", "activation": "hard_sigmoid"}),
        ("GlobalAveragePooling2D", {"name": "gap"}),
        ("Softmax", {"name": "s"}),
    ]
    x = pictures()
    scaled = x * 8 + np.array([-4, -3, -2], np.float32)
    for version, slope in (("2.9.0", 0.2), ("3.1.0", 1 / 6)):
        write_model(tmp_path / version, sequential(layers, keras_version=version), {})
        expected = softmax((slope * scaled + 0.5).clip(0, 1).mean(axis=(1, 2)))
        imported = import_tfjs(tmp_path / version, CLASSES)
        np.testing.assert_allclose(answers(imported, x), expected, atol=1e-6)


def test_weights_of_inner_models_are_found_by_their_path(tmp_path: Path) -> None:
    """Two inner models with a layer of the same name, as converters write their weights."""
    random = np.random.default_rng(3)
    kernels = {n: random.normal(0, 1, (3, 3)).astype(np.float32) for n in ("one", "two")}
    dense = {"class_name": "Dense", "config": {"name": "d", "use_bias": False}}
    inner = [
        {"class_name": "Sequential", "config": {"name": name, "layers": [dense]}}
        for name in kernels
    ]
    topology = sequential([("GlobalAveragePooling2D", {"name": "gap"})])
    layers = topology["model_config"]["config"]["layers"]
    layers += [*inner, {"class_name": "Softmax", "config": {"name": "s"}}]
    arrays = {f"{name}/d/kernel": kernel for name, kernel in kernels.items()}
    write_model(tmp_path / "net", topology, arrays)
    x = pictures()
    expected = softmax(x.mean(axis=(1, 2)) @ kernels["one"] @ kernels["two"])
    found = answers(import_tfjs(tmp_path / "net", CLASSES), x)
    np.testing.assert_allclose(found, expected, atol=2e-6)


# What is refused


def test_classes_are_asked_for_with_the_line_to_type(tmp_path: Path) -> None:
    small_net(tmp_path / "net")
    with pytest.raises(ImportModelError, match="--classes drawings,hentai,neutral,porn,sexy"):
        import_tfjs(tmp_path / "net", ())
    with pytest.raises(ImportModelError, match="3 outputs, and 2 classes"):
        import_tfjs(tmp_path / "net", ("sfw", "nsfw"))


def test_unknown_layers_are_named(tmp_path: Path) -> None:
    small_net(tmp_path / "net")
    edit(tmp_path / "net", lambda model: layers_of(model)[2].update(class_name="LSTM"))
    with pytest.raises(ImportModelError, match=r"layer 'relu' \(LSTM\).*'LSTM' are not known"):
        import_tfjs(tmp_path / "net", CLASSES)


def test_unknown_activations_are_named(tmp_path: Path) -> None:
    small_net(tmp_path / "net")
    edit(tmp_path / "net", lambda model: layers_of(model)[4]["config"].update(activation="sinc"))
    with pytest.raises(ImportModelError, match=r"dense.*'sinc' is not known"):
        import_tfjs(tmp_path / "net", CLASSES)


@pytest.mark.parametrize("change", ["shorter", "longer", "gone", "folder"])
def test_shards_that_do_not_fit_are_refused(tmp_path: Path, change: str) -> None:
    small_net(tmp_path / "net")
    shard = tmp_path / "net" / "group1-shard2of2.bin"
    data = shard.read_bytes()
    if change in ("gone", "folder"):
        shard.unlink()
        if change == "folder":
            shard.mkdir()
    else:
        shard.write_bytes(data[:-4] if change == "shorter" else data + b"1234")
    with pytest.raises(ImportModelError, match="shard"):
        import_tfjs(tmp_path / "net", CLASSES)


@pytest.mark.parametrize("path", ["../secret.bin", "/etc/hostname", "a/../../b", "c:\\x", 7, ""])
def test_shards_elsewhere_are_refused(tmp_path: Path, path: object) -> None:
    small_net(tmp_path / "net")
    (tmp_path / "secret.bin").write_bytes(b"0" * 64)
    edit(tmp_path / "net", lambda model: model["weightsManifest"][0].update(paths=[path]))
    with pytest.raises(ImportModelError, match="no file of the model's folder"):
        import_tfjs(tmp_path / "net", CLASSES)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [1 << 40, 1 << 40]},
        {"shape": [-1, 4]},
        {"shape": "many"},
        {"shape": [1.5]},
        {"dtype": "string"},
        {"dtype": "complex64"},
        {"quantization": {"dtype": "int4", "scale": 1, "min": 0}},
        {"quantization": {"dtype": "uint8", "min": 0}},
        {"quantization": {"dtype": "uint8", "scale": math.nan, "min": 0}},
        {"name": None},
    ],
)
def test_claims_of_the_manifest_are_not_believed(tmp_path: Path, change: dict[str, Any]) -> None:
    small_net(tmp_path / "net")
    edit(tmp_path / "net", lambda model: model["weightsManifest"][0]["weights"][0].update(change))
    with pytest.raises(ImportModelError):
        import_tfjs(tmp_path / "net", CLASSES)


@pytest.mark.parametrize(
    ("layer", "change", "message"),
    [
        (0, {"strides": [0, 1]}, "strides"),
        (0, {"kernel_size": [3, 5]}, "kernel"),
        (0, {"padding": "causal"}, "'padding'"),
        (0, {"data_format": "channels_first"}, "channels_first"),
        (0, {"name": "other"}, "no weight 'other/kernel'"),
        (0, {"batch_input_shape": [None, 1 << 20, 8, 3]}, "known is 1 to"),
        (0, {"batch_input_shape": [None, 20, 24, 4]}, "RGB"),
        (0, {"batch_input_shape": [None, None, None, 3]}, "--size"),
        (0, {"dilation_rate": [40, 40]}, "larger"),
        (1, {"axis": 1}, "'axis'"),
        (1, {"epsilon": "small"}, "'epsilon'"),
        (2, {"max_value": True}, "'max_value'"),
        (4, {"use_bias": "no"}, "'use_bias'"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(
    tmp_path: Path, layer: int, change: dict[str, Any], message: str
) -> None:
    small_net(tmp_path / "net")
    edit(tmp_path / "net", lambda model: layers_of(model)[layer]["config"].update(change))
    with pytest.raises(ImportModelError, match=message):
        import_tfjs(tmp_path / "net", CLASSES)


def test_layers_over_the_batch_are_refused(tmp_path: Path) -> None:
    """A score must not depend on the pictures that a picture happens to come with."""
    layers: list[tuple[str, dict[str, Any]]] = [
        ("GlobalAveragePooling2D", {"name": "gap"}),
        ("Softmax", {"name": "s", "axis": 0}),
    ]
    write_model(tmp_path / "net", sequential(layers), {})
    with pytest.raises(ImportModelError, match="'axis' is 0"):
        import_tfjs(tmp_path / "net", CLASSES)


def test_what_would_not_fit_into_memory_is_refused(tmp_path: Path) -> None:
    padding = {"name": "pad", "padding": 4000}
    layers: list[tuple[str, dict[str, Any]]] = [
        ("ZeroPadding2D", padding),
        ("ZeroPadding2D", padding),
        ("Softmax", {"name": "s"}),
    ]
    write_model(tmp_path / "net", sequential(layers), {})
    with pytest.raises(ImportModelError, match="too large"):
        import_tfjs(tmp_path / "net", CLASSES)


def functional(layer: dict[str, Any], calls: int) -> dict[str, Any]:
    """A layer that is called on what it gave itself."""
    sources = ["in", *[layer["name"]] * (calls - 1)]
    nodes = [[[name, max(n - 1, 0), 0, {}]] for n, name in enumerate(sources)]
    first = {"name": "in", "batch_input_shape": [None, 8, 8, 3]}
    return {
        "layers": [
            {"class_name": "InputLayer", "name": "in", "config": first, "inbound_nodes": []},
            {**layer, "inbound_nodes": nodes},
        ],
        "input_layers": [["in", 0, 0]],
        "output_layers": [[layer["name"], calls - 1, 0]],
    }


def test_models_that_grow_by_powers_are_refused(tmp_path: Path) -> None:
    layer: dict[str, Any] = {"class_name": "ReLU", "name": "relu", "config": {"name": "relu"}}
    for number in range(12):
        config = {**functional(layer, 10), "name": f"m{number}"}
        layer = {"class_name": "Functional", "name": f"m{number}", "config": config}
    write_model(tmp_path / "net", {"model_config": layer}, {})
    with pytest.raises(ImportModelError, match="counted as often as they are called"):
        import_tfjs(tmp_path / "net", CLASSES)
    many = {"class_name": "ReLU", "name": "relu", "config": {"name": "relu"}}
    top = {"class_name": "Functional", "name": "m", "config": functional(many, 5_001)}
    write_model(tmp_path / "long", {"model_config": top}, {})
    with pytest.raises(ImportModelError, match="5,001 layers, over 5,000"):
        import_tfjs(tmp_path / "long", CLASSES)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    arrays = small_net(tmp_path / "net", shards=1)
    size = 4 * sum(array.size for array in arrays.values())
    (tmp_path / "net" / "group1-shard1of1.bin").write_bytes(b"\xff" * size)
    with pytest.raises(ImportModelError, match="not finite"):
        import_tfjs(tmp_path / "net", CLASSES)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", "{", '{"weightsManifest": 1}', '{"weightsManifest": []}', "[" * 99999],
)
def test_what_is_no_model_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(ImportModelError):
        import_tfjs(tmp_path, CLASSES)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportModelError, match=r"model\.json"):
        import_tfjs(tmp_path, CLASSES)


def test_models_in_scripts_are_read_and_not_run(tmp_path: Path) -> None:
    """The form in which nsfwjs publishes its own: an object literal, and base64."""
    arrays = small_net(tmp_path / "net", dtype="uint8", shards=1)
    model = json.loads((tmp_path / "net" / "model.json").read_text())
    blob = (tmp_path / "net" / "group1-shard1of1.bin").read_bytes()
    model["weightsManifest"][0]["paths"] = ["group1-shard1of1"]
    literal = json.dumps(model, separators=(",", ":")).replace("true", "!0").replace("false", "!1")
    literal = literal.replace('"scale":0.', "scale:.").replace('"name":', "name:")
    folder = tmp_path / "script"
    folder.mkdir()
    (folder / "model.min.js").write_text(f"!function(){{e.exports={literal}}}();")
    encoded = base64.b64encode(blob).decode()
    (folder / "group1-shard1of1.min.js").write_text(f'!function(){{e.exports="{encoded}"}}();')
    expected = small_net_answers(arrays, pictures())
    found = answers(import_tfjs(folder, CLASSES), pictures())
    np.testing.assert_allclose(found, expected, atol=2e-6)
