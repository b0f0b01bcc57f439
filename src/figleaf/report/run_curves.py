"""Curves of an evaluation as SVG that a page takes in: its own fonts, its own colours.

As `plots` has it, with classes for colours and no style; drawn without matplotlib, since a curve in
a square needs no layout. What is drawn stands in a table beside it, too.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from figleaf.evaluation.evaluate import Evaluation
from figleaf.metrics.calibration import Reliability
from figleaf.metrics.curves import Sweep
from figleaf.report.dataset_plots import Legend, Plot
from figleaf.report.evaluation_tables import score
from figleaf.report.plots import COLOURS
from figleaf.report.tables import number, printable
from figleaf.report.texts import Words

_SIDE, _LEFT, _BELOW, _ROOM = 320.0, 46.0, 40.0, 12.0
_NAMED = COLOURS - 1
_POINTS = 160  # of a curve
_FEW = 10  # images of a bin, below which its height is hardly more than chance
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 2", "1 2", "12 4")
_REST = COLOURS - 1

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Curve:
    """A curve, where it goes, and the area under it; nan where there is none."""

    name: str
    across: Floats
    up: Floats
    area: float


def roc(one: Evaluation, words: Words) -> Plot:
    """The ROC of each class against the others, or of unsafe."""
    curves = []
    for name, swept in _sweeps(one, words):
        found = swept.roc()
        curves.append(_Curve(name, found.fpr, found.tpr, swept.auc()))
    axes = words("fpr_axis"), words("tpr_axis")
    return _plot(words("roc_title"), curves, axes, words, diagonal=True)


def precision_recall(one: Evaluation, words: Words) -> Plot:
    """Precision against recall of each class, or of unsafe."""
    curves = []
    for name, swept in _sweeps(one, words):
        found = swept.precision_recall()
        curves.append(_Curve(name, found.recall, found.precision, swept.average_precision()))
    axes = words("recall"), words("precision")
    return _plot(words("pr_title"), curves, axes, words, diagonal=False)


def calibration(one: Evaluation, words: Words) -> Plot:
    """Confidence against accuracy; bins of few images are pale, and no line goes through them."""
    found, across, up = reliability_of(one, words)
    parts = [_line((0, 1), (0, 1), "s-c7", "4 3", 1.2)]
    width = float(found.edges[1])
    for low, count, right in zip(found.edges[:-1], found.counts, found.accuracy, strict=True):
        if count and right > 0:
            x, y = _x(low + 0.06 * width), _y(right)
            wide, tall = 0.88 * width * _SIDE, float(right) * _SIDE
            paler = 0.2 if count < _FEW else 0.55
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
                f' class="f-c5" opacity="{paler}"/>'
            )
    full = found.counts >= _FEW
    confidence, accuracy = found.confidence[full], found.accuracy[full]
    parts.append(_line(confidence, accuracy, "s-c0", "", 1.8))
    parts += [
        f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="3" class="f-c0"/>'
        for x, y in zip(confidence, accuracy, strict=True)
    ]
    legend = (
        Legend(words("ideal"), _REST),
        Legend(words("run_measured", least=str(_FEW)), 0),
        Legend(words("run_bins"), 5),
    )
    return Plot(words("calibration_title"), _framed(parts, across, up), legend)


def reliability_of(one: Evaluation, words: Words) -> tuple[Reliability, str, str]:
    """The calibration of the classes, else of the unsafe score, and what its axes are."""
    if one.classes is not None:
        return one.classes.reliability, words("confidence"), words("accuracy")
    assert one.safety is not None  # an evaluation has one of the two
    return one.safety.reliability, words("unsafe_score"), words("unsafe_share")


def _sweeps(one: Evaluation, words: Words) -> Iterator[tuple[str, Sweep]]:
    if one.safety is not None:
        yield words("unsafe"), one.safety.sweep
    if one.classes is not None:
        yield from zip(one.classes.classes, one.classes.sweeps, strict=True)


def _plot(
    title: str, curves: Sequence[_Curve], axes: tuple[str, str], words: Words, *, diagonal: bool
) -> Plot:
    """Curves that there are; of many those that do worst have a colour, which need a look."""
    there = [curve for curve in curves if not math.isnan(curve.area)]
    worst = sorted(there, key=lambda curve: curve.area)[:_NAMED]
    shown = [curve for curve in there if any(curve is one for one in worst)]
    parts = [_line((0, 1), (0, 1), "s-c7", "4 3", 1.0)] if diagonal else []
    others = [curve for curve in there if not any(curve is one for one in worst)]
    parts += [_drawn(curve, _REST, "", 0.8) for curve in others]
    parts += [_drawn(one, at, _DASHES[at], 1.8) for at, one in enumerate(shown)]
    legend = [Legend(f"{one.name} {score(one.area)}", at) for at, one in enumerate(shown)]
    if others:
        legend.append(Legend(words("more_classes", count=number(len(others))), _REST))
    if not there:
        parts.append(_text(_x(0.5), _y(0.5), words("no_curve"), "middle"))
    return Plot(title, _framed(parts, *axes), tuple(legend))


def _drawn(curve: _Curve, colour: int, dashes: str, width: float) -> str:
    across, up = _thinned(curve.across, curve.up)
    return _line(across, up, f"s-c{colour}", dashes, width)


def _thinned(across: Floats, up: Floats) -> tuple[Floats, Floats]:
    """As many points as can be seen, evenly along the curve and not along the thresholds, which
    crowd at its ends."""
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(across)) + np.abs(np.diff(up)))])
    if len(length) <= _POINTS or not length[-1] > 0:
        return across, up
    aims = np.linspace(0, length[-1], _POINTS)
    chosen = np.unique(np.append(np.searchsorted(length, aims).clip(0, len(length) - 1), [0]))
    return across[chosen], up[chosen]


def _x(share: float) -> float:
    return _LEFT + float(share) * _SIDE


def _y(share: float) -> float:
    return _ROOM + (1 - float(share)) * _SIDE


def _line(
    across: Iterable[float], up: Iterable[float], colour: str, dashes: str, width: float
) -> str:
    points = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in zip(across, up, strict=True))
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<polyline points="{points}" fill="none" class="{colour}" stroke-width="{width:g}"'
        f' stroke-linejoin="round"{dashed}/>'
    )


def _text(x: float, y: float, text: str, anchor: str, extra: str = "") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12"'
        f' class="f-ink"{extra}>{escape(printable(text))}</text>'
    )


def _framed(parts: Iterable[str], across: str, up: str) -> str:
    """Curves in a square with lines to read them by, and what is on its axes."""
    ticks = [n / 5 for n in range(6)]
    lines = [_line((0, 1), (tick, tick), "s-grid", "", 0.8) for tick in ticks]
    lines += [_line((tick, tick), (0, 1), "s-grid", "", 0.8) for tick in ticks]
    names = [_text(_x(tick), _y(0) + 16, f"{tick:g}", "middle") for tick in ticks]
    names += [_text(_x(0) - 7, _y(tick) + 4, f"{tick:g}", "end") for tick in ticks]
    names.append(_text(_x(0.5), _y(0) + 33, across, "middle"))
    turned = f' transform="rotate(-90 12 {_y(0.5):.1f})"'
    names.append(_text(12, _y(0.5), up, "middle", turned))
    wide, tall = _LEFT + _SIDE + _ROOM, _ROOM + _SIDE + _BELOW
    return (
        f'<svg viewBox="0 0 {wide:g} {tall:g}" class="plot" aria-hidden="true">'
        f"{''.join((*lines, *parts, *names))}</svg>"
    )
