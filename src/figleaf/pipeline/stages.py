"""The stages of a run: what each depends on, what it does, what it leaves."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from figleaf.auditing.audit import audit, undo
from figleaf.auditing.report import AuditReport
from figleaf.curate.cleaning.clean import clean
from figleaf.curate.screening.screen import screen
from figleaf.curate.splitting.rules import Part, SplitRules
from figleaf.curate.splitting.split import SplitReport, read_made, split
from figleaf.curate.watch import Watch
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.durable import replacing
from figleaf.dataset.ledger import FILE_NAME, Ledger
from figleaf.dataset.records import Outcome, Task
from figleaf.dataset.status import DatasetStatus
from figleaf.errors import DatasetError, InputError
from figleaf.evaluation.evaluate import Evaluation, evaluate
from figleaf.evaluation.labelled import open_labelled
from figleaf.pipeline.inputs import depended, plain, versions
from figleaf.pipeline.origins import named_before, sources_state
from figleaf.pipeline.places import Places
from figleaf.pipeline.record import Figures, StageRecord
from figleaf.pipeline.rules import RunRules, StageName
from figleaf.pipeline.scores import NAME as SCORES
from figleaf.pipeline.scores import write_scores
from figleaf.pipeline.state import file_hash, state_after, state_collected
from figleaf.report.evaluation_files import JSON_NAME
from figleaf.report.run_facts import note_of
from figleaf.report.texts import Words
from figleaf.sources.collect import collect
from figleaf.sources.watch import Watch as CollectWatch
from figleaf.training.bundle import CARD, GRAPH, REPORT, TEXT
from figleaf.training.place import check_place
from figleaf.training.report import TrainReport
from figleaf.training.train import train


@dataclass(frozen=True, slots=True)
class Job:
    """What a run is asked for.

    Attributes:
        places: where everything is.
        sources: what is collected, as it was named; none where the data set is there.
        rules: of every stage.
        watch: is told how a stage goes.
        recorded: the stages that have come to their end, in this run or before.
        clock: gives the time in seconds since 1970.
    """

    places: Places
    sources: tuple[str, ...]
    rules: RunRules
    watch: Watch
    recorded: Mapping[StageName, StageRecord]
    clock: Callable[[], float]

    def before(self, name: StageName) -> tuple[StageName, ...]:
        """The stages before one."""
        order = self.rules.order
        return order[: order.index(name)]

    def seen(self, name: StageName) -> tuple[StageName, ...]:
        """The stages whose traces a stage starts from: those before it, and screening by hand where
        a run has none of its own."""
        before = self.before(name)
        return before if self.rules.screen else (*before, StageName.SCREEN)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage.

    Attributes:
        inputs: what it depends on beside figleaf itself, in JSON's types.
        work: does it, and says what it came to.
        state: what the data set is after it, in the stage's own view.
        files: what it writes beside the data set.
    """

    inputs: Callable[[Job], Any]
    work: Callable[[Job], Figures]
    state: Callable[[Job], str] = field(default=lambda job: "")
    files: Callable[[Job], Sequence[Path]] = field(default=lambda job: ())


