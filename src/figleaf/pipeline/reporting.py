"""The last stage: a report of all that the others have found and kept."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.classify.classifier import policy_for
from figleaf.curate.splitting.rules import Part
from figleaf.curate.stats import stats
from figleaf.dataset.durable import replacing
from figleaf.dataset.ledger import Ledger
from figleaf.evaluation.evaluate import Evaluation, assess
from figleaf.evaluation.labelled import open_labelled
from figleaf.evaluation.truth import truth_of
from figleaf.models.card import read_card
from figleaf.pipeline.places import Places
from figleaf.pipeline.record import Figures
from figleaf.pipeline.rules import RunRules, StageName
from figleaf.pipeline.scores import NAME as SCORES
from figleaf.pipeline.scores import read_scores
from figleaf.pipeline.stages import Job, Stage, read_audit
from figleaf.pipeline.state import state_after
from figleaf.report.run_facts import RunFacts, StageTime
from figleaf.report.run_files import run_files
from figleaf.report.texts import Words
from figleaf.training.bundle import CARD, REPORT


def _inputs(job: Job) -> Any:
    with Ledger(job.places.data) as ledger:
        state = state_after(ledger, job.seen(StageName.REPORT))
    stages = [[str(name), asdict(job.recorded[name])] for name in job.before(StageName.REPORT)]
    # By which the page finds the pictures, from where it lies.
    beside = os.path.relpath(os.path.realpath(job.places.data), os.path.realpath(job.places.report))
    return [state, stages, job.places.called, beside, job.rules.language, job.rules.note]


def _work(job: Job) -> Figures:
    facts = run_facts(job)
    places, words = job.places, Words(job.rules.language)
    places.report.mkdir(exist_ok=True)
    written = []
    for name, content in run_files(facts, words, beside=places.report):
        with replacing(places.report / name) as file:
            file.write(content)
        written.append(name)
    return {"language": job.rules.language, "files": sorted(written)}


def run_facts(job: Job) -> RunFacts:
    """All that a report tells of a run."""
    places = job.places
    before = job.recorded[StageName.COLLECT].figures["before"]
    return RunFacts(
        name=places.called,
        at=job.clock(),
        version=__version__,
        sources=(*job.sources, *before) if job.sources else (str(places.data),),
        stats=stats(places.data, clock=job.clock),
        training=json.loads((places.model / REPORT).read_bytes()),
        evaluation=read_evaluation(places, job.rules),
        audit=read_audit(places),
        stages=tuple(
            StageTime(str(name), "done", job.recorded[name].seconds)
            for name in job.before(StageName.REPORT)
        ),
        note=job.rules.note,
    )


def read_evaluation(places: Places, rules: RunRules) -> Evaluation:
    """The evaluation of a run, made anew from the scores that were kept.

    Raises:
        InputError: the scores are of other images than the test part has now.
    """
    data = open_labelled(places.data, part=Part.TEST)
    card = read_card(places.model / CARD)
    policy = policy_for(card, rules.evaluate.policy)
    kept = read_scores(places.evaluation / SCORES, data, policy)
    truth = truth_of(data.labels, card.labels, policy, card.tag)
    return assess(data, kept.scored, truth, rules.evaluate, kept.changed)


def _files(job: Job) -> Sequence[Path]:
    done = job.recorded.get(StageName.REPORT)
    names = done.figures["files"] if done else [job.places.page.name]
    return [job.places.report / name for name in names]


REPORTING = Stage(_inputs, _work, files=_files)
