"""Training, wired: the split's images, features or a net, a head, a temperature, a bundle."""

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from figleaf._version import __version__
from figleaf.curate.splitting.rules import Part
from figleaf.curate.watch import Watch
from figleaf.dataset.disk import disk_errors
from figleaf.dataset.ledger import Ledger
from figleaf.errors import InputError
from figleaf.models.summary import describe
from figleaf.training.bundle import write_parts, write_report
from figleaf.training.cache import FOLDER
from figleaf.training.examples import Examples
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.fitted import Fitted
from figleaf.training.graph import classifier_graph
from figleaf.training.material import Material, read_material
from figleaf.training.model_card import model_card
from figleaf.training.place import check_outside, check_place, move, reserved
from figleaf.training.probing import fit_probe
from figleaf.training.report import BackboneSummary, Timing, TrainReport
from figleaf.training.results import Results, calibrate, results
from figleaf.training.rules import Mode, TrainRules
from figleaf.training.temperature import calibrated, softmax
from figleaf.training.timing import Stopwatch
from figleaf.training.tuning import complete, fit_net, forget, tune
from figleaf.training.verify import verify

_WORK = "training"
"""In a data set's folder: checkpoints and logs of fine-tuning."""
_VERSIONED = ("numpy", "scipy", "onnx", "openvino", "pillow", "simplejpeg")


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to be trained, and where it goes."""

    out: Path
    rules: TrainRules
    tuning: FinetuneRules | None
    overwrite: bool
    anew: bool
    note: str
    watch: Watch
    clock: Stopwatch


def train(
    folder: str | Path,
    out: str | Path,
    *,
    rules: TrainRules | None = None,
    finetuning: FinetuneRules | None = None,
    overwrite: bool = False,
    anew: bool = False,
    note: str = "",
    watch: Watch = Watch(),  # noqa: B008  # frozen, and does nothing
) -> TrainReport:
    """Train a classifier on the split of a data set, and write it as a bundle.

    Features of pictures are kept in the data set's folder: the same call with another head takes
    seconds. What was killed goes on where it was.

    Args:
        folder: the data set's, split.
        out: where the bundle goes: a new folder, whose name is the model's.
        rules: backbone, head, seed.
        finetuning: how a net is fine-tuned, where `rules.mode` says so.
        overwrite: replace a bundle that is there.
        anew: leave a checkpoint of fine-tuning that is there unread.
        note: what whoever is given the model has to know first; stands in its cards.
        watch: is told how it goes.

    Returns:
        what was trained, how it does, and how long it took.

    Raises:
        DatasetError: no data set there, no split, too few images; it is in use, or its disk is full
            or read-only.
        LeakError: the split has the same picture on both sides.
        InputError: rules that make no sense, or a place where no bundle may go.
        ModelError, MissingExtraError: a backbone that cannot be had.
    """
    rules = rules or TrainRules()
    tuning = complete(rules, finetuning) if rules.mode is Mode.FINETUNE else None
    if finetuning is not None and tuning is None:
        raise InputError("finetuning is for mode='finetune'")
    _check_alone(rules)
    job = _Job(Path(out), rules, tuning, overwrite, anew, note, watch, Stopwatch())
    check_place(job.out, overwrite=overwrite)
    check_outside(job.out, Path(folder))
    with (
        disk_errors(Path(folder)),
        Ledger(folder, write=True, make=False) as ledger,
        reserved(job.out, overwrite=overwrite) as beside,
    ):
        report = _trained(ledger, job, beside)
        if tuning:
            forget(_work(ledger.folder, job.out))
        return report


def _trained(ledger: Ledger, job: _Job, beside: Path) -> TrainReport:
    with job.clock.phase("loading"):
        material = read_material(ledger)
    hashes = {"data": material.data_hash, "split": material.split}
    tuning = {"finetuning": job.tuning.as_dict()} if job.tuning else {}
    arguments = job.rules.as_dict() | tuning | {"out": str(job.out)}
    with ledger.run("train", arguments, hashes), TemporaryDirectory() as caches:
        fitted = _fitted(ledger.folder, material, job, Path(caches))
        report, graph = _reported(material, fitted, job)
        with disk_errors(job.out):  # which may be another disk
            report = _written(report, graph, material, fitted, job, beside)
            move(beside, job.out, overwrite=job.overwrite)
        return report


def is_first() -> bool:
    """Whether this process, of those that torchrun started, is the one that calls `train`."""
    return os.environ.get("RANK", "0") == "0"


def assist(
    folder: str | Path,
    out: str | Path,
    *,
    rules: TrainRules,
    finetuning: FinetuneRules | None = None,
    anew: bool = False,
) -> None:
    """Take part, as one of torchrun's other processes, in what the first one calls `train` for.

    Args are those of `train`, and must be the same.

    Raises:
        InputError: a probe, which needs one process alone.
    """
    _check_alone(rules)
    with Ledger(folder) as ledger:
        material = read_material(ledger)
    work = _work(Path(folder), Path(out))
    tune(material, rules, complete(rules, finetuning), work, Watch(), anew=anew)


def _check_alone(rules: TrainRules) -> None:
    if rules.mode is not Mode.FINETUNE and os.environ.get("WORLD_SIZE", "1") != "1":
        raise InputError("several processes are for mode='finetune': a probe needs one")


def _work(folder: Path, out: Path) -> Path:
    return folder / _WORK / out.name


def _fitted(folder: Path, material: Material, job: _Job, caches: Path) -> Fitted:
    if job.tuning is None:
        return fit_probe(material, job.rules, folder / FOLDER, job.clock, job.watch)
    work = _work(folder, job.out)
    return fit_net(
        material, job.rules, job.tuning, work, caches, job.clock, job.watch, anew=job.anew
    )


def _reported(material: Material, fitted: Fitted, job: _Job) -> tuple[TrainReport, bytes]:
    """What the training came to so far, and the classifier's graph."""
    clock = job.clock
    with clock.phase("testing"):
        unseen = calibrated(fitted.logits, fitted.labels)
        calibration = calibrate(fitted.logits, fitted.labels, unseen)
        temperature = calibration.temperature
        # Not under that temperature, which was fitted on the same images.
        validation = results(fitted.labels, unseen)
        test = _tested(material, fitted, temperature)
    with clock.phase("writing"):
        graph = classifier_graph(fitted.backbones, fitted.head, temperature)
        detail = describe(graph)
    report = TrainReport(
        name=job.out.name,
        rules=job.rules,
        finetuning=job.tuning.decisive() if job.tuning else None,
        classes=material.counts,
        trained=fitted.trained,
        unreadable=fitted.unreadable,
        left_out=material.left_out,
        backbones=tuple(
            BackboneSummary(one.name, one.sha256, one.width, one.input.size)
            for one in fitted.backbones
        ),
        precision=fitted.precision,
        l2=fitted.l2,
        shares=fitted.shares,
        of_roots=fitted.head.of_roots,
        iterations=fitted.iterations,
        converged=fitted.converged,
        tried=tuple(fitted.tried),
        epochs=tuple(fitted.epochs),
        chosen=fitted.chosen,
        held_out=fitted.held_out,
        calibration=calibration,
        validation=validation,
        test=test,
        detail=detail,
        timing=_timing(clock, fitted.computed),
        data_hash=material.data_hash,
        split=material.split,
        split_seed=material.split_seed,
        versions=_versions(with_torch=job.tuning is not None),
        note=job.note,
    )
    return report, graph


