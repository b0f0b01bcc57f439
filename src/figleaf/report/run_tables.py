"""Tables of a run that no other report has: definitions, training, stages, the audit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from figleaf import labels
from figleaf.classify.policy import Policy
from figleaf.evaluation.evaluate import Evaluation
from figleaf.evaluation.truth import unknown_among, unsafe_among
from figleaf.metrics import counts
from figleaf.report.dataset_tables import part_name
from figleaf.report.evaluation_tables import matrix_of, score, share
from figleaf.report.run_curves import reliability_of
from figleaf.report.run_facts import PRACTICE, REHEARSAL, SKIPPED, RunFacts, StageTime
from figleaf.report.tables import Table, number
from figleaf.report.texts import Words

HASH = 12
"""Digits of a hash: enough to tell which it is."""

_CLASSES = 40  # rows at most; data sets may have thousands of folders
_PAIRS = 12
_ROWS = 40  # of suspects, outliers and overlaps
_MATRIX = 20  # classes of the audit's matrix at most
_PARTS = ("train", "validation", "test")
_STAGES = {
    "collect": "run_collect",
    "clean": "run_clean",
    "screen": "run_screen",
    "split": "run_split",
    "train": "run_train",
    "audit": "run_audit",
    "evaluate": "run_evaluate",
    "report": "run_report",
}
_MODES = {"probe": "run_probe", "finetune": "run_finetune"}


def definitions(facts: RunFacts, words: Words) -> Table:
    """What each class means, whether the policy calls it unsafe, and what it has in each part."""
    found: Mapping[str, Mapping[str, int]] = facts.training["classes"]
    policy = facts.evaluation.scored.policy
    unsafe = _unsafe(found, policy)
    unknown = unknown_among(unsafe, policy)
    rows = [
        (
            label,
            definition(label, words),
            words(_called(label, unsafe, unknown)),
            *(number(found[label].get(part, 0)) for part in _PARTS),
        )
        for label in list(found)[:_CLASSES]
    ]
    if rest := len(found) - len(rows):
        rows.append((words("more_classes", count=number(rest)), *[""] * 5))
    head = (words("label"), words("meaning"), words("run_called", policy=policy.tag))
    parts = tuple(f">{words(part)}" for part in _PARTS)
    note = words("run_definitions_note")
    if facts.note in (PRACTICE, REHEARSAL):
        note = f"{words('run_stand_ins')} {note}"
    return Table(words("run_definitions"), (*head, *parts), tuple(rows), note)


def definition(label: str, words: Words) -> str:
    """What a class means, in figleaf's words; else that its images alone say so."""
    known = labels.find(label)
    return known.definition(words.language) if known else words("run_own_class")


def _unsafe(classes: Mapping[str, Any], policy: Policy) -> Mapping[str, np.bool_]:
    return unsafe_among(classes, policy, list(classes))


def _called(label: str, unsafe: Mapping[str, np.bool_], unknown: Sequence[str]) -> str:
    """A class of one's own is not called safe for want of a policy that knows it."""
    if unsafe[label]:
        return "unsafe"
    return "run_unknown_class" if label in unknown else "safe"


def pairs(one: Evaluation, words: Words) -> Table:
    """What was taken for what, the most frequent first."""
    view = matrix_of(one, words)
    found = np.array(view.counts)
    wrong = found.copy()
    np.fill_diagonal(wrong, 0)
    shares = counts.normalised(found)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    cells = [np.unravel_index(at, wrong.shape) for at in order]
    rows = tuple(
        (view.true[row], view.predicted[column], number(int(wrong[row, column])),
         share(float(shares[row, column])))
        for row, column in cells
        if wrong[row, column]
    )  # fmt: skip  # a row
    head = (words("truly"), words("predicted_axis"), f">{words('images')}")
    return Table(words("run_pairs"), (*head, f">{words('run_of_class')}"), rows)


def calibration(one: Evaluation, words: Words) -> Table:
    """The bins of the calibration curve that have images."""
    found, across, up = reliability_of(one, words)
    ends = zip(found.edges[:-1].tolist(), found.edges[1:].tolist(), strict=True)
    rows = tuple(
        (f"{low:.2f} - {high:.2f}", number(int(images)), share(float(sure)), share(float(right)))
        for (low, high), images, sure, right in zip(
            ends, found.counts, found.confidence, found.accuracy, strict=True
        )
        if images
    )
    head = (words("run_bin"), f">{words('images')}", f">{across}", f">{up}")
    note = f"{words('calibration_error')}: {score(found.error)}"
    return Table(words("calibration_title"), head, rows, note)


