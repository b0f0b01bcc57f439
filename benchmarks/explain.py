"""Whether what a model's head makes of each place agrees with hiding that place.

    python -m benchmarks.explain --photos DIR [--most 60] [--update-docs]

For each safe photo and each embedded model: the rank correlation, over places, between the map of
`--explain` and the drop of the score where a square is hidden (occlusion), for the unsafe score and
for the most probable class. As a yardstick, the same between the map and the drops of the next
photo. Writes `results/explain.json`; with --update-docs also the table in docs/classify.md.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

import figleaf
from benchmarks import machine, report
from benchmarks.measure import evenly_spaced
from figleaf.classify.explain import UNSAFE, Explainer
from figleaf.classify.explanation import Explanation, Heat
from figleaf.classify.occlusion import Occlusion
from figleaf.classify.source import walk
from figleaf.models.bundle import ZOO, embedded
from figleaf.models.card import read_card
from figleaf.models.runtime import Precision

DOCS = Path(__file__).parents[1] / "docs" / "classify.md"
TOP = "most probable class"
_PLACES = 8
_REACH = 2.5
_FLAT = 1e-4
"""Where no drop is larger than that, ranks are those of rounding errors."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the maps of one model rank the places, beside hiding them.

    Attributes:
        explained: the unsafe score, or the most probable class.
        count: photos; those whose score no hiding moves are left out.
        correlation: Spearman's, the mean over photos.
        above_zero: the share of photos where it is.
        of_another: the mean correlation with the drops of the next photo.
        in_top: the share of photos whose place with the highest value is among the fifth of the
            places where hiding costs most; a fifth by chance.
        seconds_places, seconds_occlusion: for one photo, one thread.
    """

    model: str
    explained: str
    count: int
    correlation: float
    above_zero: float
    of_another: float
    in_top: float
    seconds_places: float
    seconds_occlusion: float


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/explain.json`."""

    machine: machine.Machine
    places: int
    reach: float
    agreement: list[Agreement]


@dataclass(frozen=True, slots=True)
class _Pair:
    """The two answers for one photo, over the same places, and the seconds that each took."""

    map: NDArray[np.float32]
    drops: NDArray[np.float32]
    seconds: tuple[float, float]


def main() -> None:
    """Explain photos with every model both ways, and write how they agree."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--photos", type=Path, required=True, help="safe photos")
    parser.add_argument("--most", type=int, default=60, help="photos, evenly spaced")
    parser.add_argument("--models", nargs="+", default=_classifiers())
    parser.add_argument("--bf16", action="store_true", help="compute in it, which is faster")
    parser.add_argument("--update-docs", action="store_true", help="rewrite docs/classify.md")
    given = parser.parse_args()
    photos = evenly_spaced([Path(path) for path in walk(given.photos)], given.most)
    precision = Precision.BF16 if given.bf16 else Precision.F32
    record = Record(machine.describe(), _PLACES, _REACH, [])
    for model in given.models:
        with figleaf.load(model, threads=1, precision=precision) as classifier:
            pairs = list(_pairs(classifier, photos))
        record.agreement.append(_agreement(model, UNSAFE, [pair[0] for pair in pairs]))
        record.agreement.append(_agreement(model, TOP, [pair[1] for pair in pairs]))
        report.write_json("explain", record)  # what there is, should it be ended
        print(*record.agreement[-2:], sep="\n", flush=True)
    if given.update_docs:
        report.update_readme("explain", _table(record.agreement), DOCS)


def _classifiers() -> list[str]:
    return [name for name in embedded() if read_card(ZOO / name / "card.json").labels]


def _pairs(classifier: figleaf.Classifier, photos: Sequence[Path]) -> Iterator[tuple[_Pair, _Pair]]:
    """Of each photo that is one: of the unsafe score, and of the most probable class."""
    places = Explainer(classifier, method="places")
    hiding = Explainer(classifier, method="occlusion", occlusion=Occlusion(_PLACES, _REACH))
    for photo in photos:
        said = classifier.classify(photo)
        if not said.ok:
            continue
        found = []
        for label in (None, said.label):
            times = [time.perf_counter()]
            one = places.explain(photo, label=label, prediction=said)
            times.append(time.perf_counter())
            other = hiding.explain(photo, label=label, prediction=said)
            times.append(time.perf_counter())
            (drops,) = other.heats
            seconds = times[1] - times[0], times[2] - times[1]
            found.append(_Pair(_at(one, drops).ravel(), drops.values.ravel(), seconds))
        yield found[0], found[1]


def _at(one: Explanation, other: Heat) -> NDArray[np.float32]:
    """A map at the middles of the places of another."""
    (heat,) = one.heats
    rows, columns = other.values.shape
    # The part of the picture that the other covers, drawn with a pixel for each of its places.
    box = other.box
    left, top = heat.box.left - box.left, heat.box.top - box.top
    moved = type(box)(left, top, left + heat.box.width, top + heat.box.height)
    within = type(box)(0, 0, box.width, box.height)
    size = round(box.height), round(box.width)
    return Heat(heat.values, moved, within).over(size, (rows, columns))


def _agreement(model: str, explained: str, all_pairs: Sequence[_Pair]) -> Agreement:
    pairs = [pair for pair in all_pairs if np.abs(pair.drops).max() > _FLAT]
    found = [_correlation(pair.map, pair.drops) for pair in pairs]
    others = [pairs[n - 1].drops for n in range(len(pairs))]
    return Agreement(
        model=model,
        explained=explained,
        count=len(pairs),
        correlation=mean(found),
        above_zero=mean(one > 0 for one in found),
        of_another=mean(_correlation(p.map, o) for p, o in zip(pairs, others, strict=True)),
        in_top=mean(
            bool(pair.drops[pair.map.argmax()] >= np.quantile(pair.drops, 0.8)) for pair in pairs
        ),
        seconds_places=mean(pair.seconds[0] for pair in all_pairs),
        seconds_occlusion=mean(pair.seconds[1] for pair in all_pairs),
    )


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)


def _table(found: Sequence[Agreement]) -> str:
    head = ["model", "explained", "photos", "rank correlation", "above 0", "with another photo's"]
    head.append("top place in the top fifth")
    rows = [
        [
            f"`{one.model}`",
            one.explained,
            str(one.count),
            f"{one.correlation:.2f}",
            f"{one.above_zero:.0%}",
            f"{one.of_another:.2f}",
            f"{one.in_top:.0%}",
        ]
        for one in found
    ]
    return report.table(head, rows)


if __name__ == "__main__":
    main()
