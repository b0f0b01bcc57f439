"""The report of what training, evaluating and auditing really write."""

import json
from pathlib import Path

import figleaf
from figleaf.auditing.audit import audit
from figleaf.auditing.report import AuditReport
from figleaf.auditing.rules import AuditRules
from figleaf.evaluation.rules import EvaluateRules
from figleaf.report.run_facts import RunFacts, StageTime
from figleaf.report.run_files import run_files
from figleaf.report.texts import LANGUAGES, Words
from figleaf.training.rules import TrainRules

from ..training.samples import KINDS, data_set, described
from .run_samples import AT
from .test_html import check_page


def test_the_report_takes_what_the_stages_write(tmp_path: Path) -> None:
    folder = data_set(tmp_path, dict.fromkeys(KINDS, 24), test=0.3)
    backbone = str(described(tmp_path / "nets"))
    model = tmp_path / "models" / "mine"
    model.parent.mkdir()
    figleaf.train(folder, model, rules=TrainRules(backbone=backbone))
    found = audit(folder, rules=AuditRules(backbone=backbone))
    # As a run keeps it.
    kept = AuditReport.from_dict(json.loads(json.dumps(found.to_dict())))
    facts = RunFacts(
        name="mine",
        at=AT,
        version=figleaf.__version__,
        sources=("source",),
        stats=figleaf.stats(folder, clock=lambda: AT),
        training=json.loads((model / "training.json").read_text("utf-8")),
        evaluation=figleaf.evaluate(folder, model, rules=EvaluateRules(repeats=20)),
        audit=kept,
        stages=(StageTime("collect", "done", 1.0),),
    )
    for language in LANGUAGES:
        files = dict(run_files(facts, Words(language), beside=tmp_path / "report"))
        page = files["report.html"].decode()
        check_page(page)
        assert page.count('class="frame problem"') == 0
        accuracy = f"{100 * facts.training['test']['accuracy']:.1f}%"
        assert f"<dd>{accuracy}" in page
        assert accuracy in files["report.md"].decode()
        assert "고양이 그림" in page