def training(facts: RunFacts, words: Words) -> Table:
    """How the model was trained, a setting a row."""
    rows = tuple((words(key), value) for key, value in _settings(facts.training, words) if value)
    return Table(words("run_training"), (words("run_setting"), words("run_value")), rows)


def _settings(found: Mapping[str, Any], words: Words) -> Iterator[tuple[str, str]]:
    rules, after = found["rules"], found["calibration"]
    yield "run_mode", words(_MODES[found["mode"]])
    yield "run_backbone", ", ".join(_backbone(one) for one in found["backbones"])
    yield "run_trained", number(found["trained"])
    yield "run_unreadable", number(found["unreadable"])
    yield "run_left_out", number(found["left_out"])
    yield "run_class_weights", str(rules["class_weights"])
    yield "run_l2", "" if found["l2"] is None else f"{found['l2']:.4g}"
    yield "run_held_out", _held_out(found["held_out"], words)
    ended = words("run_converged" if found["converged"] else "run_not_converged")
    yield "run_iterations", f"{number(found['iterations'])}, {ended}"
    before, unseen = score(after["before"]), score(after["after"])
    yield "run_temperature", f"{after['temperature']:.3f} (ECE {before} -> {unseen})"
    yield "precision_of", str(found["precision"])
    yield "run_seed", f"{rules['seed']}, {found['split_seed']}"
    yield "run_parameters", number(found["parameters"])
    yield "run_flops", f"{found['flops'] / 1e9:.2f} GFLOP" if found["flops"] else ""


def _held_out(told: str, words: Words) -> str:
    """What training says in English: "5 folds", "the validation part", "10% of train"."""
    count, _, kind = told.partition(" ")
    if kind == "folds":
        return words("run_folds", count=count)
    return words("run_share_of_train", share=count) if kind == "of train" else words("validation")


def _backbone(one: Mapping[str, Any]) -> str:
    return f"{one['name']} {one['sha256'][:HASH]}"


def results(facts: RunFacts, words: Words) -> Table:
    """What training itself measured: on what it had held out, and on the test part."""
    found = facts.training
    named = [(part, found[part]) for part in ("validation", "test") if found[part]]
    rows = tuple(
        (part_name(part, words), number(one["images"]), share(one["accuracy"]),
         share(one["macro_f1"]), score(one["log_loss"]), score(one["calibration_error"]))
        for part, one in named
    )  # fmt: skip  # a row
    keys = ("images", "accuracy", "macro_f1", "log_loss", "calibration_error")
    head = (words("slice_part"), *(f">{words(key)}" for key in keys))
    held_out = _held_out(found["held_out"], words)
    return Table(words("run_results"), head, rows, words("run_results_note", held_out=held_out))


def training_times(facts: RunFacts, words: Words) -> Table:
    """Where the time of training went."""
    found = facts.training["timing"]
    names = ("loading", "features", "training", "testing", "writing")
    rows = [(words(key), f"{found[name]:.1f}") for name, key in zip(names, _TIMES, strict=True)]
    rows.append((words("in_all"), f"{found['total']:.1f}"))
    note = words("run_computed", count=number(found["computed"]))
    if found["computed"] and found["features"] > 0:
        speed = f"{found['computed'] / found['features']:.1f}"
        note = f"{note} {words('run_feature_speed', speed=speed)}"
    head = (words("run_stage"), f">{words('run_seconds')}")
    return Table(words("run_training_times"), head, tuple(rows), note, is_summed=True)


_TIMES = ("run_loading", "run_features", "run_fitting", "run_testing", "run_writing")


def stages(facts: RunFacts, words: Words) -> Table:
    """How long each stage took, and of how many images."""
    rows = [_stage(one, facts, words) for one in facts.stages]
    seconds = sum(one.seconds for one in facts.stages)
    images = facts.stats.images
    total = (number(images), f"{seconds:.1f}", _speed(images, seconds))
    rows.append((words("in_all"), "", *total))
    keys = ("images", "run_seconds", "run_speed")
    head = (words("run_stage"), words("outcome"), *(f">{words(key)}" for key in keys))
    note = words("run_stages_note")
    return Table(words("run_stages"), head, tuple(rows), note, is_summed=True)


def stage_name(name: str, words: Words) -> str:
    """A stage for people."""
    return words(_STAGES[name]) if name in _STAGES else name


