"""Folders in Hugging Face's layout: what is read of them, and what is refused."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import figleaf
from figleaf.errors import ImportModelError, MissingExtraError
from figleaf.importing.huggingface.license import license_of
from figleaf.importing.huggingface.reading import import_huggingface
from figleaf.importing.imported import Imported
from figleaf.models.model import load_model

from .onnx_models import SIDE, lay_out, red_model

RED = np.zeros((20, 30, 3), np.uint8)
RED[..., 0] = 255
GREEN = RED[..., [1, 0, 2]]


def scores(imported: Imported, out: Path, picture: Any = RED) -> dict[str, float]:
    folder = imported.named("red").write(out)
    with figleaf.load(folder, threads=1) as classifier:
        return dict(classifier.classify(picture).scores)


def test_a_graph_is_read_with_all_that_a_card_tells(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "in")
    imported = import_huggingface(folder)
    found = scores(imported, tmp_path / "red")
    assert found["nsfw"] == pytest.approx(1 / (1 + np.exp(-6)), abs=1e-4)
    card = imported.card
    assert card["labels"] == ["sfw", "nsfw"]
    assert card["features"] == 3
    assert card["license"] == "mit"
    assert card["inputs"][0]["size"] == [SIDE, SIDE]
    assert card["imported"]["from"] == "huggingface"
    assert card["imported"]["labels"] == {"normal": "sfw", "nsfw": "nsfw"}
    names = {"README.md", "config.json", "onnx/model.onnx", "preprocessor_config.json"}
    assert card["imported"]["files"].keys() == names
    assert "normal -> sfw, nsfw -> nsfw" in " ".join(imported.notes)
    assert "bilinear, squashed to 8x8" in " ".join(imported.notes)


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": 1},
        {"layout": "NHWC"},
        {"kind": TensorProto.FLOAT16},
        {"end": "Softmax"},
        {"end": "Identity"},
        {"opset": 13},
        {"batch": 1, "kind": TensorProto.FLOAT16},
    ],
    ids=str,
)
def test_a_graph_is_made_to_fit(tmp_path: Path, changes: dict[str, Any]) -> None:
    imported = import_huggingface(lay_out(tmp_path / "in", red_model(**changes)))
    assert imported.card["features"] == 3
    found = scores(imported, tmp_path / "red")
    assert found["nsfw"] == pytest.approx(1 / (1 + np.exp(-6)), abs=2e-3)
    assert scores(imported, tmp_path / "again", GREEN)["nsfw"] == pytest.approx(
        1 - found["nsfw"], abs=1e-5
    )


def test_probabilities_are_known_however_they_are_made(tmp_path: Path) -> None:
    # A second softmax would leave .73 of the .998.
    model = red_model(end="Exp")
    graph = model.graph
    graph.node[-1].output[0] = "raised"
    graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "axes"))
    graph.node.extend(
        [
            helper.make_node("ReduceSum", ["raised", "axes"], ["whole"], keepdims=1),
            helper.make_node("Div", ["raised", "whole"], ["logits"]),
        ]
    )
    imported = import_huggingface(lay_out(tmp_path / "in", model))
    assert "probabilities already" in imported.notes[-1]
    found = scores(imported, tmp_path / "red")
    assert found["nsfw"] == pytest.approx(1 / (1 + np.exp(-6)), abs=1e-4)


def test_the_features_are_what_the_last_layer_reads(tmp_path: Path) -> None:
    bundle = import_huggingface(lay_out(tmp_path / "in")).named("red").write(tmp_path / "red")
    model = load_model(bundle, streams=1)
    outputs = model.run([model.prepare(RED), model.prepare(GREEN)], features=True)
    np.testing.assert_allclose(outputs.features, [[1, -1, -1], [-1, 1, -1]], atol=1e-5)


def of_a_map() -> onnx.ModelProto:
    """The last layer is applied at each place, and its answers are pooled."""
    model = red_model()
    graph = model.graph
    del graph.node[:], graph.initializer[:]
    kernel = np.array([[0, 3, 0], [3, 0, 0]], np.float32)[:, :, None, None]
    graph.initializer.append(numpy_helper.from_array(kernel, "kernel"))
    graph.node.extend(
        [
            helper.make_node("Conv", ["pixel_values", "kernel"], ["map"]),
            helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["logits"]),
        ]
    )
    return model


def test_where_no_layer_reads_one_vector_there_are_no_features(tmp_path: Path) -> None:
    imported = import_huggingface(lay_out(tmp_path / "in", of_a_map()))
    assert imported.card["features"] == 0
    assert scores(imported, tmp_path / "red")["nsfw"] > 0.99


def with_input(model: onnx.ModelProto) -> onnx.ModelProto:
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))
    return model


def of_whole_numbers() -> onnx.ModelProto:
    model = red_model()
    model.graph.node.insert(
        0, helper.make_node("Cast", ["bytes"], ["pixel_values"], to=TensorProto.FLOAT)
    )
    model.graph.input[0].name = "bytes"
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    return model


def with_outputs(model: onnx.ModelProto) -> onnx.ModelProto:
    model.graph.node[-1].output[0] = "first"
    model.graph.node.append(helper.make_node("Identity", ["first"], ["second"]))
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2])
        for name in ("first", "second")
    )
    return model


def of_the_batch() -> onnx.ModelProto:
    """Each picture's scores are those of the whole batch."""
    model = red_model()
    model.graph.node[-1].output[0] = "each"
    model.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["each"], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Sub", ["each", "each"], ["nothing"]),
            helper.make_node("Add", ["mean", "nothing"], ["logits"]),
        ]
    )
    return model


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (with_input(red_model()), "takes 2 inputs"),
        (of_whole_numbers(), "is UINT8"),
        (with_outputs(red_model()), "gives first, second, none of them called 'logits'"),
        (red_model(classes=3), "config.json has 2 classes"),
        (red_model(end="Sigmoid"), "ends in Sigmoid"),
        (red_model(batch=4), "takes 4 pictures at once"),
        (of_the_batch(), "in a batch of two the scores are"),
    ],
)
def test_a_graph_that_cannot_be_made_to_fit_is_refused(
    tmp_path: Path, model: onnx.ModelProto, complaint: str
) -> None:
    with pytest.raises(ImportModelError, match=complaint):
        import_huggingface(lay_out(tmp_path / "in", model))


