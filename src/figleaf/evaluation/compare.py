"""Comparing two models on the same labelled images, wired: data, scores, figures."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from figleaf import labels
from figleaf._version import __version__
from figleaf.classify.classifier import load
from figleaf.classify.policy import DEFAULT_POLICY, Policy, load_policy
from figleaf.curate.watch import Watch
from figleaf.errors import InputError, Status
from figleaf.evaluation.candidates import check_candidates, distinct_names
from figleaf.evaluation.evaluate import Data
from figleaf.evaluation.figures import Draws, plain
from figleaf.evaluation.labelled import Labelled, open_labelled
from figleaf.evaluation.scoring import ModelUsed, Scored, score_with, unsafe_columns
from figleaf.evaluation.truth import number_labels
from figleaf.evaluation.versus import Answers, View, answers, versus
from figleaf.metrics.intervals import LEVEL, REPEATS

SAFETY = ("safe", "unsafe")
"""The classes of the view that any two models share, in the order of the scores."""

Who = Literal["a", "b", "neither"]

_PLAIN = ("data", "fingerprint", "version", "policy", "repeats", "seed", "images", "own")
_COUNTS = ("parts", "unreadable", "lacking", "left_out")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models.

    Attributes:
        name: what it is called: its name and version, with digits of its hash where both share
            them.
        used: what its scores depend on.
        classes: its own.
        seconds: that scoring took, with reading and decoding, without loading the model.
        rate: images/s.
    """

    name: str
    used: ModelUsed
    classes: tuple[str, ...]
    seconds: float
    rate: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An image for which the two models say different classes.

    Attributes:
        path: of its file.
        sha256: in hex.
        label: its class, as the data have it.
        a: the class that the first model says.
        a_probability: how probable it finds it, 0..1.
        b: the class that the second model says.
        b_probability: likewise.
        right: which of them is right.
        distance: the total variation distance of their probabilities, 0..1.
    """

    path: str
    sha256: str
    label: str
    a: str
    a_probability: float
    b: str
    b_probability: float
    right: Who
    distance: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same labelled images.

    Attributes:
        data: what the images are called.
        fingerprint: SHA-256, in hex, of their hashes and labels.
        version: figleaf's.
        policy: the one whose sum says what is unsafe.
        repeats: draws for each interval.
        seed: of the draws.
        a: the first model.
        b: the second one.
        images: how many there are, those that cannot be read included.
        parts: "train", "test" and so on -> images; none where there is no split.
        unreadable: why images cannot be read -> how many.
        lacking: classes of the data that not both models have -> images; they are not compared by
            class.
        left_out: what lies there and is not among the images -> how many.
        classes: by the classes that both have; None where no image has one.
        safety: as safe or unsafe; None where a model does not tell them apart.
        own: classes of the data that neither figleaf nor the policy knows: they count as safe.
        disagreements: the images on whose class the models disagree, the widest apart first; as
            safe or unsafe where the models share no class.
    """

    data: str
    fingerprint: str
    version: str
    policy: str
    repeats: int
    seed: int
    a: Side
    b: Side
    images: int
    parts: Mapping[str, int]
    unreadable: Mapping[str, int]
    lacking: Mapping[str, int]
    left_out: Mapping[str, int]
    classes: View | None
    safety: View | None
    own: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def views(self) -> Mapping[str, View]:
        """The views that there are, by name: "classes", "safety"."""
        found = {"classes": self.classes, "safety": self.safety}
        return {name: view for name, view in found.items() if view}

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types, every disagreement included."""
        return {
            **{name: plain(getattr(self, name)) for name in _PLAIN},
            "level": LEVEL,
            **{name: dict(getattr(self, name)) for name in _COUNTS},
            "a": plain(asdict(self.a)),
            "b": plain(asdict(self.b)),
            "views": {name: view.to_dict() for name, view in self.views.items()},
            "disagreements": [plain(asdict(one)) for one in self.disagreements],
        }


def compare(
    a: str | Path,
    b: str | Path,
    data: Data,
    *,
    part: str | None = None,
    policy: str | Path | Policy | None = None,
    fast: bool = False,
    repeats: int = REPEATS,
    seed: int = 0,
    watch: Watch = Watch(),  # noqa: B008  # frozen, and does nothing
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Compare two models on the same labelled images: which is better, and is that chance?

    Args:
        a: an embedded model's name or a bundle's folder.
        b: likewise; every difference is b's figure less a's.
        data: a data set's folder, a folder with a folder for each class, "CLASS=FOLDER", several of
            these together, or what was read of them before.
        part: of the split; test by default, and all where a folder has no parts.
        policy: whose sum `unsafe` says what is unsafe, for both models; "balanced" by default.
        fast: bf16 where the processor has it, and scaled decoding, for both.
        repeats: draws of whole groups of duplicates, for each interval.
        seed: of the draws.
        watch: is told how it goes.
        clock: gives seconds, for images/s.

    Raises:
        InputError: the models share no class with the data, and do not both tell safe from unsafe;
            or no image can be read.
        DatasetError, SourceError: data that cannot be opened.
        ModelError, PolicyError: a model or policy that cannot be used.
    """
    chosen = policy if isinstance(policy, Policy) else load_policy(policy or DEFAULT_POLICY)
    cards = check_candidates((a, b))
    if not isinstance(data, Labelled):
        data = open_labelled(data, part=part, watch=watch)
    _check_comparable(data, [card.labels for card in cards], chosen)
    scored = [_timed(model, data, fast, watch, clock) for model in (a, b)]
    return compared(data, scored, chosen, repeats=repeats, seed=seed)


