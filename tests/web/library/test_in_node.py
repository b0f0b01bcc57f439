"""figleaf-web against Python, number by number, where no browser is needed."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from figleaf.classify.policy import Policy, Rule, load_policy, presets
from figleaf.classify.prediction import Decision, Prediction, Schema
from figleaf.errors import BundleError, Status
from figleaf.images.stills import choose
from figleaf.models.bundle import ZOO, embedded
from figleaf.models.card import RESULT_FIELDS, Resample, parse_card, read_card
from figleaf.models.preprocess import prepare, resize_align_corners
from figleaf.models.runtime import Precision

from .asking import WEB, ask, floats, packed, require_node, uint8s

SHAPES = ((1, 1), (1, 9), (7, 3), (224, 224), (500, 375), (299, 40), (33, 1500), (640, 853))
"""Heights and widths: tiny, of the graph's own size, tall, wide, usual."""
MEMBER = {"name": "one", "version": "1", "sha256": "0" * 64}
ORIGIN = {"from": "tfjs", "files": {"model.json": "0" * 64}, "labels": {"0": "sfw"}}
FIVE = ("drawings", "hentai", "neutral", "porn", "sexy")


def noise(shape: tuple[int, int], channels: int = 3) -> NDArray[np.uint8]:
    """Every level, hard edges: where a resampler differs, it shows."""
    generator = np.random.default_rng(shape[0] * 10_007 + shape[1])
    pixels = generator.integers(0, 256, (*shape, channels), np.uint8)
    pixels[: shape[0] // 2] = np.where(pixels[: shape[0] // 2] > 127, 255, 0)
    return pixels


def test_the_librarys_own_tests_pass() -> None:
    command = [require_node(), "--test", str(WEB / "tests")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert not done.returncode, done.stdout


def test_the_package_has_its_licence() -> None:
    assert (WEB / "LICENSE").read_bytes() == (WEB.parent / "LICENSE").read_bytes()


def test_the_types_fit() -> None:
    folders = (WEB, Path(os.environ.get("FIGLEAF_NODE", WEB)))
    tsc = shutil.which("tsc", path=os.pathsep.join(f"{one}/node_modules/.bin" for one in folders))
    if tsc is None:
        pytest.skip("needs TypeScript: npm install, in web/")
    command = [tsc, "--project", str(WEB / "tests/tsconfig.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert not done.returncode, done.stdout


@pytest.mark.parametrize("size", [(224, 224), (299, 299), (1, 5)])
def test_corners_on_corners_to_the_digit(size: tuple[int, int]) -> None:
    pictures = [noise(shape) for shape in SHAPES]
    answers = ask({"of": "align", "picture": packed(one), "size": size} for one in pictures)
    for picture, answer in zip(pictures, answers, strict=True):
        expected = resize_align_corners(picture, size)
        np.testing.assert_array_equal(floats(answer, *size, 3), expected)


@pytest.mark.parametrize("name", ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(224, 224), (256, 256), (600, 5)])
def test_pillows_filters_to_the_byte(name: str, size: tuple[int, int]) -> None:
    pictures = [noise(shape, 4) for shape in SHAPES]
    answers = ask(
        {"of": "resize", "picture": packed(one), "size": size, "filter": name} for one in pictures
    )
    for picture, answer in zip(pictures, answers, strict=True):
        image = Image.fromarray(np.ascontiguousarray(picture[:, :, :3]))
        resized = image.resize((size[1], size[0]), Image.Resampling[name.upper()])
        np.testing.assert_array_equal(uint8s(answer, *size, 3), np.asarray(resized))


@pytest.mark.parametrize("resample", Resample)
@pytest.mark.parametrize("sides", [(224, 224), (288, 224), (224, 97)])
def test_what_keeps_its_shape_is_prepared_alike(resample: Resample, sides: tuple[int, int]) -> None:
    edge, side = sides
    raw = {"name": "image", "size": [side, side - 3], "resize": [edge, edge]}
    raw |= {"resample": str(resample), "fit": "shortest-edge", "background": [255, 255, 255]}
    card = json.loads((ZOO / "mobilenet_v2" / "card.json").read_text()) | {"inputs": [raw]}
    (spec,) = ask([{"of": "card", "raw": card}])[0]["inputs"]
    (ours,) = parse_card(card).inputs
    pictures = [noise(shape) for shape in (*SHAPES, (3, 1000), (2001, 2))]
    answers = ask({"of": "prepare", "picture": packed(one), "spec": spec} for one in pictures)
    for picture, answer in zip(pictures, answers, strict=True):
        np.testing.assert_array_equal(floats(answer, *ours.size, 3), prepare(picture, ours))


@pytest.mark.parametrize("model", [*embedded(), "own"])
def test_inputs_are_prepared_alike(model: str, tmp_path: Path) -> None:
    raw = json.loads(
        (ZOO / (model if model != "own" else "mobilenet_v2") / "card.json").read_text()
    )
    raw["inputs"][0].pop("jpeg_quality", None)  # the encoder is the browser's own
    if model == "own":
        raw["inputs"][0] |= {"resample": "bicubic", "resize": [301, 240]}
    (tmp_path / "card.json").write_text(json.dumps(raw))
    card = read_card(tmp_path / "card.json")
    (parsed,) = ask([{"of": "card", "raw": raw}])
    assert parsed["tag"] == card.tag
    assert tuple(parsed["labels"]) == card.labels
    (spec,), (ours,) = parsed["inputs"], card.inputs
    pictures = [noise(shape) for shape in SHAPES]
    answers = ask({"of": "prepare", "picture": packed(one), "spec": spec} for one in pictures)
    for picture, answer in zip(pictures, answers, strict=True):
        np.testing.assert_array_equal(floats(answer, *ours.size, 3), prepare(picture, ours))


def changed(raw: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(raw))
    *folders, last = path.split(".")
    place: Any = copy
    for folder in folders:
        place = place[int(folder) if folder.isdecimal() else folder]
    place[last] = value
    return copy


def test_cards_are_refused_alike(tmp_path: Path) -> None:
    raw = json.loads((ZOO / "resnet50_thin" / "card.json").read_text())
    cards = [raw, *(changed(raw, "labels", ["a", name]) for name in RESULT_FIELDS)]
    cards += [
        changed(raw, path, value)
        for path, values in {
            "format": (0, "1", None),
            "name": (None, 3),
            "labels": ("sfw", ["a", "a"], ["a", 1], [], [""], ["scores"], ["a\n"], ["a\u3000b"]),
            "features": (-1, 1.5, "3", True),
            "inputs": ([], {}, [3]),
            "inputs.0.size": ([224], [0, 4], [224, 4097], [True, 4], "224"),
            "inputs.0.resize": ([255, 223], None),
            "inputs.0.resample": ("mitchell", "nearest", None),
            "inputs.0.fit": ("squash", "shortest-edge", "pad", None),
            "inputs.0.jpeg_quality": (0, 101, 7.5, "75", None),
            "inputs.0.sharpen": (1, None),
            "inputs.0.background": ([0, 0], [0, 0, 256], [0, 0, -1]),
            "sha256": ({}, {"model.onnx": "0"}, {"../a": "0" * 64, "model.onnx": "0" * 64}),
            "license": (None,),
            "suggested_policy": (3, None),
            "computes": ("int8", "int4", None, 8),
            "ensemble": (
                {"rule": "mean", "members": [MEMBER, MEMBER]},
                {"rule": "most", "members": [MEMBER, MEMBER]},
                {"rule": "mean", "members": [MEMBER]},
                {"rule": "mean", "members": [MEMBER, {**MEMBER, "sha256": "0"}]},
                None,
                [],
            ),
            "imported": (
                ORIGIN,
                ORIGIN | {"from": "elsewhere"},
                ORIGIN | {"files": {"config.json": "0"}},
                ORIGIN | {"labels": {"a": 1}},
                ORIGIN | {"revision": 3},
                {},
                None,
            ),
        }.items()
        for value in values
    ]
    answers = ask({"of": "card", "raw": one} for one in cards)
    for index, (one, answer) in enumerate(zip(cards, answers, strict=True)):
        file = tmp_path / f"{index}.json"
        file.write_text(json.dumps(one))
        try:
            read_card(file)
            refused = False
        except BundleError:
            refused = True
        assert ("refused" in answer) is refused, (one, answer)


def as_json(policy: Policy) -> dict[str, Any]:
    rules = [
        {"name": one.name, "classes": sorted(one.classes), "review": one.review, "block": one.block}
        for one in policy.rules
    ]
    return {"name": policy.name, "rules": rules}


def odd_policies() -> list[Policy]:
    """Thresholds that take care to print, rules of one class, rules without a threshold."""
    thresholds = (0.0, 1.0, 0.5, 1 / 3, 1e-5, 1.5e-7, 0.1 + 0.2, 0.999999999, 1e-4, 123e-6)
    return [
        Policy(
            "odd",
            1,
            "",
            Decision.REVIEW,
            (
                Rule("unsafe", frozenset({"porn", "nsfw"}), None, one),
                Rule("sexy", frozenset({"sexy"}), one / 2, None),
                Rule("other", frozenset({"cat"})),
            ),
        )
        for one in thresholds
    ]


def test_decisions_are_pythons() -> None:
    generator = np.random.default_rng(8)
    policies = [load_policy(name) for name in presets()] + odd_policies()
    cases = [
        (policy, dict(zip(names, (float(one) for one in row), strict=True)))
        for policy in policies
        for names in (FIVE, ("sfw", "nsfw"), ("Drawing", "unsafe", "cat"), ("cat", "dog"))
        for row in generator.dirichlet([0.3] * len(names), 60).astype(np.float32)
    ]
    answers = ask({"of": "decide", "policy": as_json(p), "scores": s} for p, s in cases)
    assert len(answers) > 3000
    for (policy, scores), answer in zip(cases, answers, strict=True):
        decision, reason = policy.decide(scores)
        assert (answer["decision"], answer["reason"]) == (decision, reason)
        unsafe = policy.unsafe_score(scores)
        # Python 3.12 and later add up with more digits.
        assert answer["unsafe"] == (unsafe if unsafe is None else pytest.approx(unsafe, abs=1e-12))


def test_figures_are_pythons() -> None:
    generator = np.random.default_rng(10)
    values = [n / 2**power for power in range(1, 9) for n in range(2**power)]  # halves, exactly
    values += [n / 1000 for n in range(0, 3000, 25)]  # halves but for their last bit
    values += generator.random(500).tolist() + generator.random(500, np.float32).tolist()
    asked = [(value, digits) for value in values for digits in (0, 1, 3, 6)]
    answers = ask({"of": "fixed", "value": value, "digits": digits} for value, digits in asked)
    for (value, digits), answer in zip(asked, answers, strict=True):
        assert answer == f"{value:.{digits}f}"
        assert float(answer) == round(value, digits)
    values = [one for one in values if one <= 1] + [2**-power for power in range(300)]
    answers = ask({"of": "general", "value": value} for value in values)
    assert answers == [f"{value:g}" for value in values]


def test_names_are_nsfwjss() -> None:
    labels = [*FIVE, "sfw", "nsfw", "own class", "MiXed", "été", "옷", "x"]
    scores = dict.fromkeys(labels, 0.0)
    told = Prediction("", Status.OK, None, scores, None, None, "", "", "", Precision.F32).to_dict(
        Schema.NSFWJS
    )
    names = [one["className"] for one in told["predictions"]]
    assert ask({"of": "name", "label": label} for label in labels) == names


def test_the_frames_that_are_looked_at_are_pythons() -> None:
    generator = np.random.default_rng(9)
    cases = []
    for _ in range(300):
        count = int(generator.integers(1, 60))
        lengths = generator.choice([0.02, 0.1, 0.5, 30.0], count, p=[0.4, 0.4, 0.18, 0.02])
        ends = np.cumsum(lengths).tolist()
        begins = [0.0, *ends[:-1]]
        every, most = float(generator.choice([0.05, 0.25, 1.0])), int(generator.integers(1, 20))
        cases.append({"begins": begins, "length": ends[-1], "every": every, "most": most})
    answers = ask({"of": "choose", **case} for case in cases)
    for case, answer in zip(cases, answers, strict=True):
        begins, length = case.pop("begins"), case.pop("length")
        assert answer == choose(begins, length, **case)