def test_files_of_two_models_are_refused(tmp_path: Path) -> None:
    size = {"size": {"height": 16, "width": 16}}
    with pytest.raises(ImportModelError, match="takes pictures of 8x8"):
        import_huggingface(lay_out(tmp_path / "in", preprocessor=size))


def test_the_index_decides_and_not_the_names(tmp_path: Path) -> None:
    turned = {"id2label": {"1": "normal", "0": "nsfw"}, "label2id": {"normal": 1, "nsfw": 0}}
    imported = import_huggingface(lay_out(tmp_path / "in", config=turned))
    assert scores(imported, tmp_path / "red")["nsfw"] < 0.01
    assert scores(imported, tmp_path / "green", GREEN)["nsfw"] > 0.99


@pytest.mark.parametrize("nested", [False, True])
def test_names_in_timms_fields_have_to_agree(tmp_path: Path, nested: bool) -> None:
    def told(*names: str) -> dict[str, Any]:
        field = {"label_names": names}
        return {"pretrained_cfg": field} if nested else field

    with pytest.raises(ImportModelError, match="says otherwise"):
        import_huggingface(lay_out(tmp_path / "in", config=told("nsfw", "normal")))
    import_huggingface(lay_out(tmp_path / "same", config=told("normal", "nsfw")))


