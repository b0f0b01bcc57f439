"""Several models in one graph: its arithmetic against NumPy's, its inputs, its card."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from figleaf.errors import InputError, ModelError, ModelNotFoundError
from figleaf.images import decode
from figleaf.labels import FIVE
from figleaf.models.bundle import join_bundles, members, open_bundle, open_card
from figleaf.models.model import Model, Prepared, load_model
from figleaf.models.runtime import Precision, RuntimeName, compile_graph, has_bf16

from .test_bundle import tiny_graph, write_bundle

NAMES = tuple(label.name for label in FIVE)
UNSAFE = np.array([label.unsafe for label in FIVE])
BINARY = ("sfw", "nsfw")
PAIR = "mobilenet_v2+resnet50_thin"


def given(labels: Sequence[str], side: int = 4, opset: int = 18) -> bytes:
    """A model that gives what the picture's pixels say: the first row's reds, made to sum to 1."""
    count = len(labels)
    weights = {
        "starts": np.array([0, 0, 0, 0], np.int64),
        "ends": np.array([2**31, 1, count, 1], np.int64),
        "axes": np.array([0, 1, 2, 3], np.int64),
        "shape": np.array([-1, count], np.int64),
        "over": np.array([1], np.int64),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["image", "starts", "ends", "axes"], ["reds"]),
            helper.make_node("Reshape", ["reds", "shape"], ["features"]),
            helper.make_node("ReduceSum", ["features", "over"], ["sum"], keepdims=1),
            helper.make_node("Div", ["features", "sum"], ["probabilities"]),
        ],
        "given",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", side, side, 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", count]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", count]),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    bytes_: bytes = model.SerializeToString()
    return bytes_


def bundle(folder: Path, labels: Sequence[str], **changes: Any) -> Path:
    side = changes.pop("side", 8)
    opset = changes.pop("opset", 18)
    spec = {"name": "image", "size": [side, side], "background": [0, 0, 0]}
    facts = {
        "name": folder.name,
        "labels": list(labels),
        "features": len(labels),
        "inputs": [spec | {"resample": changes.pop("resample", "bilinear")}],
    }
    return write_bundle(folder, given(labels, side, opset), **facts | changes)


def picture(rows: Sequence[NDArray[np.float64]], side: int = 8) -> Prepared:
    """What makes members say their rows, one for each input."""
    found = []
    for row in rows:
        pixels = np.zeros((side, side, 3), np.float32)
        pixels[0, : len(row), 0] = row
        found.append(pixels)
    return tuple(found)


def opened(*folders: Path, weights: Sequence[float] | None = None) -> Model:
    whole = join_bundles([open_bundle(folder) for folder in folders], weights=weights)
    runtime = compile_graph(
        whole.graph, runtime=RuntimeName.ONNXRUNTIME, precision=Precision.F32, streams=1
    )
    return Model(whole.card, runtime, Precision.F32, 1)


def expected(five: NDArray[np.float64], unsafe: float) -> NDArray[np.float64]:
    """The formula of `models.ensemble.compose`, in float64."""
    shares = five + 1e-6
    found: NDArray[np.float64] = np.where(
        UNSAFE,
        unsafe * shares / shares[UNSAFE].sum(),
        (1 - unsafe) * shares / shares[~UNSAFE].sum(),
    )
    return found


def normal(values: Sequence[float]) -> NDArray[np.float64]:
    row = np.array(values, np.float64)
    found: NDArray[np.float64] = row / row.sum()
    return found


def test_the_mean_of_models_with_the_same_classes(tmp_path: Path) -> None:
    one, two = (bundle(tmp_path / name, ("dress", "shoes")) for name in ("one", "two"))
    # Both are shown the same: the same preparation is one input.
    model = opened(one, two)
    assert [spec.name for spec in model.card.inputs] == ["image"]
    other = bundle(tmp_path / "other", ("dress", "shoes"), resample="bicubic")
    model = opened(one, other, weights=[3, 1])
    assert [spec.name for spec in model.card.inputs] == ["one/image", "other/image"]
    found = model.run([picture([normal([1, 3]), normal([4, 1])])])
    np.testing.assert_allclose(found.probabilities, [[0.3875, 0.6125]], atol=1e-6)
    assert model.card.ensemble is not None
    assert model.card.ensemble.rule == "mean"
    assert "weighted 0.75, 0.25" in model.card.description


ROWS = [
    ([0.1, 0.2, 0.3, 0.25, 0.15], [0.4, 0.6]),
    ([0, 0, 1, 0, 0], [0, 1]),  # certain, and of two minds
    ([0, 1, 0, 0, 0], [1, 0]),
    ([0, 0, 1, 0, 0], [1, 0]),
    ([0, 0, 0, 1, 0], [0, 1]),
    ([0, 0, 0, 1, 0], [1e-9, 1]),
]


@pytest.mark.parametrize(("five", "binary"), ROWS)
def test_five_classes_take_over_the_mean_unsafe_score(
    tmp_path: Path, five: list[float], binary: list[float]
) -> None:
    folders = (
        bundle(tmp_path / "five", NAMES),
        bundle(tmp_path / "binary", BINARY, resample="bicubic"),
    )
    row = opened(*folders).run([picture([normal(five), normal(binary)])]).probabilities[0]
    unsafe = (normal(five)[UNSAFE].sum() + normal(binary)[1]) / 2
    np.testing.assert_allclose(row, expected(normal(five), unsafe), atol=2e-6)
    assert row[UNSAFE].sum() == pytest.approx(unsafe, abs=1e-6)
    assert row.sum() == pytest.approx(1, abs=1e-6)
    assert (row >= 0).all()


def test_weights_and_the_members_own_order_of_classes(tmp_path: Path) -> None:
    turned = ("sexy", "porn", "drawing", "hentai", "neutral")  # an alias, too
    folders = (
        bundle(tmp_path / "five", turned),
        bundle(tmp_path / "binary", ("nsfw", "safe"), resample="bicubic"),
        bundle(tmp_path / "again", NAMES, resample="box"),
    )
    model = opened(*folders, weights=[2, 1, 1])
    assert model.card.labels == NAMES
    rows = [
        normal([0.1, 0.3, 0.2, 0.15, 0.25]),
        normal([0.9, 0.1]),
        normal([0.1, 0.2, 0.3, 0.1, 0.3]),
    ]
    found = model.run([picture(rows)]).probabilities[0]
    first = rows[0][[2, 3, 4, 1, 0]]
    unsafe = (2 * first[UNSAFE].sum() + 0.9 + rows[2][UNSAFE].sum()) / 4
    np.testing.assert_allclose(found, expected((2 * first + rows[2]) / 3, unsafe), atol=2e-6)


def test_features_stand_side_by_side_where_all_have_some(tmp_path: Path) -> None:
    one = bundle(tmp_path / "one", NAMES)
    two = bundle(tmp_path / "two", BINARY, resample="bicubic", opset=13)
    model = opened(one, two)
    assert model.card.features == 7
    found = model.run([picture([np.arange(1.0, 6), np.array([7.0, 8])])], features=True)
    np.testing.assert_array_equal(found.features, [[1, 2, 3, 4, 5, 7, 8]])
    none = bundle(tmp_path / "none", BINARY, features=0)
    assert opened(one, none).card.features == 0


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    five, binary, clothes = (
        open_bundle(bundle(tmp_path / name, labels))
        for name, labels in (("five", NAMES), ("binary", BINARY), ("clothes", ("dress", "nsfw")))
    )
    with pytest.raises(InputError, match="two members or more"):
        join_bundles([five])
    with pytest.raises(InputError, match="two members are called five"):
        join_bundles([five, five])
    with pytest.raises(InputError, match="same classes, or of five-class and binary"):
        join_bundles([five, clothes])
    with pytest.raises(InputError, match="weights for 2 models"):
        join_bundles([five, binary], weights=[1])
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="above 0"):
            join_bundles([five, binary], weights=[1, wrong])
    spec = {"name": "image", "size": [8, 8], "resample": "bilinear"}
    white = bundle(tmp_path / "white", BINARY, inputs=[spec | {"background": [255] * 3}])
    with pytest.raises(InputError, match="other colours under transparent pixels"):
        join_bundles([five, open_bundle(white)])
    whole = bundle(tmp_path / "whole", BINARY, computes="int8")
    with pytest.raises(InputError, match="one computes in int8, another does not"):
        join_bundles([five, open_bundle(whole)])
    with pytest.raises(InputError, match="efficientnet_lite0 has none"):
        open_bundle("mobilenet_v2+efficientnet_lite0")


def test_names_joined_by_a_plus_sign_are_one_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = open_bundle(PAIR), open_bundle(PAIR)
    assert first.card.name == PAIR
    assert first.card.tag == f"{PAIR}@1+1"
    assert first.graph == again.graph
    assert first.card == open_card(PAIR)
    card = first.card
    assert card.ensemble is not None
    assert [one.name for one in card.ensemble.members] == PAIR.split("+")
    assert card.ensemble.members[0].sha256 == open_card("mobilenet_v2").sha256["model.onnx"]
    assert card.license == "MIT AND BSD-2-Clause"
    assert card.suggested_policy == "balanced"
    assert card.raw["false_alarms"] == []  # nobody has measured this one
    measured = open_card("inception_v3+resnet50_thin").raw["false_alarms"]
    assert [entry["count"] for entry in measured] == [1074, 274]
    weighted = [open_bundle(name) for name in ("inception_v3", "resnet50_thin")]
    assert join_bundles(weighted, weights=[2, 1]).card.raw["false_alarms"] == []
    # A folder may have a plus sign in its own name.
    monkeypatch.chdir(tmp_path)
    bundle(tmp_path / "a+b", BINARY)
    assert members("a+b") == ["a+b"]
    assert open_card("a+b").labels == BINARY
    for wrong in ("mobilenet_v2+", "+"):
        with pytest.raises(InputError, match="a model without a name"):
            open_bundle(wrong)
    with pytest.raises(ModelNotFoundError, match="no model 'nothing'"):
        open_bundle("mobilenet_v2+nothing")


def test_the_embedded_models_together_are_what_their_scores_come_to(pictures: Path) -> None:
    names = ("astronaut.png", "chelsea.png", "coffee.png")
    pixels = [decode((pictures / name).read_bytes()).pixels for name in names]

    def rows(model: str, precision: Precision = Precision.F32) -> NDArray[np.float32]:
        loaded = load_model(model, precision=precision, streams=1)
        return loaded.run([loaded.prepare(one) for one in pixels]).probabilities

    five, binary = rows("mobilenet_v2"), rows("resnet50_thin")
    unsafe = (five[:, UNSAFE].sum(axis=1) + binary[:, 1]) / 2
    wanted = [expected(row, one) for row, one in zip(five, unsafe, strict=True)]
    np.testing.assert_allclose(rows(PAIR), wanted, atol=1e-5)
    if has_bf16():  # in which the arithmetic itself is not: its sums would not be 1
        rough = rows(PAIR, Precision.BF16)
        np.testing.assert_allclose(rough, wanted, atol=0.2)
        np.testing.assert_allclose(rough.sum(axis=1), 1, atol=1e-5)


def test_a_damaged_member_is_a_model_error(tmp_path: Path) -> None:
    """Names that are no UTF-8 fail in many ways of ONNX's own."""
    sound = tiny_graph().SerializeToString()
    for number, name in enumerate((b"Softmax", b"logits")):
        damaged = sound.replace(name, b"\xff" * len(name))
        assert damaged != sound
        folders = [
            write_bundle(tmp_path / f"{who}{number}", graph, name=f"{who}{number}")
            for who, graph in (("sound", sound), ("damaged", damaged))
        ]
        with pytest.raises(ModelError, match="cannot be put together"):
            open_bundle("+".join(map(str, folders)))


def test_the_graph_is_one_that_onnx_takes(tmp_path: Path) -> None:
    model = onnx.load_model_from_string(open_bundle(PAIR).graph)
    onnx.checker.check_model(model, full_check=True)
    assert {value.name for value in model.graph.input} == {
        "mobilenet_v2/image",
        "resnet50_thin/image",
    }