class _Collecting(CollectWatch):
    """Tells of a collection as of any other stage."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self._done = watch, 0

    def start(self, pending: int) -> None:
        """So many items are to be read."""
        self._watch.start("reading", pending)

    def done(self, task: Task, outcome: Outcome) -> None:
        """One of them was."""
        self._done += 1
        self._watch.done(self._done)


def _state(name: StageName) -> Callable[[Job], str]:
    """What the data set is after a stage."""

    def found(job: Job) -> str:
        with Ledger(job.places.data) as ledger:
            return state_after(ledger, (*job.seen(name), name))

    return found


def _start(job: Job, name: StageName) -> str:
    """What the data set is before a stage."""
    before = job.seen(name)
    if name in (StageName.TRAIN, StageName.EVALUATE):
        before = (*before, StageName.AUDIT)  # labels of an earlier audit stand
    with Ledger(job.places.data) as ledger:
        return state_after(ledger, before)


def _collect_inputs(job: Job) -> Any:
    if not job.sources:
        return {"data": str(job.places.data.absolute())}
    rules = job.rules.collect
    return {"sources": sources_state(job.sources, rules), "rules": depended(rules)}


def _collect(job: Job) -> Figures:
    data = job.places.data
    if job.sources:
        status = collect(job.sources, data, rules=job.rules.collect, watch=_Collecting(job.watch))
    else:
        with Dataset(data) as there:
            status = there.status()
    if not status.total.images:
        raise DatasetError(
            f"{data}: of {sum(status.total.items.values()):,} files and URLs none gave an image;"
            " `figleaf status` says why"
        )
    before = named_before(data, job.sources, job.rules.collect) if job.sources else []
    return {**_collected(status), "before": before}


def _collected(status: DatasetStatus) -> dict[str, Any]:
    total = status.total
    return {
        "images": total.images,
        "named": sum(total.items.values()),
        "states": {str(state): count for state, count in sorted(total.items.items())},
        "lost": {str(reason): count for reason, count in sorted(total.losses.items())},
    }


def _collect_state(job: Job) -> str:
    if not (job.places.data / FILE_NAME).is_file():
        return ""
    with Ledger(job.places.data) as ledger:
        return state_collected(ledger)


def _clean_inputs(job: Job) -> Any:
    return [_start(job, StageName.CLEAN), depended(job.rules.clean)]


def _clean(job: Job) -> Figures:
    found = clean(job.places.data, rules=job.rules.clean, watch=job.watch)
    return {
        "images": found.images,
        "kept": found.kept,
        "set_aside": {str(reason): count for reason, count in sorted(found.dropped.items())},
        "copies": found.copies,
    }


def _screen_inputs(job: Job) -> Any:
    return [_start(job, StageName.SCREEN), depended(job.rules.screen)]


def _screen(job: Job) -> Figures:
    found = screen(job.places.data, rules=job.rules.screen, watch=job.watch)
    doubted: dict[str, int] = {}
    for (_, kind), count in sorted(found.counts.items()):
        doubted[str(kind)] = doubted.get(str(kind), 0) + count
    return {
        "model": found.model,
        "images": found.images,
        "doubted": doubted,
        "set_aside": found.set_aside,
    }


def _split_inputs(job: Job) -> Any:
    return [_start(job, StageName.SPLIT), plain(job.rules.split)]


def _split(job: Job) -> Figures:
    found = _split_anew(job) if job.sources else _split_there(job)
    parts: dict[str, int] = {str(part): 0 for part in Part}
    for (_, part), count in found.counts.items():
        parts[part] += count
    if not parts[Part.TEST]:
        raise DatasetError(
            f"{job.places.data}: of its {sum(parts.values()):,} labelled images in use none is in"
            " the test part, which a run is measured on; it takes more images, or a larger share"
        )
    return {
        "seed": found.rules.seed,
        "parts": parts,
        "left_out": found.left_out,
        "fingerprint": found.fingerprint,
    }


def _split_anew(job: Job) -> SplitReport:
    """Split a data set of the run's own: as its rules say, whatever was there."""
    rules = job.rules.split.on(SplitRules())
    with Ledger(job.places.data) as ledger:
        made = read_made(ledger)
    return split(job.places.data, rules=rules, anew=made is not None and made.rules != rules)


def _split_there(job: Job) -> SplitReport:
    """Split a data set that was there before; a split that it has is kept."""
    try:
        return split(job.places.data, rules=job.rules.split)
    except InputError as error:
        here = shlex.quote(str(job.places.data))
        command = f"`figleaf split {here} --anew` with these options"
        raise InputError(str(error).replace("anew=True", command)) from error


def _train_inputs(job: Job) -> Any:
    asked = [job.rules.train, job.rules.finetune]
    cards = [job.places.name, job.rules.note]
    return [_start(job, StageName.TRAIN), cards, depended(asked), versions(job.rules.train)]


def _train(job: Job) -> Figures:
    places = job.places
    places.models.mkdir(exist_ok=True)
    found = train(
        places.data,
        places.model,
        rules=job.rules.train,
        finetuning=job.rules.finetune,
        overwrite=True,
        note=note_of(job.rules.note, Words("en")),  # the model's cards are in English
        watch=job.watch,
    )
    return _trained(found)


