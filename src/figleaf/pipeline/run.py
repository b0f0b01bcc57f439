"""The whole job, wired: each stage where its inputs have changed, and a record after each."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from figleaf.curate.watch import Watch
from figleaf.dataset.disk import disk_errors
from figleaf.dataset.ledger import FILE_NAME
from figleaf.errors import InputError
from figleaf.pipeline.early import check_named
from figleaf.pipeline.inputs import machine, plain, versions
from figleaf.pipeline.origins import data_set, opened
from figleaf.pipeline.places import Places, alone, check_apart, places
from figleaf.pipeline.record import (
    Figures,
    RunRecord,
    StageRecord,
    read_stages,
    write_record,
)
from figleaf.pipeline.reporting import REPORTING
from figleaf.pipeline.rules import RunRules, StageName
from figleaf.pipeline.stages import STAGES, Job, Stage, check
from figleaf.pipeline.state import file_hash
from figleaf.report.html import require_extra

_STAGES: Mapping[StageName, Stage] = {**STAGES, StageName.REPORT: REPORTING}


@dataclass(frozen=True, slots=True)
class StageRun:
    """A stage, and what became of it.

    Attributes:
        name: the stage.
        skipped: its inputs have not changed since it was done.
        seconds: that it took, when it was done.
        figures: what it came to, then.
    """

    name: StageName
    skipped: bool
    seconds: float
    figures: Figures


@dataclass(frozen=True, slots=True)
class RunWatch:
    """Is told how a run goes; by itself it does nothing.

    Attributes:
        begins: a stage is looked at.
        within: how it goes.
        ends: it is done, or skipped.
    """

    begins: Callable[[StageName], None] = lambda name: None
    within: Watch = field(default_factory=Watch)
    ends: Callable[[StageRun], None] = lambda stage: None


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run came to.

    Attributes:
        out: its folder.
        data: the data set.
        model: the bundle.
        page: the report to open.
        record: run.json.
        stages: in their order.
    """

    out: Path
    data: Path
    model: Path
    page: Path
    record: Path
    stages: tuple[StageRun, ...]

    @property
    def figures(self) -> dict[str, Figures]:
        """Stage -> what it came to."""
        return {str(stage.name): stage.figures for stage in self.stages}

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        paths = ("out", "data", "model", "page", "record")
        return {name: str(getattr(self, name)) for name in paths} | {
            "stages": [
                {
                    "name": str(one.name),
                    "skipped": one.skipped,
                    "seconds": one.seconds,
                    "figures": dict(one.figures),
                }
                for one in self.stages
            ]
        }


def run(
    sources: Iterable[str | Path],
    out: str | Path,
    *,
    rules: RunRules | None = None,
    watch: RunWatch = RunWatch(),  # frozen, and does nothing
    clock: Callable[[], float] = time.time,
) -> RunReport:
    """Collect, clean, screen, split, train, audit, evaluate and report, in one go.

    A stage whose inputs have not changed since it was done is skipped; what was killed goes on
    where it was: the same call ends with the same report.

    Args:
        sources: what `figleaf.collect` takes; or a single data set, which is worked on where it is.
        out: the run's folder: a new one, or that of an earlier run. It will hold `data`, `models`,
            `audit.json`, `evaluation`, `report` and `run.json`.
        rules: what is done in each stage.
        watch: is told how it goes.
        clock: gives the time in seconds since 1970.

    Returns:
        what each stage came to, and where everything is.

    Raises:
        InputError: no source, a place where no run may go, or rules that make no sense.
        FigleafError: what a stage raises; what was done until then is kept.
        MissingExtraError: the extra `data`, which collecting and reports need, is not installed.
    """
    rules = rules or RunRules()
    require_extra("the report of a run")
    named = _named(sources)
    there = data_set(named)
    found = places(out, rules.name, there)
    sources = () if there else named
    check_apart(found.out, [there] if there else [one.path for one in opened(named, rules.collect)])
    with alone(found.out), disk_errors(found.out):
        recorded = read_stages(found.record)
        if rules.name is None and StageName.TRAIN in recorded:
            # A folder that was moved to another name keeps its model.
            found = replace(found, name=recorded[StageName.TRAIN].figures.get("name", found.name))
        _sweep(found)
        job = Job(found, sources, rules, watch.within, recorded, clock)
        check(job)
        check_named(rules, frozenset(rules.order) - recorded.keys())
        record = RunRecord(
            sources=named,
            rules=plain(replace(rules, audit=rules.auditing)),
            versions=versions(rules.train),
            machine=machine(),
            order=rules.order,
        ).having(recorded)
        write_record(found.record, record)
        stages = []
        for name in rules.order:
            watch.begins(name)
            job = replace(job, recorded=record.stages)
            stage, record = _staged(name, job, record)
            stages.append(stage)
            watch.ends(stage)
    return RunReport(found.out, found.data, found.model, found.page, found.record, tuple(stages))


def _named(sources: Iterable[str | Path]) -> tuple[str, ...]:
    if isinstance(sources, str | Path):
        raise InputError(f"sources={str(sources)!r}: give a list of sources, [{str(sources)!r}]")
    named = tuple(os.fspath(one) for one in sources)
    if not named or not all(named):
        raise InputError("nothing to run: name a list, a folder, a table or a data set")
    return named


def _sweep(found: Places) -> None:
    """Remove what was half written when a run was killed."""
    for folder in (found.out, found.evaluation, found.report):
        for part in folder.glob("*.part"):
            if part.is_file():
                part.unlink()


def _staged(name: StageName, job: Job, record: RunRecord) -> tuple[StageRun, RunRecord]:
    """Do a stage, or skip it, and write the record."""
    stage, earlier = _STAGES[name], job.recorded.get(name)
    begun, started = time.perf_counter(), job.clock()
    inputs = _hash([versions(), stage.inputs(job)]) if _can_be_known(name, job) else ""
    if earlier and earlier.inputs == inputs and _stands(stage, earlier, job):
        return StageRun(name, True, earlier.seconds, earlier.figures), record
    figures = stage.work(job)
    inputs = inputs or _hash([versions(), stage.inputs(job)])
    done = StageRecord(inputs, stage.state(job), {}, figures, started, 0.0)
    written = stage.files(replace(job, recorded={**job.recorded, name: done}))
    hashes = {str(path.relative_to(job.places.out)): file_hash(path) for path in written}
    done = replace(done, files=hashes, seconds=time.perf_counter() - begun)
    record = record.having({name: done})
    write_record(job.places.record, record)
    return StageRun(name, False, done.seconds, figures), record


def _can_be_known(name: StageName, job: Job) -> bool:
    """Whether there is a data set to depend on: before the first collection there is none."""
    return name is StageName.COLLECT or (job.places.data / FILE_NAME).is_file()


def _stands(stage: Stage, earlier: StageRecord, job: Job) -> bool:
    """Whether all that a stage has left is still as it left it."""
    files = {job.places.out / name: digest for name, digest in earlier.files.items()}
    return all(file_hash(path) == digest for path, digest in files.items()) and (
        stage.state(job) == earlier.state
    )


def _hash(values: Any) -> str:
    text = json.dumps(values, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
