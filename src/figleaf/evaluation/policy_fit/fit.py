"""Thresholds fitted to a user's own pictures."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import compress
from pathlib import Path

import numpy as np

from figleaf.classify.classifier import load, policy_for
from figleaf.classify.policy import FORMAT, Policy, Rule, parse_policy
from figleaf.classify.prediction import Decision
from figleaf.curate.watch import Watch
from figleaf.errors import InputError, Status
from figleaf.evaluation.candidates import check_candidates
from figleaf.evaluation.operating import UNSAFE, Aim, decide
from figleaf.evaluation.policy_fit.bounds import needed
from figleaf.evaluation.policy_fit.fitted import FittedPolicy, bands, percent
from figleaf.evaluation.policy_fit.lines import Line, Scores, lines
from figleaf.evaluation.policy_fit.rules import FitRules
from figleaf.evaluation.policy_fit.traffic import File, describe, group, read_folders
from figleaf.evaluation.scoring import Scored, score_with, unsafe_columns
from figleaf.models.bundle import DEFAULT_MODEL
from figleaf.models.card import Card

Folders = str | Path | Sequence[str | Path]


def fit_policy(
    safe: Folders,
    unsafe: Folders | None = None,
    *,
    model: str | Path = DEFAULT_MODEL,
    rules: FitRules = FitRules(),  # noqa: B008  # frozen, and shown as it is in the docs
    watch: Watch = Watch(),  # noqa: B008  # as above
) -> FittedPolicy:
    """Fit the thresholds of a policy to pictures that are known to be safe, and to unsafe ones.

    Thresholds for false-positive rates need safe pictures alone: as many as are at hand, as they
    come in. What is missed can only be told with unsafe ones.

    Args:
        safe: a folder of safe pictures, or several; their folders are read, too.
        unsafe: the same of unsafe pictures, where there are any.
        model: an embedded model's name, or a bundle's folder.
        rules: the rates, and how.
        watch: is told how it goes.

    Raises:
        InputError: no picture that can be read, a file in several of the folders, a model that does
            not tell unsafe from safe, a recall without unsafe pictures, or safe pictures that all
            have the highest score.
        ModelError, MissingExtraError: see figleaf.errors.
    """
    folders = [_listed(safe), _listed(unsafe) if unsafe is not None else []]
    if not folders[0]:
        raise InputError("no folder of safe pictures: name at least one")
    if rules.recall is not None and not folders[1]:
        raise InputError("recall needs unsafe pictures: name a folder of them as well")
    # Before any picture is looked at: a model that is not there, or has no such class.
    (card,) = check_candidates([model])
    classes = _unsafe_classes(card, rules.unsafe_classes)
    files = read_folders([*folders[0], *folders[1]], watch=watch)
    scored, files = _scored(files, model, _policy(classes, rules), rules, watch)
    return assess(scored, files, folders[0], folders[1], classes, rules)


def assess(
    scored: Scored,
    files: Sequence[File],
    safe: Sequence[str | Path],
    unsafe: Sequence[str | Path],
    classes: tuple[str, ...],
    rules: FitRules,
) -> FittedPolicy:
    """The policy by scores that are there; no picture is looked at.

    Args:
        scored: what a model says of the files whose status is OK, in their order.
        files: of the folders.
        safe, unsafe: the folders, in the order that files count them by.
        classes: of the model, those that sum.
        rules: how.
    """
    seen = [file for file in files if file.status is Status.OK]
    truth = np.array([file.folder >= len(safe) for file in seen], bool)
    for kind, wanted, count in (("safe", safe, (~truth).sum()), (UNSAFE, unsafe, truth.sum())):
        if wanted and not count:
            raise InputError(f"none of the {kind} files is a picture that can be read")
    scores = scored.unsafe
    assert scores is not None  # the classes are the model's
    groups = group(seen)
    made = _decided(lines(Scores(truth, scores, groups), rules), rules)
    rule = Rule(UNSAFE, _policy(classes, rules).rules[0].classes, *_thresholds(made))
    described = describe([*safe, *unsafe], files)
    policy = Policy(
        name=rules.name,
        version=rules.version,
        description=_description(scored, truth, rules),
        unreadable=rules.unreadable,
        rules=(rule,),
    )
    return FittedPolicy(
        policy=policy,
        lines=made,
        used=scored.used,
        classes=classes,
        safe=described[: len(safe)],
        unsafe=described[len(safe) :],
        safe_groups=len(np.unique(groups[~truth])),
        unsafe_groups=len(np.unique(groups[truth])),
        bands=bands(
            decide(truth, scored.probabilities, scored.classes, policy), policy, rules.base_rate
        ),
        notes=tuple(_notes(made, seen, truth, rules)),
        rules=rules,
    )


def _listed(folders: Folders) -> list[str | Path]:
    return [folders] if isinstance(folders, str | Path) else list(folders)


def _unsafe_classes(card: Card, asked: Sequence[str]) -> tuple[str, ...]:
    """The model's classes that sum, in its order."""
    known = ", ".join(card.labels)
    for name in asked:
        if name not in card.labels:
            raise InputError(f"{card.name} has no class {name!r}; it has {known}")
    if asked:
        chosen = tuple(name for name in card.labels if name in asked)
    else:
        columns = unsafe_columns(card.labels, policy_for(card, None))
        chosen = tuple(compress(card.labels, columns))
    if not chosen:
        raise InputError(
            f"{card.name} has no class that figleaf knows as unsafe: say which of {known} are, by"
            " unsafe_classes or --unsafe-class"
        )
    if len(chosen) == len(card.labels):
        raise InputError(
            f"all classes of {card.name} are unsafe: nothing tells safe pictures apart"
        )
    return chosen