def _stage(one: StageTime, facts: RunFacts, words: Words) -> tuple[str, ...]:
    images = _images(facts).get(one.name)
    outcome = words("run_skipped" if one.outcome == SKIPPED else "run_done")
    count = "" if images is None else number(images)
    speed = "" if images is None else _speed(images, one.seconds)
    return stage_name(one.name, words), outcome, count, f"{one.seconds:.1f}", speed


def _images(facts: RunFacts) -> Mapping[str, int]:
    """What each stage had before it; what it named or held, as far as the facts have it."""
    stats = facts.stats
    held = stats.images + sum(one.images for one in stats.set_aside)
    trained = sum(sum(parts.values()) for parts in facts.training["classes"].values())
    return {
        "collect": stats.status.total.items.total(),
        "clean": held,
        "screen": stats.images,
        "split": stats.images,
        "train": trained,
        "audit": facts.audit.images,
        "evaluate": facts.evaluation.images,
    }


def _speed(images: int, seconds: float) -> str:
    return f"{images / seconds:,.1f}" if seconds > 0 else "-"


def joint(facts: RunFacts, words: Words) -> Table:
    """Estimated images by the class that they are of and the one that they have; of many classes
    there is none, as the pairs say more."""
    audit = facts.audit
    rows = tuple(
        (name, *map(number, row)) for name, row in zip(audit.classes, audit.joint, strict=True)
    )
    head = (words("run_joint_corner"), *(f">{name}" for name in audit.classes))
    shown = rows if len(rows) <= _MATRIX else ()
    return Table(words("run_joint"), head, shown, words("run_joint_note"))


def suspects(facts: RunFacts, words: Words) -> Table:
    """The most doubtful labels."""
    every = facts.doubtful
    rows = tuple(
        (one.sha256[:HASH], one.label, one.suggested, f"{one.doubt:.3f}", share(one.given),
         share(one.chance), part_name(one.part, words))
        for one in every[:_ROWS]
    )  # fmt: skip  # a row
    keys = ("run_doubt", "run_given", "run_chance")
    head = (
        words("run_image"), words("run_labelled"), words("run_suggested"),
        *(f">{words(key)}" for key in keys), words("slice_part"),
    )  # fmt: skip  # a row
    return Table(words("run_suspects"), head, rows, _rest(every, words))


def outliers(facts: RunFacts, words: Words) -> Table:
    """Images that are far from every class."""
    every = facts.audit.outliers
    rows = tuple(
        (one.sha256[:HASH], one.label, one.nearest, f"{one.distance:.1f}",
         part_name(one.part, words))
        for one in every[:_ROWS]
    )  # fmt: skip  # a row
    head = (
        words("run_image"), words("run_labelled"), words("run_nearest"),
        f">{words('run_distance')}", words("slice_part"),
    )  # fmt: skip  # a row
    return Table(words("run_outliers"), head, rows, _rest(every, words))


def overlaps(facts: RunFacts, words: Words) -> Table:
    """Classes that the model cannot tell apart; where there are none, the two that are nearest to
    it."""
    audit = facts.audit
    hardest = (audit.hardest,) if audit.hardest else ()
    every = audit.overlaps or hardest
    rows = tuple((one.one, one.other, score(one.auc), number(one.images)) for one in every[:_ROWS])
    keys = ("auc", "run_shared")
    head = (words("label"), words("run_other"), *(f">{words(key)}" for key in keys))
    note = _rest(every, words) if audit.overlaps else words("run_no_overlap")
    return Table(words("run_overlaps"), head, rows, note)


def _rest(every: Sequence[object], words: Words) -> str:
    rest = len(every) - _ROWS
    return words("run_rows_left_out", count=number(rest)) if rest > 0 else ""


def hashes(facts: RunFacts, words: Words) -> Table:
    """What the figures were computed from, by its hash."""
    found, origin, audit = facts.training, facts.evaluation.origin, facts.audit
    named = (
        ("run_hash_data", found["data_hash"]),
        ("run_hash_split", found["split"]),
        ("run_hash_bundle", found["bundle_hash"]),
        ("run_hash_graph", origin.model.sha256),
        ("run_hash_test", origin.data_sha256),
        ("run_hash_audit", audit.data_hash),
    )
    rows = tuple((words(key), value) for key, value in named if value)
    return Table(words("run_hashes"), (words("run_what"), "SHA-256"), rows)


def versions(facts: RunFacts, words: Words) -> Table:
    """What it was computed with."""
    found: Mapping[str, str] = {**facts.audit.versions, **facts.training["versions"]}
    rows = tuple(sorted(found.items()))
    return Table(words("run_versions"), (words("run_software"), words("version")), rows)
