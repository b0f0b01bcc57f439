"""Images unlike the rest of their class: the ledger's half of `likeness`."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import tee
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.features import FeatureExtractor
from figleaf.curate.screening.doubts import Doubt, DoubtKind
from figleaf.curate.screening.likeness import Reference, robust_scores
from figleaf.curate.screening.scores import SCREENABLE, Image, Scored, Scorer
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.store import Store
from figleaf.errors import ImageError, Status

MOST = 500
"""Images of a class that say what it looks like."""
LEAST = 20
"""Images of a class below which it looks like nothing in particular."""

# By their hashes: a choice by chance, that is the same each time.
_CHOSEN = f"""
SELECT id, sha256, format, label FROM images
WHERE {SCREENABLE} AND label = ? ORDER BY sha256 LIMIT ?
"""


def choose(ledger: Ledger, labels: Iterable[str]) -> list[Image]:
    """The images that say what their classes look like, at most `MOST` of each."""
    return [Image(*row) for label in labels for row in ledger.read(_CHOSEN, (label, MOST))]


def fingerprint(chosen: Iterable[Image]) -> str:
    """Twelve digits that say which images and classes a reference was made of."""
    text = "".join(f"{one.sha256.hex()} {one.label}\n" for one in chosen)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def learn(
    chosen: list[Image], extractor: FeatureExtractor, store: Store, done: Callable[[int], None]
) -> Reference:
    """What the classes look like, by these images.

    Args:
        chosen: of every class some.
        extractor: gives their features.
        store: where their files are.
        done: is told how many are done.
    """
    features: defaultdict[str, list[NDArray[np.float32]]] = defaultdict(list)
    paths = [store.path(one.sha256, one.format) for one in chosen]
    for number, (one, feature) in enumerate(zip(chosen, extractor.stream(paths), strict=True)):
        if not isinstance(feature, ImageError):
            features[one.label].append(feature)
        done(number + 1)
    return Reference.of({label: np.stack(rows) for label, rows in features.items()})


def by_likeness(extractor: FeatureExtractor, reference: Reference) -> Scorer:
    """Scores that are how like its class each image is, -1..1, under the name of that class."""

    def score(
        images: Iterator[tuple[Image, Path]],
    ) -> Iterator[tuple[Image, Status, Mapping[str, float]]]:
        ours, theirs = tee(images)
        features = extractor.stream(path for _, path in theirs)
        for (image, _), one in zip(ours, features, strict=True):
            if isinstance(one, ImageError):
                yield image, one.status, {}
            else:
                (value,) = reference.likeness(one[None], [image.label])
                yield image, Status.OK, {image.label: float(value)}

    return score


def doubt_unlike(scored: Iterable[Scored], below: float) -> Iterator[tuple[Image, Doubt]]:
    """Those of some images that are far less like their class than is usual in it.

    Args:
        scored: images with their likeness, each as the score of its class.
        below: robust standard deviations from the middle of the class; negative.
    """
    by_class: defaultdict[str, list[tuple[Image, float]]] = defaultdict(list)
    for one in scored:
        if one.scores and one.image.label in one.scores:
            by_class[one.image.label].append((one.image, one.scores[one.image.label]))
    for pairs in by_class.values():
        values = np.array([value for _, value in pairs])
        for (image, _), away in zip(pairs, robust_scores(values).tolist(), strict=True):
            if away < below:
                # From 0 at the middle towards 1 far away.
                degree = -away / (1 - away)
                yield image, Doubt(DoubtKind.UNLIKE_ITS_CLASS, degree, f"{-away:.1f} deviations")
