"""Auditing, wired: the split's images judged, doubts kept for people, labels corrected if asked."""

import platform
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from figleaf._version import __version__
from figleaf.auditing.correcting import choose
from figleaf.auditing.judging import Judgement, judge
from figleaf.auditing.overlaps import overlapping, pairwise
from figleaf.auditing.ranking import outliers, suspects
from figleaf.auditing.report import AuditReport, Outlier, Suspect
from figleaf.auditing.rules import AuditRules
from figleaf.curate.screening.settled import SETTLED
from figleaf.curate.splitting.rules import Part
from figleaf.curate.watch import Watch
from figleaf.dataset.disk import disk_errors
from figleaf.dataset.labelling import AUDIT, OUTLIERS, count_standing, set_label, take_back
from figleaf.dataset.ledger import Ledger
from figleaf.training.cache import FOLDER
from figleaf.training.material import Material, read_material

WRONG_LABEL = "wrong_label"
"""What the doubts are that are filed under "audit": confident learning finds the label wrong."""
FAR_FROM_ALL = "far_from_every_class"
"""And those under "outliers"."""

_SETTLED = f"SELECT sha256 FROM images WHERE id IN ({SETTLED})"
_ID = "SELECT id FROM images WHERE sha256 = ?"
_VERSIONED = ("numpy", "scipy", "openvino")


def audit(
    folder: str | Path,
    *,
    rules: AuditRules | None = None,
    watch: Watch = Watch(),  # noqa: B008  # frozen, and does nothing
) -> AuditReport:
    """Find labels that are likely wrong, images far from every class, classes that look the same.

    Images of train and validation are judged by heads that were fitted on the others (folds; near
    duplicates in one), images of test by a head that has seen all of train and validation. What is
    found waits for a person, as what screening doubts does; `figleaf.restore` settles it. Where
    `rules.apply` says so, labels of train and validation are changed: by events, which `undo` takes
    back. What a person has labelled is neither doubted nor changed.

    Args:
        folder: the data set's, split.
        rules: backbone, folds, and from which doubt on to relabel.
        watch: is told how it goes.

    Returns:
        what was found, and what was changed.

    Raises:
        DatasetError: no data set there, no split, too few images; it is in use, or its disk is full
            or read-only. Features that were computed are kept.
        LeakError: the split has the same picture on both sides.
        ModelError, InputError, MissingExtraError: a backbone that cannot be had.
    """
    rules = rules or AuditRules()
    with disk_errors(Path(folder)), Ledger(folder, write=True, make=False) as ledger:
        material = read_material(ledger)
        hashes = {"data": material.data_hash, "split": material.split}
        with ledger.run("audit", rules.as_dict(), hashes):
            found = judge(material, rules, ledger.folder / FOLDER, watch)
            settled = {sha256 for (sha256,) in ledger.read(_SETTLED)}
            report = _reported(material, found, rules, settled)
            _write(ledger, report)
            return replace(report, standing=count_standing(ledger.connection))


def undo(folder: str | Path) -> int:
    """Take back every label that an audit has changed, where nobody has said anything since.

    By events as well: what was changed, and when, stays in the ledger.

    Args:
        folder: the data set's.

    Returns:
        how many images have the class again that they had before.

    Raises:
        DatasetError: no data set there, or it cannot be opened, is in use, or its disk is full or
            read-only.
    """
    with disk_errors(Path(folder)), Ledger(folder, write=True, make=False) as ledger:
        arguments = {"undo": True}
        with ledger.run("audit", arguments, {}), ledger.transaction() as db:
            return take_back(db, why="what an audit had changed, taken back", at=ledger.clock())


def _reported(
    material: Material, found: Judgement, rules: AuditRules, settled: set[bytes]
) -> AuditReport:
    names, judged = material.labels, found.everything
    known = np.array([one in settled for one in judged.examples.hashes], bool)
    counts = {name: parts[Part.TRAIN] for name, parts in material.counts.items()}
    choice = choose(judged, names, known, rules.apply, counts)
    learnt = found.learnt.examples.labels
    pairs = pairwise(found.probabilities, learnt, names, judged.joint)
    sizes = dict(zip(names, np.bincount(learnt, minlength=len(names)).tolist(), strict=True))
    return AuditReport(
        backbone=found.backbone,
        precision=found.precision,
        images=len(judged.examples),
        unreadable=found.unreadable,
        left_out=material.left_out,
        classes=names,
        estimated=int(judged.joint.sum() - judged.joint.trace()),
        joint=tuple(map(tuple, judged.joint.tolist())),
        accuracy=found.accuracy,
        temperature=found.temperature,
        l2=found.l2,
        suspects=suspects(judged, names, known, choice.rows),
        outliers=outliers(judged, names, known),
        overlaps=tuple(overlapping(pairs, sizes)),
        hardest=pairs[0] if pairs else None,
        apply=rules.apply,
        applied=int(choice.rows.sum()),
        settled=int((judged.wrong & known).sum()),
        data_hash=material.data_hash,
        split=material.split,
        versions=_versions(),
        spared=choice.spared,
    )


def _write(ledger: Ledger, report: AuditReport) -> None:
    """Doubts and labels, all or none of them."""
    now = ledger.clock()
    with ledger.transaction() as db:
        db.execute("DELETE FROM doubts WHERE who IN (?, ?)", (AUDIT, OUTLIERS))
        for one in report.suspects:
            if one.relabelled:
                ((image,),) = db.execute(_ID, (bytes.fromhex(one.sha256),)).fetchall()
                set_label(db, image, one.suggested, who=AUDIT, why=_why(one), at=now)
        rows = (row for row in _doubts(report))
        db.executemany(
            f"INSERT INTO doubts SELECT ({_ID}), ?, ?, ?, ?, ?", ((*row, now) for row in rows)
        )


def _why(one: Suspect) -> str:
    return f"doubt {one.doubt:.3f}: {one.suggested} {one.chance:.3f}, {one.label} {one.given:.3f}"


def _doubts(report: AuditReport) -> Iterator[tuple[bytes, str, str, float, str]]:
    """What waits for a person: hash, who doubts, kind, degree, and a line."""
    for one in report.suspects:
        if one.listed and not one.relabelled:
            detail = f"{one.suggested} {one.chance:.3f}"
            yield bytes.fromhex(one.sha256), AUDIT, WRONG_LABEL, one.doubt, detail
    for far in report.outliers:
        yield bytes.fromhex(far.sha256), OUTLIERS, FAR_FROM_ALL, _degree(far), _far(far)


def _degree(far: Outlier) -> float:
    """From 0 at the middle towards 1 far away."""
    return far.distance / (1 + far.distance)


def _far(far: Outlier) -> str:
    return f"{far.distance:.1f} deviations from {far.nearest}, the nearest class"


def _versions() -> dict[str, str]:
    found = {name: version(name) for name in _VERSIONED}
    return {"figleaf": __version__, "python": platform.python_version()} | found
