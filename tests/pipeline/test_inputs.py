import json
from pathlib import Path

import pytest

from figleaf.evaluation.rules import EvaluateRules
from figleaf.pipeline.inputs import depended, plain, versions
from figleaf.sources.rules import CollectRules
from figleaf.training.rules import Mode, TrainRules

from ..training.samples import described


def test_a_file_counts_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("format = 1")
    before = depended(EvaluateRules(policy=str(policy)))
    monkeypatch.chdir(tmp_path)
    assert depended(EvaluateRules(policy="policy.toml")) == before
    policy.write_text("format = 2")
    assert depended(EvaluateRules(policy=str(policy))) != before


def test_so_does_the_graph_that_a_file_describes(tmp_path: Path) -> None:
    net = described(tmp_path)
    (tmp_path / "nets").mkdir()
    graph = (tmp_path / "small.onnx").rename(tmp_path / "nets" / "small.onnx")
    net.write_text(net.read_text().replace("small.onnx", "nets/small.onnx"))
    rules = TrainRules(backbone=f"resnet50_thin+{net}")
    before = depended(rules)
    assert depended(rules) == before
    graph.write_bytes(b"another")
    assert depended(rules) != before


def test_all_rules_are_json(tmp_path: Path) -> None:
    rules = CollectRules(blocklists=(tmp_path / "gone",), root=tmp_path)
    assert json.loads(json.dumps(plain(rules)))["blocklists"] == [str(tmp_path / "gone")]
    json.dumps(depended(rules))
    long = EvaluateRules(policy="x" * 5000)
    assert depended(long) == plain(long)


def test_torch_counts_where_it_computes() -> None:
    assert "torch" not in versions(TrainRules())
    pytest.importorskip("torch")
    assert "torch" not in versions()
    assert "torch" in versions(TrainRules(mode=Mode.FINETUNE, backbone="resnet50_thin"))
