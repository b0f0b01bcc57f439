"""A run that is made up around real pictures: their data set, guesses of a model, an audit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import figleaf
from figleaf.auditing.report import AuditReport, Outlier, Overlap, Suspect
from figleaf.evaluation.evaluate import Evaluation, assess
from figleaf.evaluation.labelled import Labelled, open_labelled
from figleaf.evaluation.rules import EvaluateRules
from figleaf.evaluation.truth import truth_of
from figleaf.report.run_facts import RunFacts, StageTime

from ..evaluation.fakes import scored
from ..training.samples import data_set

AT = 1_760_000_000.0
COUNTS = {"drawings": 12, "hentai": 10, "neutral": 30, "porn": 20, "sexy": 14}
"""Stand-ins: pictures of coloured noise under the names of the five classes."""
STAGES = ("collect", "clean", "split", "train", "audit", "evaluate")


def run_facts(root: Path, counts: Mapping[str, int] = COUNTS, **more: Any) -> RunFacts:
    """A run in `root`: its data set in `root/data`, a report for `root/report`."""
    folder = data_set(root, counts, test=0.5)
    data = open_labelled(folder, part="test")
    found = evaluation(data, sorted(counts))
    values: dict[str, Any] = {
        "name": "my <run>",
        "at": AT,
        "version": "0.1",
        "sources": ("lists & folders",),
        "stats": figleaf.stats(folder, clock=lambda: AT),
        "training": training(counts, found),
        "evaluation": found,
        "audit": audit(found, folder),
        "stages": tuple(StageTime(name, "done", 1.5) for name in STAGES),
    }
    return RunFacts(**(values | more))


def evaluation(data: Labelled, classes: list[str], seed: int = 3) -> Evaluation:
    """Guesses that are right in most cases; the first image could not be read."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(len(data), len(classes)))
    logits[np.arange(len(data)), [classes.index(label) for label in data.labels]] += 1.7
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    shares[0] = np.nan
    found = scored(shares.tolist(), classes)
    truth = truth_of(data.labels, found.classes, found.policy, "fake@1")
    return assess(data, found, truth, EvaluateRules(repeats=40))


def audit(found: Evaluation, folder: Path) -> AuditReport:
    """Suspects are the evaluation's mistakes; two outliers, one pair that is hard."""
    classes = found.scored.classes
    wrong = [one for one in found.answers() if one.right is False]
    suspects = tuple(
        Suspect(
            path=one.path.replace(str(folder), "/moved/since"),
            sha256=one.sha256,
            label=one.label,
            suggested=str(one.predicted),
            part="test",
            doubt=0.9,
            given=0.05,
            chance=float(one.probability or 0),
            listed=n != 0,
        )
        for n, one in enumerate(wrong)
    )
    far = list(zip(found.data.paths, found.data.hashes, found.data.labels, strict=True))[1:3]
    outliers = tuple(
        Outlier(str(path), sha256, label, "test", 7.25, classes[0]) for path, sha256, label in far
    )
    joint = tuple(tuple(20 if a == b else int(a + b == 1) for b in range(len(classes))) for a in
                  range(len(classes)))  # fmt: skip
    return AuditReport(
        backbone="resnet50_thin",
        precision="f32",
        images=80,
        unreadable=0,
        left_out=0,
        classes=classes,
        estimated=7,
        joint=joint,
        accuracy=0.8125,
        temperature=1.1,
        l2=0.01,
        suspects=suspects,
        outliers=outliers,
        overlaps=(Overlap(classes[0], classes[1], 0.61, 4),),
        hardest=Overlap(classes[0], classes[1], 0.61, 4),
        apply=None,
        applied=0,
        settled=1,
        data_hash="cd" * 32,
        split="ef" * 32,
        versions={"figleaf": "0.1", "numpy": "2.0"},
    )


def training(counts: Mapping[str, int], found: Evaluation) -> dict[str, Any]:
    """As training.json has it, as far as it is read."""
    part = {
        "images": 40,
        "accuracy": 0.75,
        "macro_f1": 0.74,
        "log_loss": 0.7,
        "calibration_error": 0.06,
    }
    timing = {"loading": 0.1, "features": 2.0, "training": 0.5, "testing": 0.1, "writing": 0.3}
    return {
        "name": "my-model",
        "mode": "probe",
        "rules": {"class_weights": "none", "seed": 0},
        "backbones": [{"name": "resnet50_thin", "sha256": "12" * 32}],
        "classes": {name: {"train": n // 2, "validation": 0, "test": n - n // 2}
                    for name, n in counts.items()},
        "trained": 43,
        "unreadable": 0,
        "left_out": 0,
        "precision": "f32",
        "l2": 0.0316,
        "held_out": "5 folds",
        "iterations": 20,
        "converged": True,
        "calibration": {"temperature": 1.2, "images": 43, "before": 0.1, "after": 0.05},
        "validation": part,
        "test": part,
        "parameters": 1_000_000,
        "flops": 2_900_000_000,
        "timing": timing | {"total": 3.0, "computed": 86},
        "data_hash": "34" * 32,
        "split": "56" * 32,
        "split_seed": found.origin.split_seed,
        "versions": {"figleaf": "0.1", "python": "3.11"},
        "bundle_hash": "78" * 32,
    }  # fmt: skip  # a part a line
