"""What a border does to the scores of safe pictures, and what looking at crops costs.

    python -m benchmarks.borders --photos DIR --drawings DIR [--most 200] [--update-docs]

Every picture in the folders must be safe: what is found unsafe in them is a false alarm. Nothing is
said of unsafe pictures. Writes `results/borders.json`; with --update-docs also the tables in
docs/classify.md.
"""

import argparse
import io
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import figleaf
from benchmarks import machine, report
from benchmarks.measure import evenly_spaced
from figleaf.classify.crops import TRIM, CropRules
from figleaf.classify.prediction import Prediction, ViewScores
from figleaf.classify.source import walk
from figleaf.errors import ImageError
from figleaf.images import decode
from figleaf.models.bundle import ZOO, embedded
from figleaf.models.card import read_card
from figleaf.models.runtime import Precision

DOCS = Path(__file__).parents[1] / "docs" / "classify.md"
COLOURS = {"white": 255, "black": 0}
SHARES = (0.1, 0.25, 0.5)
"""Of each side of the picture, as much is added before it and after it."""
LOOKS: Mapping[str, tuple[str, ...]] = {
    "whole": ("whole",),
    "and trimmed": ("whole", "trimmed"),
    "and centre": ("whole", "trimmed", "centre"),
    "and corners": (),
}
"""The views that are looked at; none for all of them. --trim is the second, --crops the last."""

_QUALITY = 90

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Bordered:
    """How the scores of photos with a border are from those of the photos without it.

    `mean_difference` and `largest_difference` are of the unsafe score, with the border minus
    without it, in absolute value, both saved as JPEG; the means are over photos. `found` is the
    share of photos whose border was found. `other_label` is the share of photos
    whose most probable class changed. "trimmed" is what is seen within the border by --crops.
    """

    model: str
    colour: str
    share: float
    count: int
    found: float
    mean_difference: float
    largest_difference: float
    other_label: float
    trimmed_mean_difference: float
    trimmed_largest_difference: float
    trimmed_other_label: float


@dataclass(frozen=True, slots=True)
class Looking:
    """What comes of safe pictures by the views that are looked at."""

    model: str
    pictures: str
    looks: str
    count: int
    views: float
    unsafe_over: dict[str, float]
    review: float
    block: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds for one picture, one thread, without and with crops."""

    model: str
    count: int
    views: float
    plain: float
    crops: float


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/borders.json`."""

    machine: machine.Machine
    bordered: list[Bordered]
    looking: list[Looking]
    cost: list[Cost]


def main() -> None:
    """Measure every model, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--photos", type=Path, required=True, help="safe photos")
    parser.add_argument("--drawings", type=Path, required=True, help="safe drawings")
    parser.add_argument("--most", type=int, default=200, help="of each kind, evenly spaced")
    parser.add_argument("--models", nargs="+", default=_classifiers())
    parser.add_argument("--bf16", action="store_true", help="compute in it, which is faster")
    parser.add_argument("--update-docs", action="store_true", help="rewrite docs/classify.md")
    given = parser.parse_args()
    kinds = {
        name: [Path(path) for path in walk(folder)]
        for name, folder in (("photos", given.photos), ("drawings", given.drawings))
    }
    chosen = {name: evenly_spaced(paths, given.most) for name, paths in kinds.items()}
    record = Record(machine.describe(), [], [], [])
    for model in given.models:
        precision = Precision.BF16 if given.bf16 else Precision.F32
        with figleaf.load(model, crops=TRIM, precision=precision) as classifier:
            record.bordered.extend(_bordered(classifier, chosen["photos"]))
        with figleaf.load(model, crops=CropRules(), precision=precision) as classifier:
            for name, paths in chosen.items():
                record.looking.extend(_looking(classifier, name, paths))
        record.cost.append(_cost(model, chosen["photos"][:40], precision))
        report.write_json("borders", record)  # what there is, should it be ended
        print(model, "done", flush=True)
    if given.update_docs:
        report.update_readme("borders", _borders_table(record.bordered), DOCS)
        report.update_readme("crops", _looks_table(record), DOCS)


def _classifiers() -> list[str]:
    return [name for name in embedded() if read_card(ZOO / name / "card.json").labels]


def _bordered(classifier: figleaf.Classifier, paths: Sequence[Path]) -> Iterator[Bordered]:
    plain = [one.views[0] for one in classifier.stream(map(_jpeg, _pixels(paths)))]
    for colour, value in COLOURS.items():
        for share in SHARES:
            framed = (_jpeg(_framed(pixels, value, share)) for pixels in _pixels(paths))
            views = [one.views for one in classifier.stream(framed)]
            # Where no border is found, what --crops sees without it is the whole.
            inner = [next((v for v in vs if v.name == "trimmed"), vs[0]) for vs in views]
            whole = _differences(plain, [vs[0] for vs in views])
            trimmed = _differences(plain, inner)
            found = mean(one.name == "trimmed" for one in inner)
            yield Bordered(
                classifier.model.card.name, colour, share, len(plain), found, *whole, *trimmed
            )


def _differences(
    plain: Sequence[ViewScores], other: Sequence[ViewScores]
) -> tuple[float, float, float]:
    """Of the unsafe score the mean and the largest, and how many have another label."""
    pairs = list(zip(plain, other, strict=True))
    away = [abs((a.unsafe or 0.0) - (b.unsafe or 0.0)) for a, b in pairs]
    labels = [next(iter(a.scores)) != next(iter(b.scores)) for a, b in pairs]
    return mean(away), max(away), mean(labels)


def _framed(pixels: Pixels, value: int, share: float) -> Pixels:
    """A picture with a border of a part of each side's length, before it and after it."""
    height, width = pixels.shape[:2]
    down, along = round(height * share), round(width * share)
    return np.pad(pixels, ((down, down), (along, along), (0, 0)), constant_values=value)