def _tested(material: Material, fitted: Fitted, temperature: float) -> Results | None:
    some = fitted.features.readable_of(material.parts[Part.TEST])
    if not len(some):
        return None
    logits = fitted.head.logits(fitted.features.matrix(some))
    return results(some.labels, softmax(logits, temperature))


def _written(
    report: TrainReport,
    graph: bytes,
    material: Material,
    fitted: Fitted,
    job: _Job,
    folder: Path,
) -> TrainReport:
    """The report as it is when all of the bundle is in a folder, and gives what was trained."""
    with job.clock.phase("writing"):
        text = model_card(report, fitted.backbones)
        bundle_hash = write_parts(folder, graph, text, report, fitted.backbones)
        some = next(filter(len, _seen(material, fitted)))
        temperature = report.calibration.temperature
        verify(folder, fitted.head, temperature, fitted.features, some)
    timing = _timing(job.clock, fitted.computed)
    report = replace(report, timing=timing, bundle_hash=bundle_hash)
    write_report(folder, report)
    return report


def _seen(material: Material, fitted: Fitted) -> Iterator[Examples]:
    """Parts whose features are there; of a fine-tuned net's train part there are none."""
    order = (Part.TRAIN, Part.VALIDATION, Part.TEST)
    return (fitted.features.readable_of(material.parts[part]) for part in order)


def _timing(clock: Stopwatch, computed: int) -> Timing:
    seconds = clock.seconds
    return Timing(
        loading=seconds["loading"],
        features=seconds["features"],
        computed=computed,
        training=seconds["training"],
        testing=seconds["testing"],
        writing=seconds["writing"],
    )


def _versions(*, with_torch: bool) -> Mapping[str, str]:
    names = (*_VERSIONED, "torch") if with_torch else _VERSIONED
    found = {name: version(name) for name in names}
    return {"figleaf": __version__, "python": platform.python_version()} | found
