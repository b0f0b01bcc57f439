"""What is read first of a run: a few figures, what stands out, what to do next."""

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from figleaf.auditing.rules import RECOMMENDED
from figleaf.curate.splitting.rules import Part
from figleaf.evaluation.evaluate import Evaluation
from figleaf.models.bundle import embedded
from figleaf.report import tables
from figleaf.report.evaluation_tables import matrix_of, score, score_of, share_of
from figleaf.report.run_facts import RunFacts
from figleaf.report.run_tables import HASH
from figleaf.report.tables import listed, number
from figleaf.report.texts import Words
from figleaf.training.rules import DEFAULT_BACKBONE

_FEW = 30
"""Test images of a class, below which its figures are hardly more than chance."""
_NAMED = 8  # classes in a sentence


@dataclass(frozen=True, slots=True)
class Key:
    """A figure, where it may lie, and what it is."""

    value: str
    interval: str
    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next, and the commands for it, each a line."""

    what: str
    commands: tuple[str, ...]


def keys(facts: RunFacts, words: Words) -> list[Key]:
    """The figures that a run is judged by."""
    one, audit = facts.evaluation, facts.audit
    found = []
    if classes := one.classes:
        found.append(_key(share_of(classes.accuracy), words("accuracy")))
        found.append(_key(share_of(classes.macro_f1), words("macro_f1")))
        error = score(classes.calibration_error)
        found.append(Key(error, "", words("calibration_error")))
    if safety := one.safety:
        found.append(_key(score_of(safety.auc), words("run_key_unsafe_auc")))
    of = words("run_key_estimated", images=number(audit.images), count=number(audit.estimated))
    found.append(Key(number(len(facts.doubtful)), of, words("run_key_suspects")))
    tested = one.images - sum(one.failures.values())
    found.append(Key(number(tested), "", words("run_key_tested")))
    return found


def _key(shown: str, name: str) -> Key:
    value, _, interval = shown.partition(" (")
    return Key(value, interval.removesuffix(")"), name)


def findings(facts: RunFacts, words: Words) -> list[str]:
    """What stands out, in sentences; what there is nothing to say of is left out."""
    return [
        *_on_classes(facts.evaluation, words),
        *_on_labels(facts, words),
        *_on_data(facts, words),
    ]


def _on_classes(one: Evaluation, words: Words) -> Iterator[str]:
    if one.classes:
        figures = [own for own in one.classes.figures if own.support]
        if len(figures) > 1:
            worst = min(figures, key=lambda own: own.recall.value)
            recall = share_of(worst.recall)
            images = number(worst.support)
            yield words("run_found_weakest", label=worst.label, recall=recall, images=images)
    yield from _worst_pair(one, words)
    if one.classes and (few := [own.label for own in one.classes.figures if own.support < _FEW]):
        more = f" + {number(len(few) - _NAMED)}" if len(few) > _NAMED else ""
        yield words("run_found_few", classes=", ".join(few[:_NAMED]) + more)


def _worst_pair(one: Evaluation, words: Words) -> Iterator[str]:
    view = matrix_of(one, words)
    wrong = np.array(view.counts)
    images = wrong.sum(axis=1)
    np.fill_diagonal(wrong, 0)
    row, column = np.unravel_index(wrong.argmax(), wrong.shape)
    if wrong[row, column]:
        yield words(
            "run_found_pair",
            true=view.true[row],
            predicted=view.predicted[column],
            count=number(int(wrong[row, column])),
            images=number(int(images[row])),
        )


def _on_labels(facts: RunFacts, words: Words) -> Iterator[str]:
    audit = facts.audit
    if audit.listed or audit.estimated:
        yield words(
            "run_found_errors",
            listed=number(audit.listed),
            estimated=number(audit.estimated),
            images=number(audit.images),
            share=tables.share(audit.estimated, audit.images),
        )
    if audit.standing:
        yield words("run_found_applied", count=number(audit.standing))
    if audit.spared:
        yield words("run_found_spared", classes=", ".join(audit.spared))
    if audit.settled:
        yield words("run_found_settled", count=number(audit.settled))
    for pair in audit.overlaps[:3]:
        yield words("run_found_overlap", one=pair.one, other=pair.other, auc=score(pair.auc))
    if audit.outliers:
        yield words("run_found_outliers", count=number(len(audit.outliers)))


def _on_data(facts: RunFacts, words: Words) -> Iterator[str]:
    one, total = facts.evaluation, facts.stats.status.total
    if lost := sum(total.losses.values()):
        named = total.items.total()
        yield words(
            "run_found_lost",
            lost=number(lost),
            named=number(named),
            share=tables.share(lost, named),
        )
    if unread := sum(one.failures.values()):
        reasons = listed(one.failures)
        yield words("run_found_unread", count=number(unread), reasons=reasons)
    if not facts.training["converged"]:
        yield words("run_found_stopped")


def steps(facts: RunFacts, words: Words, *, beside: Path) -> list[Step]:
    """What to do next, with what to type in the run's folder, which is the one above the report."""
    data = _named(facts.stats.folder, beside.parent)
    model = _named(facts.model or beside.parent / "models" / facts.training["name"], beside.parent)
    return [*_on_doubts(facts, words, data), *_on_policies(facts, words, data, model)]


def _on_doubts(facts: RunFacts, words: Words, data: str) -> Iterator[Step]:
    audit = f"figleaf audit {data}{_as_trained(facts.training['rules'])}"
    if facts.doubtful:
        suspect = facts.doubtful[0]
        label = shlex.quote(suspect.suggested)
        first = f"figleaf restore {data} {suspect.sha256[:HASH]} --label {label}"
        yield Step(words("run_do_suspects"), (first, audit))
    if any(one.doubt >= RECOMMENDED and one.part != Part.TEST for one in facts.doubtful):
        commands = (f"{audit} --apply {RECOMMENDED}", f"figleaf audit {data} --undo")
        yield Step(words("run_do_apply"), commands)


def _as_trained(rules: Mapping[str, Any]) -> str:
    """Options by which another command takes the features that are there."""
    backbone = str(rules.get("backbone", DEFAULT_BACKBONE))
    is_named = set(backbone.split("+")) <= set(embedded())  # a file is elsewhere from here
    named = f" --backbone {backbone}" if is_named and backbone != DEFAULT_BACKBONE else ""
    return named + (" --fast" if rules.get("fast") else "")


def _on_policies(facts: RunFacts, words: Words, data: str, model: str) -> Iterator[Step]:
    one = facts.evaluation
    # A threshold is for the precision that it was chosen in.
    use = f"--model {model}" + (" --fast" if one.origin.model.scaled else "")
    if one.safety:
        fit = f"figleaf policy fit --safe SAFE_PICTURES {use} --fpr .01 --fpr .001"
        yield Step(words("run_do_policy"), (f"{fit} -o my-policy.toml",))
        commands = (f"figleaf evaluate {data} {use} --policy my-policy.toml",)
        yield Step(words("run_do_evaluate"), commands)
    else:
        commands = (f"figleaf classify PICTURES {use} --policy my-policy.toml",)
        yield Step(words("run_do_decide"), commands)
    yield Step(words("run_do_classify"), (f"figleaf classify PICTURES {use}",))


def _named(target: Path, folder: Path) -> str:
    """A file or folder as one types it in a folder."""
    return shlex.quote(Path(os.path.relpath(target, folder)).as_posix())