def test_several_classes_are_summed(tmp_path: Path) -> None:
    config = {"id2label": {"0": "low", "1": "high", "2": "normal"}, "label2id": None}
    folder = lay_out(tmp_path / "in", red_model(classes=3), config=config)
    with pytest.raises(ImportModelError, match="does not know what 'low', 'high' mean"):
        import_huggingface(folder)
    imported = import_huggingface(folder, labels={"low": "sfw", "high": "nsfw"})
    found = scores(imported, tmp_path / "red")
    raw = np.exp([-3, 3, 0])
    assert found["nsfw"] == pytest.approx(raw[1] / raw.sum(), abs=1e-4)
    assert imported.card["imported"]["labels"] == {"low": "sfw", "high": "nsfw", "normal": "sfw"}


def test_json_that_says_two_things_is_refused(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "in")
    (folder / "config.json").write_text('{"id2label": {"0": "nsfw", "0": "normal", "1": "nsfw"}}')
    with pytest.raises(ImportModelError, match="the key '0' is there twice"):
        import_huggingface(folder)
    (folder / "config.json").write_text("[]")
    with pytest.raises(ImportModelError, match="not a JSON object"):
        import_huggingface(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ImportModelError, match="not JSON"):
        import_huggingface(folder)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "onnx/model.onnx"])
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    folder = lay_out(tmp_path / "in")
    (folder / name).unlink()
    with pytest.raises(ImportModelError, match=Path(name).name):
        import_huggingface(folder)


def test_variants_are_taken_by_name_alone(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "in", name="onnx/model_fp16.onnx")
    with pytest.raises(ImportModelError, match=r"say which, by --onnx onnx/model_fp16\.onnx"):
        import_huggingface(folder)
    imported = import_huggingface(folder, onnx="onnx/model_fp16.onnx")
    assert "onnx/model_fp16.onnx" in imported.card["imported"]["files"]
    for stray in ("onnx/model.onnx", "../model.onnx", "config.json"):
        with pytest.raises(ImportModelError, match="there is no such graph"):
            import_huggingface(folder, onnx=stray)


def test_pickles_are_never_read(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "in")
    (folder / "onnx/model.onnx").rename(folder / "pytorch_model.bin")
    with pytest.raises(ImportModelError, match=r"pytorch_model\.bin: a pickle"):
        import_huggingface(folder)


