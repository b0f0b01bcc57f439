"""What a reader has to know of an evaluation, in the report's language.

`Evaluation.notes` says it in English, for the command line; the same conditions are found here.
"""

from collections.abc import Iterator

from figleaf.curate.splitting.rules import Part
from figleaf.evaluation.evaluate import Evaluation
from figleaf.evaluation.operating import Aim, SafetyView
from figleaf.evaluation.truth import truth_of
from figleaf.report.tables import number
from figleaf.report.texts import Words


def notes(one: Evaluation, words: Words) -> tuple[str, ...]:
    """The notes, in the order of `Evaluation.notes`, and as many."""
    return (*on_quality(one, words), *on_thresholds(one, words))


def on_quality(one: Evaluation, words: Words) -> tuple[str, ...]:
    """Those on the figures as a whole."""
    return (*_on_data(one, words), *_on_model(one, words))


def on_thresholds(one: Evaluation, words: Words) -> tuple[str, ...]:
    """Those on thresholds that rest on too few images."""
    return tuple(_too_fine(one.safety, words)) if one.safety is not None else ()


def _on_data(one: Evaluation, words: Words) -> Iterator[str]:
    if trained := one.data.parts.count(Part.TRAIN):
        yield words("run_of_train", count=number(trained))


def _on_model(one: Evaluation, words: Words) -> Iterator[str]:
    policy, model = one.origin.model.policy, one.origin.model.tag
    truth = truth_of(one.data.labels, one.scored.classes, one.scored.policy, model)
    if one.classes and (missing := [own.label for own in one.classes.figures if not own.support]):
        yield words("run_without_images", classes=", ".join(missing))
    if truth.others:
        yield words("run_other_classes", classes=", ".join(truth.others))
    if one.safety is None:
        yield words("run_no_safety", policy=policy)
        return
    if truth.own:
        yield words("run_counted_safe", classes=", ".join(truth.own), policy=policy)
    if not one.safety.unsafe:
        yield words("run_no_unsafe")
    if not one.safety.safe:
        yield words("run_no_safe")


def _too_fine(safety: SafetyView, words: Words) -> Iterator[str]:
    """Aims that are less than one image away from none, or from all."""
    for point in safety.points:
        if not point.is_too_fine:
            continue
        target = f"{100 * (point.target or 0):.4g}%"
        if point.aim is Aim.RECALL:
            yield words("run_fine_recall", target=target, images=number(safety.unsafe))
        else:
            yield words("run_fine_fpr", target=target, images=number(safety.safe))