def _policy(classes: Sequence[str], rules: FitRules) -> Policy:
    """A policy to score with: its threshold is of no account."""
    return parse_policy(
        {
            "format": FORMAT,
            "name": rules.name,
            "version": rules.version,
            "description": "",
            "unreadable": str(rules.unreadable),
            "sums": {UNSAFE: {"classes": list(classes), "review": 1.0}},
        }
    )


def _scored(
    files: Sequence[File], model: str | Path, policy: Policy, rules: FitRules, watch: Watch
) -> tuple[Scored, list[File]]:
    """Scores of the files that can be read, and all files with their last status."""
    readable = [file for file in files if file.status is Status.OK]
    with load(
        model,
        policy=policy,
        fast=rules.fast,
        precision=rules.precision,
        runtime=rules.runtime,
        threads=rules.threads,
    ) as classifier:
        watch.start(f"scoring with {classifier.model.card.tag}", len(readable))
        paths = [file.path for file in readable]
        scored = score_with(classifier, paths, scaled=rules.fast, done=watch.done)
    statuses = iter(scored.statuses)
    after = [
        replace(file, status=next(statuses)) if file.status is Status.OK else file for file in files
    ]
    kept = tuple(status for status in scored.statuses if status is Status.OK)
    return replace(scored, probabilities=scored.probabilities[scored.ok], statuses=kept), after


def _decided(made: Sequence[Line], rules: FitRules) -> tuple[Line, ...]:
    """Give review and block to the lines that they are for."""
    usable = [line for line in made if not math.isnan(line.threshold.value)]
    rates = [line for line in usable if line.aim is Aim.FALSE_POSITIVE_RATE]
    rates.sort(key=lambda line: -line.target)
    if not usable or (rules.recall is None and not rates):
        raise InputError(
            "a safe picture has the highest score that there is, and no threshold lies above it:"
            " look whether it is safe (figleaf classify --sort unsafe), or allow a higher rate"
        )
    if rules.recall is None:
        # Of thresholds that are the same there is review alone: a person looks, nothing is lost.
        review: Line | None = rates[0]
        block = _above(rates[-1], rates[0])
    else:
        recall = next(line for line in usable if line.aim is Aim.RECALL)
        block = rates[-1] if rates else None
        review = next((line for line in (recall, *rates[:1]) if _above(block, line)), None)
        review = recall if block is None else review
    given = {id(review): Decision.REVIEW, id(block): Decision.BLOCK}
    return tuple(replace(line, decision=given.get(id(line))) for line in made)


def _above(line: Line | None, other: Line) -> Line | None:
    """The line, where its threshold is above that of another one."""
    return line if line and line.threshold.value > other.threshold.value else None


def _thresholds(made: Sequence[Line]) -> tuple[float | None, float | None]:
    """Of review and of block."""
    found = {line.decision: line.threshold.value for line in made}
    return found.get(Decision.REVIEW), found.get(Decision.BLOCK)


def _description(scored: Scored, truth: np.ndarray, rules: FitRules) -> str:
    unsafe = int(truth.sum())
    images = f"{len(truth) - unsafe:,} safe"
    images += f" and {unsafe:,} unsafe images" if unsafe else " images"
    return f"Fitted with {scored.used.tag} to {images}."


def _notes(
    made: Sequence[Line], seen: Sequence[File], truth: np.ndarray, rules: FitRules
) -> Iterator[str]:
    safe = int((~truth).sum())
    for line in made:
        if line.aim is Aim.FALSE_POSITIVE_RATE:
            yield from _of_rate(line, safe, rules)
    given = {line.decision: line for line in made}
    if rules.recall is None and len(rules.fpr) > 1 and Decision.BLOCK not in given:
        yield "no block threshold: it would not be above the one for review"
    by = given.get(Decision.REVIEW)
    if rules.recall is not None and (by is None or by.aim is not Aim.RECALL):
        yield (
            f"block alone finds a recall of {rules.recall:g}, and a lower false-positive rate would"
            " as well: review is not chosen by it"
        )
    if not truth.any():
        yield "what these thresholds miss is not known: no unsafe pictures were given"
    both = {file.sha256 for file, own in zip(seen, truth, strict=True) if own} & {
        file.sha256 for file, own in zip(seen, truth, strict=True) if not own
    }
    if both:
        pictures = "1 picture is" if len(both) == 1 else f"{len(both):,} pictures are"
        yield f"{pictures} among the safe and the unsafe ones alike"


def _of_rate(line: Line, safe: int, rules: FitRules) -> Iterator[str]:
    """What the images can say of a rate."""
    if math.isnan(line.threshold.value):
        yield (
            f"no threshold for a false-positive rate of {line.target:g}: a safe picture has the"
            " highest score that there is"
        )
        return
    upper = percent(line.false_positive_rate.interval.high)
    if 0 < line.target < 1 / safe:
        enough = f"{needed(line.target, rules.level):,}"
        yield (
            f"a false-positive rate of {line.target:g} is less than one of {safe:,} images: the"
            f" threshold is above all of them, and the rate may still be up to {upper}; from"
            f" {math.ceil(1 / line.target):,} images on it can be met, and {enough} of which none"
            " is flagged would show it"
        )
    elif not line.is_kept and 0 < line.target < 1:
        yield (
            f"the false-positive rate that was to be {line.target:g} may be up to {upper}:"
            f" {'more images narrow that' if rules.assured else '--assured keeps it within'}"
        )