def _trained(found: TrainReport) -> Figures:
    return {
        "name": found.name,
        "backbone": found.backbone,
        "images": found.trained,
        "unreadable": found.unreadable,
        "validation": found.validation.to_dict(),
        "test": found.test.to_dict() if found.test else None,
        "temperature": found.calibration.temperature,
        "calibration_error": [found.calibration.before, found.calibration.after],
        "computed": found.timing.computed,
        "features_seconds": found.timing.features,
        "training_seconds": found.timing.training,
        "data_hash": found.data_hash,
        "bundle": found.bundle_hash,
    }


def _train_files(job: Job) -> Sequence[Path]:
    return [job.places.model / name for name in (CARD, GRAPH, TEXT, REPORT)]


def _audit_inputs(job: Job) -> Any:
    return [_start(job, StageName.AUDIT), depended(job.rules.auditing)]


def _audit(job: Job) -> Figures:
    if job.rules.audit.apply is not None:
        # Else a run that was killed after it, or has another limit now, would judge what an audit
        # has made of the labels, and end otherwise.
        undo(job.places.data)
    found = audit(job.places.data, rules=job.rules.auditing, watch=job.watch)
    _write_json(job.places.audit, found.to_dict())
    return {
        "images": found.images,
        "accuracy": found.accuracy,
        "estimated": found.estimated,
        "listed": found.listed,
        "outliers": len(found.outliers),
        "overlaps": [[one.one, one.other] for one in found.overlaps],
        "relabelled": found.applied,
    }


def read_audit(places: Places) -> AuditReport:
    """What the audit of a run has found."""
    return AuditReport.from_dict(json.loads(places.audit.read_bytes()))


def _evaluate_inputs(job: Job) -> Any:
    rules = job.rules.evaluate
    bundle = file_hash(job.places.model / CARD)
    return [_start(job, StageName.EVALUATE), bundle, depended(rules)]


def _evaluate(job: Job) -> Figures:
    places = job.places
    data = open_labelled(places.data, part=Part.TEST, watch=job.watch)
    found = evaluate(data, places.model, rules=job.rules.evaluate, watch=job.watch)
    places.evaluation.mkdir(exist_ok=True)
    write_scores(places.evaluation / SCORES, data, found.scored, found.robustness)
    _write_json(places.evaluation / JSON_NAME, found.to_dict())
    return _evaluated(found)


def _evaluated(found: Evaluation) -> Figures:
    classes, safety = found.classes, found.safety
    return {
        "images": found.images,
        "failures": dict(found.failures),
        "accuracy": classes.accuracy.to_dict() if classes else None,
        "macro_f1": classes.macro_f1.to_dict() if classes else None,
        "calibration_error": classes.calibration_error if classes else None,
        "auc_of_unsafe": safety.auc.to_dict() if safety else None,
    }


def _evaluate_files(job: Job) -> Sequence[Path]:
    return job.places.evaluation / SCORES, job.places.evaluation / JSON_NAME


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as file:
        file.write(text.encode("utf-8", "replace"))


def check(job: Job) -> None:
    """See, before anything is done, that a model may go where it is to go.

    Raises:
        InputError: something else lies there.
    """
    if job.places.models.is_dir():
        check_place(job.places.model, overwrite=True)


STAGES: Mapping[StageName, Stage] = {
    StageName.COLLECT: Stage(_collect_inputs, _collect, _collect_state),
    StageName.CLEAN: Stage(_clean_inputs, _clean, _state(StageName.CLEAN)),
    StageName.SCREEN: Stage(_screen_inputs, _screen, _state(StageName.SCREEN)),
    StageName.SPLIT: Stage(_split_inputs, _split, _state(StageName.SPLIT)),
    StageName.TRAIN: Stage(_train_inputs, _train, files=_train_files),
    StageName.AUDIT: Stage(
        _audit_inputs, _audit, _state(StageName.AUDIT), lambda job: (job.places.audit,)
    ),
    StageName.EVALUATE: Stage(_evaluate_inputs, _evaluate, files=_evaluate_files),
}
"""All but the report, which tells of the others."""