def compared(
    data: Labelled,
    scored: Sequence[tuple[Scored, float]],
    policy: Policy,
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Comparison:
    """Compare the scores of two models. Pure.

    Args:
        data: the images.
        scored: what the first and the second model say of them, and in how many seconds.
        policy: see `compare`, as for the rest.
        repeats: draws.
        seed: of the draws.

    Raises:
        InputError: see `compare`.
    """
    (first, _), (second, _) = scored
    read = first.ok & second.ok
    if not read.any():
        raise InputError(f"{data.name}: none of its {len(data):,} images can be read")
    kept = data.take(read)
    said = [_Said(one.classes, one.probabilities[read]) for one, _ in scored]
    _check_comparable(kept, [one.classes for one in said], policy)
    by_class, by_safety = _by_class(kept, said), _by_safety(kept, said, policy)
    main, *_ = (one for one in (by_class, by_safety) if one)
    draws = Draws(kept.groups, repeats, LEVEL, seed)
    a, b = _sides(scored, len(data))
    return Comparison(
        data=data.name,
        fingerprint=data.fingerprint,
        version=__version__,
        policy=policy.tag,
        repeats=repeats,
        seed=seed,
        a=a,
        b=b,
        images=len(data),
        parts=dict(Counter(part for part in data.parts if part)),
        unreadable=_unreadable(first, second),
        lacking=_lacking(kept, said),
        left_out=data.left_out,
        classes=by_class.view(draws) if by_class else None,
        safety=by_safety.view(draws) if by_safety else None,
        own=_own(kept, policy) if by_safety else (),
        disagreements=tuple(_ranked(main, kept)),
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """What a model says of images that both could read: (images, classes)."""

    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]

    def numbers(self, names: Sequence[str]) -> NDArray[np.int64]:
        """The number of each name among the classes, -1 for none."""
        return number_labels(names, self.classes)

    def unsafe(self, policy: Policy) -> NDArray[np.float32] | None:
        """The probabilities of `SAFETY`, (images, 2); None where all classes are one of the two."""
        columns = unsafe_columns(self.classes, policy)
        if columns.all() or not columns.any():
            return None
        unsafe = np.minimum(self.probabilities[:, columns].sum(axis=1, dtype=np.float64), 1.0)
        return np.stack([1 - unsafe, unsafe], axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Both models on images whose classes they share.

    Attributes:
        rows: the images, by their numbers among those that were read.
        labels: the class of each, of shape (rows,).
        said: what each model says of them.
        answers: and what they answer.
    """

    rows: NDArray[np.int64]
    labels: tuple[str, ...]
    said: tuple[_Said, _Said]
    answers: tuple[Answers, Answers]

    def view(self, draws: Draws) -> View:
        """The figures."""
        groups = draws.groups[self.rows]
        return versus(*self.answers, self.labels, replace(draws, groups=groups))

    def distances(self) -> NDArray[np.float64]:
        """The total variation distance of the two models' probabilities of each image, 0..1."""
        one, other = self.said
        place = number_labels(other.classes, one.classes)
        shared = place >= 0
        moved = np.zeros(one.probabilities.shape)
        moved[:, place[shared]] = other.probabilities[:, shared]
        beyond = other.probabilities[:, ~shared].sum(axis=1)
        return np.asarray((np.abs(moved - one.probabilities).sum(axis=1) + beyond) / 2, np.float64)


def _paired(rows: NDArray[np.int64], names: Sequence[str], said: Sequence[_Said]) -> _Pair:
    one, other = (_Said(found.classes, found.probabilities[rows]) for found in said)
    of_rows = tuple(names[row] for row in rows)
    first, second = (
        answers(found.classes, found.probabilities, found.numbers(of_rows))
        for found in (one, other)
    )
    return _Pair(rows, of_rows, (one, other), (first, second))


def _by_class(data: Labelled, said: Sequence[_Said]) -> _Pair | None:
    one, other = said
    rows = np.flatnonzero((one.numbers(data.labels) >= 0) & (other.numbers(data.labels) >= 0))
    return _paired(rows, data.labels, said) if rows.size else None


def _by_safety(data: Labelled, said: Sequence[_Said], policy: Policy) -> _Pair | None:
    """Both models as models of two classes; None where one of them cannot be taken for that."""
    unsafe = [one.unsafe(policy) for one in said]
    shares = [_Said(SAFETY, one) for one in unsafe if one is not None]
    if len(shares) < len(unsafe):
        return None
    named = dict.fromkeys(data.labels)
    is_unsafe = dict(zip(named, unsafe_columns(named, policy), strict=True))
    truth = [SAFETY[int(is_unsafe[label])] for label in data.labels]
    return _paired(np.arange(len(data)), truth, shares)


def _check_comparable(data: Labelled, classes: Sequence[tuple[str, ...]], policy: Policy) -> None:
    """Raise InputError where two models can be compared neither by class nor as safe or unsafe."""
    has_class = [number_labels(data.labels, one) >= 0 for one in classes]
    unsafe = [unsafe_columns(one, policy) for one in classes]
    if all(one.any() and not one.all() for one in unsafe) or (has_class[0] & has_class[1]).any():
        return
    there = ", ".join(sorted(set(data.labels)))
    one, other = (", ".join(names) for names in classes)
    raise InputError(
        f"{data.name} has the classes {there}; the first model has {one}, the second {other}: they"
        f" share none with the data, nor do both tell what policy {policy.tag} calls unsafe from"
        " what it does not"
    )


def _unreadable(first: Scored, second: Scored) -> dict[str, int]:
    """Why images cannot be read, by one model or both -> how many."""
    pairs = zip(first.statuses, second.statuses, strict=True)
    found = (one if one is not Status.OK else other for one, other in pairs)
    return dict(Counter(str(status) for status in found if status is not Status.OK).most_common())


def _lacking(data: Labelled, said: Sequence[_Said]) -> dict[str, int]:
    """Classes that not both models have -> images; nothing where the models share none at all."""
    lacks = [name for name in set(data.labels) if any(one.numbers([name])[0] < 0 for one in said)]
    counts = Counter(data.labels)
    return {name: counts[name] for name in sorted(lacks)}


def _own(data: Labelled, policy: Policy) -> tuple[str, ...]:
    """Classes of the data that stand for safe only because nobody knows them."""
    there = sorted(set(data.labels))
    unsafe = dict(zip(there, unsafe_columns(there, policy), strict=True))
    return tuple(name for name in there if not unsafe[name] and labels.find(name) is None)


def _sides(scored: Sequence[tuple[Scored, float]], images: int) -> Iterator[Side]:
    names = distinct_names([(one.used.tag, one.used.sha256) for one, _ in scored])
    for name, (one, seconds) in zip(names, scored, strict=True):
        yield Side(name, one.used, one.classes, seconds, images / seconds if seconds else 0.0)


def _ranked(pair: _Pair, data: Labelled) -> Iterator[Disagreement]:
    """The images on which the two disagree, the widest apart first."""
    a, b = pair.answers
    distances = pair.distances()
    apart = number_labels(b.classes, a.classes)[b.predicted] != a.predicted
    for at in sorted(np.flatnonzero(apart), key=lambda at: (-distances[at], pair.rows[at])):
        row = pair.rows[at]
        right: Who = "a" if a.right[at] else "b" if b.right[at] else "neither"
        yield Disagreement(
            path=str(data.paths[row]),
            sha256=data.hashes[row],
            label=data.labels[row],
            a=a.classes[a.predicted[at]],
            a_probability=round(float(a.confidence[at]), 6),
            b=b.classes[b.predicted[at]],
            b_probability=round(float(b.confidence[at]), 6),
            right=right,
            distance=round(float(distances[at]), 6),
        )


def _timed(
    model: str | Path, data: Labelled, fast: bool, watch: Watch, clock: Callable[[], float]
) -> tuple[Scored, float]:
    """What a model says of images, and in how many seconds once it is loaded."""
    with load(model, fast=fast) as classifier:
        watch.start(f"scoring with {classifier.model.card.tag}", len(data))
        begun = clock()
        found = score_with(classifier, data.paths, scaled=fast, done=watch.done)
        return found, clock() - begun