def test_code_of_a_repository_is_never_run(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "in", config={"auto_map": {"AutoModel": "modeling.Model"}})
    (folder / "modeling.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ImportModelError, match="auto_map"):
        import_huggingface(folder)
    folder = lay_out(tmp_path / "again", preprocessor={"auto_map": {"AutoImageProcessor": "a.B"}})
    with pytest.raises(ImportModelError, match="auto_map"):
        import_huggingface(folder)
    assert not (tmp_path / "ran").exists()


def test_weights_beside_the_graph_are_taken_in(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "in")
    graph = folder / "onnx/model.onnx"
    onnx.save(
        red_model(), graph, save_as_external_data=True, location="model.onnx_data", size_threshold=0
    )
    imported = import_huggingface(folder)
    assert "onnx/model.onnx_data" in imported.card["imported"]["files"]
    assert scores(imported, tmp_path / "red")["nsfw"] > 0.99


def test_weights_elsewhere_are_not(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "in")
    model = red_model()
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../secret")
    (folder / "onnx/model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ImportModelError, match=r"'\.\./\.\./secret', which is not beside it"):
        import_huggingface(folder)


def test_a_licence_has_to_be_told(tmp_path: Path) -> None:
    imported = import_huggingface(lay_out(tmp_path / "in", readme=""))
    with pytest.raises(ImportModelError, match="--license unknown"):
        imported.named("red")
    assert imported.named("red", license="unknown").card["license"] == "unknown"


@pytest.mark.parametrize(
    ("readme", "expected"),
    [
        ("---\nlicense: apache-2.0\ntags:\n- vision\n---\nText", "apache-2.0"),
        ("---\ntags: [a]\nlicense: 'mit' # as told\n---", "mit"),
        ("---\nlicense: other\nlicense_name: some-terms\n---\n", "some-terms"),
        ("---\nlicense: other\nlicense_name: some\x1bterms\n---\n", None),
        ("---\nlicense: other\n---\n", None),
        ("---\nlicense: [mit, bsd]\n---\n", None),
        ("---\nlicense:\n- mit\n---\n", None),
        ("license: mit", None),
        ("# Title\n---\nlicense: mit\n---\n", None),
        ("", None),
    ],
)
def test_the_licence_is_read_of_the_front_matter(readme: str, expected: str | None) -> None:
    assert license_of(readme) == expected


def test_timms_layout_needs_no_preprocessor(tmp_path: Path) -> None:
    folder = lay_out(tmp_path / "in", name="model.onnx")
    (folder / "preprocessor_config.json").unlink()
    config = {
        "architecture": "vit_tiny",
        "num_classes": 2,
        "label_names": ["SFW", "NSFW"],
        "pretrained_cfg": {
            "input_size": [3, SIDE, SIDE],
            "crop_pct": 1.0,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
    imported = import_huggingface(folder)
    assert scores(imported, tmp_path / "red")["nsfw"] > 0.99
    assert imported.card["source"]["architecture"] == "vit_tiny"


def test_safetensors_that_lack_weights_are_refused(tmp_path: Path, pictures: Path) -> None:
    pytest.importorskip("transformers")
    from safetensors.torch import load_file, save_file

    from .transformers_models import quiet, save

    folder = save(tmp_path / "in", "vit", [pictures / "astronaut.png", pictures / "coffee.png"])
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "classifier" not in name}
    with quiet():
        save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ImportModelError, match=r"the weights have no 'classifier\.bias'"):
        import_huggingface(folder)
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ImportModelError, match="transformers cannot load"):
        import_huggingface(folder)


def test_weights_in_shards_are_read(tmp_path: Path, pictures: Path) -> None:
    pytest.importorskip("transformers")
    from .transformers_models import quiet, save

    folder = save(tmp_path / "in", "vit", [pictures / "astronaut.png", pictures / "coffee.png"])
    import transformers

    with quiet():
        model = transformers.AutoModelForImageClassification.from_pretrained(folder)
        (folder / "model.safetensors").unlink()
        model.save_pretrained(folder, max_shard_size="60KB")
    imported = import_huggingface(folder)
    shards = [name for name in imported.card["imported"]["files"] if name.endswith("safetensors")]
    assert len(shards) > 1


@pytest.mark.parametrize("value", [1, "x", [], [[1]], {"a": 1}, {"0": 1}, 1e999, True], ids=repr)
def test_no_value_of_a_config_ends_otherwise_than_in_a_refusal(tmp_path: Path, value: Any) -> None:
    """Every field that is read, in every type that it ought not to have."""
    fields = ["id2label", "label2id", "num_labels", "problem_type", "auto_map", "architectures"]
    fields += ["quantization_config", "model_type", "pretrained_cfg", "function_to_apply"]
    for field in fields:
        folder = lay_out(tmp_path / "in", config={field: value})
        with suppress(ImportModelError):
            import_huggingface(folder)


def test_a_damaged_graph_is_refused(tmp_path: Path) -> None:
    """ONNX has no one error for names that are no UTF-8."""
    folder = lay_out(tmp_path / "in")
    path = folder / "onnx/model.onnx"
    data = path.read_bytes()
    for name in (b"pixel_values", b"pooled", b"logits", b"matrix", b"ReduceMean", b"Gemm", b"axes"):
        assert name in data
        path.write_bytes(data.replace(name, b"\xff" * len(name)))
        with pytest.raises(ImportModelError):
            import_huggingface(folder)


@pytest.mark.parametrize("missing", ["transformers", "onnxscript", "torch"])
def test_an_extra_that_is_not_there_is_named(
    tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lay_out(tmp_path / "in")
    (folder / "onnx/model.onnx").rename(folder / "model.safetensors")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'figleaf\[transformers\]'"):
        import_huggingface(folder)
