import json
import os
from pathlib import Path
from typing import Any

import pytest

from figleaf.errors import BundleError
from figleaf.models.card import Fit, Input, Resample, read_card
from figleaf.models.origin import Ensemble, Member, Origin, Rule

GOOD: dict[str, Any] = {
    "format": 1,
    "name": "small",
    "version": "2",
    "description": "a model",
    "labels": ["sfw", "nsfw"],
    "features": 8,
    "inputs": [
        {
            "name": "image",
            "size": [224, 200],
            "resize": [256, 232],
            "resample": "bilinear",
            "jpeg_quality": 75,
            "background": [255, 0, 128],
        }
    ],
    "sha256": {"model.onnx": "0" * 64},
    "license": "MIT",
}
MEMBER = {"name": "one", "version": "1", "sha256": "0" * 64}
ORIGIN = {
    "from": "huggingface",
    "files": {"config.json": "f" * 64},
    "labels": {"normal": "sfw", "nsfw": "nsfw"},
}


def read(folder: Path, card: object) -> Any:
    path = folder / "card.json"
    path.write_text(json.dumps(card))
    return read_card(path)


def test_a_card_is_read_whole(tmp_path: Path) -> None:
    card = read(tmp_path, GOOD)
    assert card.tag == "small@2"
    assert card.labels == ("sfw", "nsfw")
    assert card.inputs == (
        Input("image", (224, 200), Resample.BILINEAR, (256, 232), 75, (255, 0, 128)),
    )
    assert card.raw == GOOD


def test_a_card_tells_what_a_bundle_was_made_of(tmp_path: Path) -> None:
    plain = read(tmp_path, GOOD)
    assert (plain.computes, plain.ensemble, plain.imported) == (None, None, None)
    assert plain.inputs[0].fit is Fit.SQUASH
    further = {
        "computes": "int8",
        "ensemble": {"rule": "mean-unsafe", "members": [MEMBER, MEMBER]},
        "imported": ORIGIN | {"repository": "owner/name", "revision": "0" * 40},
        **_input(fit="shortest-edge", resize=[256, 256], resample="lanczos"),
    }
    card = read(tmp_path, GOOD | further)
    assert card.computes == "int8"
    assert card.ensemble == Ensemble(Rule.MEAN_UNSAFE, (Member("one", "1", "0" * 64),) * 2)
    assert card.imported == Origin(
        "huggingface",
        {"config.json": "f" * 64},
        {"normal": "sfw", "nsfw": "nsfw"},
        "owner/name",
        "0" * 40,
    )
    assert card.inputs[0].fit is Fit.SHORTEST_EDGE
    assert card.inputs[0].resample is Resample.LANCZOS


def _input(**changes: object) -> dict[str, Any]:
    return {"inputs": [GOOD["inputs"][0] | changes]}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"format": 2}, "this figleaf reads 1"),
        ({"labels": ["a", "a"]}, "twice"),
        ({"labels": ["a", 1]}, "not a list of str"),
        ({"labels": [], "features": 0}, "needs 'labels', 'features', or both"),
        ({"features": True}, "'features' is True"),
        ({"features": "8"}, "not of type int"),
        ({"name": None}, "'name' is None"),
        ({"inputs": []}, "'inputs' is empty"),
        ({"inputs": ["image"]}, "not a list of dict"),
        (_input(size=[224]), r"not \[height, width\]"),
        (_input(size=[0, 224]), r"not \[height, width\]"),
        (_input(size=[10**9, 10**9]), r"not \[height, width\]"),
        (_input(resize=[100, 100]), "smaller than 'size'"),
        (_input(resample="sharp"), "not one of bilinear-align-corners"),
        (_input(resample=None), "'resample' is None"),
        (_input(fit="longest-edge"), "not one of squash, shortest-edge"),
        (_input(fit="shortest-edge"), "one length, twice"),
        (_input(fit="shortest-edge", resize=[223, 223]), "smaller than 'size'"),
        (_input(jpeg_quality=0), "from 1 to 100"),
        (_input(sharpen=1), "an input has 'sharpen', which this figleaf does not know"),
        (_input(background=[0, 0, 256]), "0 to 255"),
        (
            {"inputs": [GOOD["inputs"][0], GOOD["inputs"][0] | {"background": [0, 0, 0]}]},
            "'background' differ",
        ),
        ({"sha256": {}}, "does not name model.onnx"),
        ({"sha256": {"model.onnx": "0" * 64, "../x": "0" * 64}}, "not a file and its hash"),
        ({"suggested_policy": 1}, "not of type str"),
        ({"computes": "int4"}, "'computes' is 'int4'"),
        ({"ensemble": []}, "'ensemble' is"),
        ({"ensemble": {"rule": "product", "members": []}}, "not one of mean, mean-unsafe"),
        ({"ensemble": {"rule": "mean", "members": [MEMBER]}}, "two or more"),
        ({"ensemble": {"rule": "mean", "members": [MEMBER, {}]}}, "'sha256' is None"),
        ({"ensemble": {"rule": "mean", "members": [MEMBER, MEMBER | {"sha256": "0"}]}}, "SHA-256"),
        ({"imported": ORIGIN | {"from": "elsewhere"}}, "not one of huggingface, tfjs"),
        ({"imported": ORIGIN | {"files": {"config.json": "0"}}}, "no SHA-256"),
        ({"imported": ORIGIN | {"labels": {"normal": 1}}}, "not strings by name"),
        ({"imported": ORIGIN | {"revision": 1}}, "'revision' is 1"),
        ({"labels": ["sfw", "unsafe"]}, "cannot be a class's name"),
        ({"labels": ["sfw", "a\x1b[2J"]}, "cannot be a class's name"),
        ({"labels": ["sfw", ""]}, "cannot be a class's name"),
        ({"false_alarms": [{}]}, "'pictures' is None"),
        ({"false_alarms": [{"pictures": "p", "count": 1, "unsafe_over": {"0.5": "x"}}]}, "share"),
    ],
)
def test_a_broken_card_is_refused_by_field(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BundleError, match=complaint) as raised:
        read(tmp_path, GOOD | changes)
    assert "card.json" in str(raised.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"format": NaN}', "\xff"])
def test_what_is_no_card_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "card.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(BundleError, match=r"card\.json"):
        read_card(path)


def test_a_missing_and_a_huge_card_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such file"):
        read_card(tmp_path / "card.json")
    (tmp_path / "card.json").write_bytes(b" " * (2 << 20))
    with pytest.raises(BundleError, match="no bundle needs"):
        read_card(tmp_path / "card.json")


def test_a_pipe_and_a_device_are_no_card(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "card.json")
    with pytest.raises(BundleError, match="no such file"):
        read_card(tmp_path / "card.json")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with pytest.raises(BundleError, match="no such file"):
        read_card(tmp_path / "zero")
