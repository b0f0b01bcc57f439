"""What the embedded models and policies take safe pictures for, and how far --fast drifts.

    python -m benchmarks.safe_pictures --photos DIR --drawings DIR [--update-docs]

Every picture in the folders must be safe: what is found unsafe in them is a false alarm. Writes
`results/safe_pictures.json`, and what the cards of the models quote: `tools/false_alarms.json`, and
that of ensembles beside their code; with --update-docs also the tables in docs/.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import figleaf
from benchmarks import machine, report
from figleaf.classify.policy import presets
from figleaf.classify.source import walk
from figleaf.models.bundle import ZOO, embedded, members, open_card
from figleaf.models.card import read_card
from figleaf.models.ensemble.card import MEASURED, key_of

ROOT = Path(__file__).parents[1]
FALSE_ALARMS = ROOT / "tools" / "false_alarms.json"
THRESHOLDS = (0.5, 0.8)
ENSEMBLES = ("inception_v3+resnet50_thin", "mobilenet_v2_mid+resnet50_thin")

Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Found:
    """What a model made of one kind of safe pictures; shares are of `count`."""

    model: str
    pictures: str
    count: int
    failed: int
    unsafe_over: dict[str, float]
    called: dict[str, float]
    review: dict[str, float]
    block: dict[str, float]


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a model's scores with --fast are from its exact ones."""

    model: str
    precision: str
    count: int
    mean_difference: float
    largest_difference: float
    same_label: float


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/safe_pictures.json`; `ensembles` is `found` of several models as one."""

    machine: machine.Machine
    found: list[Found]
    drift: list[Drift]
    ensembles: list[Found]


def main() -> None:
    """Classify the pictures with every model, exactly and fast, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--photos", type=Path, required=True, help="safe photos")
    parser.add_argument("--drawings", type=Path, required=True, help="safe drawings")
    parser.add_argument("--photos-are", default="safe photos", help="what to call them")
    parser.add_argument("--drawings-are", default="safe drawings", help="what to call them")
    parser.add_argument("--update-docs", action="store_true", help="rewrite the tables in docs/")
    given = parser.parse_args()
    kinds = {
        given.photos_are: list(walk(given.photos)),
        given.drawings_are: list(walk(given.drawings)),
    }
    found: list[Found] = []
    drift: list[Drift] = []
    for model in [*_classifiers(), *ENSEMBLES]:
        exact = {kind: _scores(model, paths, fast=False) for kind, paths in kinds.items()}
        found += [_found(model, kind, scores) for kind, scores in exact.items()]
        if model not in ENSEMBLES:  # which drift as their members do
            fast = _scores(model, kinds[given.photos_are], fast=True)
            drift.append(_drift(model, exact[given.photos_are], fast))
        print(model, "done", flush=True)
    single = [one for one in found if one.model not in ENSEMBLES]
    joined = [one for one in found if one.model in ENSEMBLES]
    report.write_json("safe_pictures", Record(machine.describe(), single, drift, joined))
    _write_for_cards(found)
    if given.update_docs:
        _update_docs(found, drift)


def _classifiers() -> list[str]:
    return [name for name in embedded() if read_card(ZOO / name / "card.json").labels]


def _scores(model: str, paths: Sequence[str], *, fast: bool) -> list[Scores | None]:
    """The scores of each picture; None for what could not be read."""
    with figleaf.load(model, fast=fast) as classifier:
        return [p.scores if p.ok else None for p in classifier.stream(paths)]


def _found(model: str, kind: str, all_scores: Sequence[Scores | None]) -> Found:
    scores = [one for one in all_scores if one is not None]
    policies = {name: figleaf.load_policy(name) for name in presets()}
    balanced = policies["balanced"]
    unsafe = [balanced.unsafe_score(one) or 0.0 for one in scores]
    labels = [max(one, key=one.__getitem__) for one in scores]
    decided = {name: [p.decide(one)[0] for one in scores] for name, p in policies.items()}
    return Found(
        model=model,
        pictures=kind,
        count=len(scores),
        failed=len(all_scores) - len(scores),
        unsafe_over={f"{t:g}": mean(score > t for score in unsafe) for t in THRESHOLDS},
        called={name: mean(label == name for label in labels) for name in sorted(scores[0])},
        review={name: mean(d == "review" for d in ds) for name, ds in decided.items()},
        block={name: mean(d == "block" for d in ds) for name, ds in decided.items()},
    )


def _drift(model: str, exact: Sequence[Scores | None], fast: Sequence[Scores | None]) -> Drift:
    pairs = [(a, b) for a, b in zip(exact, fast, strict=True) if a is not None and b is not None]
    differences = [abs(a[name] - b[name]) for a, b in pairs for name in a]
    with figleaf.load(model, fast=True) as classifier:
        precision = str(classifier.model.precision)
    return Drift(
        model=model,
        precision=precision,
        count=len(pairs),
        mean_difference=mean(differences),
        largest_difference=max(differences),
        same_label=mean(max(a, key=a.__getitem__) == max(b, key=b.__getitem__) for a, b in pairs),
    )


def _write_for_cards(found: Sequence[Found]) -> None:
    cards: dict[str, list[dict[str, object]]] = {}
    for one in found:
        rounded = {threshold: round(share, 4) for threshold, share in one.unsafe_over.items()}
        entry = {"pictures": one.pictures, "count": one.count, "unsafe_over": rounded}
        cards.setdefault(one.model, []).append(entry)
    single = {name: cards[name] for name in cards if name not in ENSEMBLES}
    FALSE_ALARMS.write_text(json.dumps(single, indent=2) + "\n")
    joined = {
        key_of([open_card(part) for part in members(name)]): cards[name] for name in ENSEMBLES
    }
    MEASURED.write_text(json.dumps(joined, indent=2) + "\n")


def _update_docs(found: Sequence[Found], drift: Sequence[Drift]) -> None:
    docs = ROOT / "docs"
    report.update_readme("false-alarms", _false_alarms_table(found), docs / "models.md")
    report.update_readme("policy-false-alarms", _policies_table(found), docs / "policies.md")
    report.update_readme("drift", _drift_table(drift), docs / "classify.md")


def _false_alarms_table(found: Sequence[Found]) -> str:
    head = ["model", "pictures", "count", "unsafe > .5", "unsafe > .8", "called"]
    rows = [
        [
            f"`{one.model}`",
            one.pictures,
            str(one.count),
            *(f"{share:.1%}" for share in one.unsafe_over.values()),
            ", ".join(
                f"{name} {share:.0%}" for name, share in one.called.items() if share >= 0.005
            ),
        ]
        for one in found
    ]
    return report.table(head, rows)


def _policies_table(found: Sequence[Found]) -> str:
    head = ["model", "pictures"]
    head += [f"{name}: {decision}" for name in presets() for decision in ("review", "block")]
    rows = []
    for one in found:
        shares = [s[name] for name in presets() for s in (one.review, one.block)]
        rows.append([f"`{one.model}`", one.pictures, *(f"{share:.1%}" for share in shares)])
    return report.table(head, rows)


def _drift_table(drift: Sequence[Drift]) -> str:
    head = ["model", "precision", "photos", "mean difference", "largest", "same class"]
    rows = [
        [
            f"`{one.model}`",
            one.precision,
            str(one.count),
            f"{one.mean_difference:.4f}",
            f"{one.largest_difference:.3f}",
            f"{one.same_label:.1%}",
        ]
        for one in drift
    ]
    return report.table(head, rows)


if __name__ == "__main__":
    main()