def _jpeg(pixels: Pixels) -> bytes:
    """As pictures with borders come: the border's edge rings, and the border is not quite even."""
    with io.BytesIO() as stream:
        Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY)
        return stream.getvalue()


def _pixels(paths: Sequence[Path]) -> Iterator[Pixels]:
    for path in paths:
        try:
            yield decode(path.read_bytes()).pixels
        except ImageError:
            continue


def _looking(classifier: figleaf.Classifier, name: str, paths: Sequence[Path]) -> Iterator[Looking]:
    found = [one for one in classifier.stream(paths) if one.ok and not one.frames]
    for looks, names in LOOKS.items():
        worst = [_worst(one, names) for one in found]
        unsafe = [one.unsafe or 0.0 for one in worst]
        yield Looking(
            model=classifier.model.card.name,
            pictures=name,
            looks=looks,
            count=len(found),
            views=mean(len(_looked_at(one, names)) for one in found),
            unsafe_over={f"{t:g}": mean(score > t for score in unsafe) for t in (0.5, 0.8)},
            review=mean(one.decision == "review" for one in worst),
            block=mean(one.decision == "block" for one in worst),
        )


def _looked_at(one: Prediction, names: Sequence[str]) -> list[ViewScores]:
    return [view for view in one.views if not names or view.name in names]


def _worst(one: Prediction, names: Sequence[str]) -> ViewScores:
    def harm(view: ViewScores) -> tuple[int, float]:
        return (view.decision.severity if view.decision else -1), view.unsafe or 0.0

    return max(_looked_at(one, names), key=harm)


def _cost(model: str, paths: Sequence[Path], precision: Precision) -> Cost:
    times, views = [], [0.0]
    for crops in (None, CropRules()):
        with figleaf.load(model, threads=1, crops=crops, precision=precision) as classifier:
            start = time.perf_counter()
            found = classifier.classify_many(paths)
            times.append((time.perf_counter() - start) / len(paths))
        views = [len(one.views) for one in found]
    return Cost(model, len(paths), mean(views), *times)


def _borders_table(found: Sequence[Bordered]) -> str:
    head = ["model", "border", "mean", "largest", "other class"]
    head += ["trimmed: mean", "largest", "other class"]
    rows = [
        [
            f"`{one.model}`",
            f"{one.colour}, {one.share:.0%}",
            f"{one.mean_difference:.3f}",
            f"{one.largest_difference:.2f}",
            f"{one.other_label:.0%}",
            f"{one.trimmed_mean_difference:.3f}",
            f"{one.trimmed_largest_difference:.2f}",
            f"{one.trimmed_other_label:.0%}",
        ]
        for one in found
    ]
    return report.table(head, rows)


def _looks_table(record: Record) -> str:
    head = ["model", "pictures", "looked at", "views", "unsafe > .5", "> .8", "review", "block"]
    rows = [
        [
            f"`{one.model}`",
            f"{one.count} {one.pictures}",
            one.looks,
            f"{one.views:.1f}",
            *(f"{share:.1%}" for share in one.unsafe_over.values()),
            f"{one.review:.1%}",
            f"{one.block:.1%}",
        ]
        for one in record.looking
    ]
    times = ", ".join(
        f"`{one.model}` {one.crops / one.plain:.1f} ({one.views:.1f} views)" for one in record.cost
    )
    told = f"Times as long as without, for a photo with all of them, one thread: {times}."
    return f"{report.table(head, rows)}\n\n{told}"


if __name__ == "__main__":
    main()
