"""Comparing two models on the same labelled images, wired: data, scores, figures."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from figleaf._version import __version__
from figleaf.classify.classifier import load
from figleaf.classify.policy import DEFAULT_POLICY, Policy, load_policy
from figleaf.classify.source import read_bytes
from figleaf.curate.watch import Watch
from figleaf.errors import ImageError, InputError, Status
from figleaf.evaluation.candidates import check_candidates, distinct_names
from figleaf.evaluation.evaluate import Data
from figleaf.evaluation.figures import Draws, plain
from figleaf.evaluation.labelled import Labelled, open_labelled
from figleaf.evaluation.pairing import Pair, Said, by_class, by_safety, check_comparable
from figleaf.evaluation.scoring import ModelUsed, Scored, score_with
from figleaf.evaluation.truth import number_labels, unknown_among, unsafe_among
from figleaf.evaluation.versus import View
from figleaf.images import Limits
from figleaf.metrics import checks
from figleaf.metrics.intervals import LEVEL, REPEATS
from figleaf.metrics.ratios import quotient

Who = Literal["a", "b", "neither"]

_PLAIN = ("data", "fingerprint", "version", "policy", "repeats", "seed", "images", "own")
_COUNTS = ("parts", "unreadable", "lacking", "left_out")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models.

    Attributes:
        name: what it is called: its name and version, with digits of its hash where both share
            them.
        used: what its scores depend on, and the comparison's policy.
        classes: its own.
        seconds: that scoring took, with decoding, without loading the model; of files that were
            read before, for both models alike.
        rate: images/s, of those that it could read; nan where no time was taken.
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
    checks.at_least(repeats, 1, "repeats")
    checks.at_least(seed, 0, "seed")
    cards = check_candidates((a, b))
    if not isinstance(data, Labelled):
        data = open_labelled(data, part=part, watch=watch)
    check_comparable(data, [card.labels for card in cards], chosen)
    _read_once(data, watch)
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
    said = [Said(one.classes, one.probabilities[read]) for one, _ in scored]
    check_comparable(kept, [one.classes for one in said], policy)
    unsafe = unsafe_among(kept.labels, policy, *(one.classes for one in said))
    of_class, of_safety = by_class(kept, said), by_safety(kept, said, policy, unsafe)
    main, *_ = (one for one in (of_class, of_safety) if one)
    draws = Draws(kept.groups, repeats, LEVEL, seed)
    a, b = _sides(scored, policy)
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
        classes=of_class.view(draws) if of_class else None,
        safety=of_safety.view(draws) if of_safety else None,
        own=unknown_among(unsafe, policy) if of_safety else (),
        disagreements=tuple(_ranked(main, kept)),
    )


def _unreadable(first: Scored, second: Scored) -> dict[str, int]:
    """Why images cannot be read, by one model or both -> how many."""
    pairs = zip(first.statuses, second.statuses, strict=True)
    found = (one if one is not Status.OK else other for one, other in pairs)
    return dict(Counter(str(status) for status in found if status is not Status.OK).most_common())


def _lacking(data: Labelled, said: Sequence[Said]) -> dict[str, int]:
    """Classes that not both models have -> images; nothing where the models share none at all."""
    lacks = [name for name in set(data.labels) if any(one.numbers([name])[0] < 0 for one in said)]
    counts = Counter(data.labels)
    return {name: counts[name] for name in sorted(lacks)}


def _sides(scored: Sequence[tuple[Scored, float]], policy: Policy) -> Iterator[Side]:
    names = distinct_names([(one.used.tag, one.used.sha256) for one, _ in scored])
    for name, (one, seconds) in zip(names, scored, strict=True):
        used = replace(one.used, policy=policy.tag)
        yield Side(name, used, one.classes, seconds, quotient(int(one.ok.sum()), seconds))


def _ranked(pair: Pair, data: Labelled) -> Iterator[Disagreement]:
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


def _read_once(data: Labelled, watch: Watch) -> None:
    """Read every file: else the second model alone would find them in the system's memory."""
    watch.start("reading files", len(data))
    for count, path in enumerate(data.paths, 1):
        with suppress(ImageError):
            read_bytes(path, Limits())
        watch.done(count)


def _timed(
    model: str | Path, data: Labelled, fast: bool, watch: Watch, clock: Callable[[], float]
) -> tuple[Scored, float]:
    """What a model says of images, and in how many seconds once it is loaded."""
    with load(model, fast=fast) as classifier:
        watch.start(f"scoring with {classifier.model.card.tag}", len(data))
        begun = clock()
        found = score_with(classifier, data.paths, scaled=fast, done=watch.done)
        return found, clock() - begun
