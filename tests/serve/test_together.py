"""Several models as one, and models in int8, behind HTTP."""

import shutil
from pathlib import Path

import httpx2
import pytest

import figleaf
from figleaf.models.bundle import ZOO
from figleaf.serve.hosted import changed_files, load_catalogue
from figleaf.serve.server import running

from .conftest import rules_for

PAIR = "mobilenet_v2+resnet50_thin"


def test_several_models_as_one_are_served_and_offered_to_browsers(photo: Path) -> None:
    with (
        running(rules_for(models=(PAIR,))) as server,
        httpx2.Client(base_url=server.url, timeout=60) as client,
    ):
        files = {"file": photo.read_bytes()}
        answer = client.post("/v1/classify", params={"model": PAIR}, files=files)
        assert answer.status_code == 200, answer.text
        (result,) = answer.json()["results"]
        assert result["model"] == f"{PAIR}@1+1"
        index = client.get("/models/index.json").json()
        if index.get("models"):  # where the page is installed
            (model,) = index["models"]
            card = client.get(f"/{model['url']}card.json").json()
            assert card["ensemble"]["rule"] == "mean-unsafe"
            assert len(client.get(f"/{model['url']}model.onnx").content) == model["bytes"]
    with figleaf.load(PAIR) as classifier:
        expected = classifier.classify(photo).scores
    assert result["scores"] == pytest.approx(expected, abs=2e-5)


def test_a_reload_keeps_what_has_not_changed_and_sees_a_members_card(tmp_path: Path) -> None:
    folder = tmp_path / "member"
    shutil.copytree(ZOO / "resnet50_thin", folder)
    rules = rules_for(models=(f"mobilenet_v2+{folder}",))
    first = load_catalogue(rules, lambda *_: None)
    again = load_catalogue(rules, lambda *_: None, first)
    assert list(first.models.values()) == list(again.models.values())
    before = changed_files(rules)
    assert [name for name, _, _ in before] == [
        str(folder / name) for name in ("card.json", "model.onnx")
    ]
    for name in ("card.json", "model.onnx"):  # one may be written long after the other
        before = changed_files(rules)
        with (folder / name).open("ab") as file:
            file.write(b"\n")
        assert changed_files(rules) != before
    again.retire()
    first.retire()
