"""kill -9 in each stage: the same command ends with the report of a run in peace."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from figleaf.dataset.dataset import Dataset
from figleaf.pipeline.rules import StageName

from ..training.samples import KINDS, described, source

_SCRIPT = """
import os, signal, sys, threading
import figleaf
from figleaf.evaluation.rules import EvaluateRules
from figleaf.pipeline.rules import RunRules
from figleaf.pipeline.run import RunWatch, run

photos, out, net, stage, delay = sys.argv[1:]
rules = RunRules(
    screen=figleaf.ScreenRules(model="efficientnet_lite0"),
    train=figleaf.TrainRules(backbone=net),
    evaluate=EvaluateRules(repeats=20),
)

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def begins(name):
    if str(name) == stage:
        threading.Timer(float(delay), kill).start()

if __name__ == "__main__":
    run([photos], out, rules=rules, watch=RunWatch(begins=begins), clock=lambda: 1e9)
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return source(tmp_path_factory.mktemp("photos") / "photos", dict.fromkeys(KINDS, 40))


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return described(tmp_path_factory.mktemp("net"))


@pytest.fixture(scope="module")
def expected(photos: Path, net: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run in peace comes to."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    assert started(photos, out, net) == 0
    return outcome(out)


def started(photos: Path, out: Path, net: Path, stage: str = "", delay: float = 0) -> int:
    command = [sys.executable, "-c", _SCRIPT, photos, out, net, stage, delay]
    done = subprocess.run(list(map(str, command)), capture_output=True, timeout=300)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode


def outcome(out: Path) -> dict[str, Any]:
    """All that has to be the same, times left out."""
    with Dataset(out / "data") as data:
        rows = {
            row.sha256: (row.label, row.split, row.quarantine)
            for row in (*data, *data.filter(quarantined=True))
        }
    record = json.loads((out / "run.json").read_text())
    figures = {name: stage["figures"] for name, stage in record["stages"].items()}
    for name in ("computed", "features_seconds", "training_seconds"):
        del figures["train"][name]
    audit = json.loads((out / "audit.json").read_text())
    return {
        "rows": rows,
        "figures": figures,
        "card": (out / "models" / "run" / "card.json").read_bytes(),
        "scores": (out / "evaluation" / "scores.npz").read_bytes(),
        "suspects": [(one["sha256"], one["doubt"]) for one in audit["suspects"]],
        "report": untimed((out / "report" / "report.md").read_text(), out),
        "files": sorted(path.name for path in (out / "report").iterdir()),
    }


def untimed(text: str, out: Path) -> str:
    """A report without the parts that tell how long something took."""
    for begin, end in (("### Training, seconds", "\n## "), ("## Time", "\n## ")):
        before, _, rest = text.partition(begin)
        assert rest, f"the report has no {begin}"
        text = before + rest[rest.index(end) :]
    return text.replace(str(out), "")


QUICK = {StageName.SPLIT: 0.002}
"""Seconds after which a stage is killed that takes less than others."""


@pytest.mark.parametrize("stage", list(StageName))
def test_killed_in_any_stage_it_ends_the_same(
    stage: StageName, expected: dict[str, Any], photos: Path, net: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    killed = started(photos, out, net, stage, QUICK.get(stage, 0.05))
    assert killed == -signal.SIGKILL, f"{stage} took no time to be killed in"
    assert stage not in json.loads((out / "run.json").read_text())["stages"]
    assert started(photos, out, net) == 0
    assert outcome(out) == expected


def test_killed_again_and_again_it_ends_the_same(
    expected: dict[str, Any], photos: Path, net: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    for stage, delay in (("collect", 0.3), ("clean", 0.2), ("screen", 0.4), ("train", 0.3)):
        started(photos, out, net, stage, delay)
    assert started(photos, out, net) == 0
    assert outcome(out) == expected
