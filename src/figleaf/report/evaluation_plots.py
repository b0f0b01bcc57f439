"""Plots of an evaluation as PNG: confusion matrices, calibration, ROC, precision against recall.

Colours are told apart by colour-blind readers too: one hue from light to dark for the matrices,
Okabe and Ito's palette with lines of several kinds for the curves. Beneath each plot stands where
its figures come from.
"""

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from figleaf.evaluation.evaluate import Evaluation, Origin
from figleaf.metrics import counts
from figleaf.metrics.curves import Sweep
from figleaf.report import fonts
from figleaf.report.evaluation_tables import matrix_of, score, share
from figleaf.report.plots import as_it_comes
from figleaf.report.tables import number
from figleaf.report.texts import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150
_SMALL, _PLAIN, _LARGE = 7.0, 9.0, 11.0  # points
_PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito, "Color Universal Design", 2008, but for yellow, which white swallows."""
_STYLES = ("-", "--", "-.", ":")
_GREY = "#767676"
_MOST = 14  # curves with a colour and a name of their own: those of the largest classes
_NUMBERED = 60  # classes whose cells have numbers: of more these are too small, and take minutes
_CELL = 0.72  # inches
_LARGEST = 24.0  # inches
_NAME_ROOM = 110.0  # points that a class's name may take
_WIDTH = 5.0  # inches of the curves
_LEGEND = 2.4  # inches beside them
_DIGITS = 12
_POINTS = 2_000  # of a line: more than it has pixels


def confusion_matrix(one: Evaluation, words: Words, *, normalised: bool) -> bytes:
    """The confusion matrix as PNG.

    Args:
        one: the evaluation; safe and unsafe where it has no view of the classes.
        words: the language.
        normalised: shares of the true class, and not counts.

    Raises:
        MissingExtraError: matplotlib is not installed. So do all functions here.
    """
    view = matrix_of(one, words)
    found = np.array(view.counts)
    shares = counts.normalised(found)
    cells = [
        [share(cell) if normalised else number(int(n)) for cell, n in zip(*rows, strict=True)]
        for rows in zip(shares.tolist(), found.tolist(), strict=True)
    ]
    title = words("matrix_shares_title" if normalised else "matrix_title")
    side = min(_CELL * max(len(cells), 3), _LARGEST)

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        # Shaded by shares in both: a large class would leave the others without any colour.
        axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1, aspect="equal")
        size = _fitting(cells, side * 72 / len(cells))
        for row, column in np.ndindex(found.shape) if len(cells) <= _NUMBERED else ():
            dark = shares[row, column] > 0.55
            axes.text(
                column,
                row,
                cells[row][column],
                ha="center",
                va="center",
                fontsize=size,
                color="white" if dark else "black",
            )
        places = range(len(cells))
        axes.set_xticks(
            places,
            [_name(name) for name in view.predicted],
            rotation=40,
            ha="right",
            rotation_mode="anchor",
        )
        axes.set_yticks(places, [_name(name) for name in view.true])
        axes.set_xticks(np.arange(len(cells) + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(cells) + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5)
        axes.tick_params(which="both", length=0)
        _dress(axes, words("predicted_axis"), words("truly"))

    return _png(draw, title, one.origin, (side + 2.6, side + 2.2))


def calibration(one: Evaluation, words: Words) -> bytes:
    """Confidence against accuracy in 15 bins, and how many images each has, as PNG."""
    if one.classes is not None:
        found, confidence, accuracy = one.classes.reliability, "confidence", "accuracy"
    elif one.safety is not None:
        found, confidence, accuracy = one.safety.reliability, "unsafe_score", "unsafe_share"
    width = float(found.edges[1])
    middles = (found.edges[:-1] + found.edges[1:]) / 2
    full = found.counts > 0

    def draw(figure: "Figure") -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1, label=words("ideal"))
        upper.bar(middles[full], found.accuracy[full], width=0.92 * width, color=_PALETTE[5])
        upper.plot(
            found.confidence[full],
            found.accuracy[full],
            color=_PALETTE[0],
            marker="o",
            markersize=4,
            linewidth=1.2,
        )
        upper.set_ylim(0, 1.02)
        upper.set_xlim(0, 1)
        upper.legend(loc="upper left", frameon=False)
        _dress(upper, "", words(accuracy))
        lower.bar(middles, found.counts / found.counts.sum(), width=0.92 * width, color=_GREY)
        _dress(lower, words(confidence), words("images_axis"))

    error = f"{words('calibration_error')}: {score(found.error)}"
    return _png(draw, f"{words('calibration_title')}, {error}", one.origin, (_WIDTH, 5.6))


def roc(one: Evaluation, words: Words) -> bytes:
    """The ROC of each class against the others, or of unsafe, as PNG."""
    curves = []
    for name, swept in _sweeps(one, words):
        curve = swept.roc()
        curves.append(_Curve(name, curve.fpr, curve.tpr, swept.auc(), swept.positives))

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=0.8)
        _draw_curves(axes, curves, words("auc"), words)
        _dress(axes, words("fpr_axis"), words("tpr_axis"))

    return _png(draw, words("roc_title"), one.origin, (_WIDTH + _LEGEND, _WIDTH))


def precision_recall(one: Evaluation, words: Words) -> bytes:
    """Precision against recall of each class, or of unsafe, as PNG."""
    curves = []
    for name, swept in _sweeps(one, words):
        curve, area = swept.precision_recall(), swept.average_precision()
        curves.append(_Curve(name, curve.recall, curve.precision, area, swept.positives))

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        _draw_curves(axes, curves, words("average_precision"), words)
        _dress(axes, words("recall"), words("precision"))

    return _png(draw, words("pr_title"), one.origin, (_WIDTH + _LEGEND, _WIDTH))


PLOTS: Mapping[str, Callable[[Evaluation, Words], bytes]] = {
    "confusion_matrix": lambda one, words: confusion_matrix(one, words, normalised=False),
    "confusion_matrix_normalised": lambda one, words: confusion_matrix(one, words, normalised=True),
    "calibration": calibration,
    "roc": roc,
    "precision_recall": precision_recall,
}
"""File name without its ending -> what draws it."""


@dataclass(frozen=True, slots=True)
class _Curve:
    """A curve, the area under it (nan where there is none), and how many images it is of."""

    name: str
    across: NDArray[np.float64]
    up: NDArray[np.float64]
    area: float
    images: int


def _sweeps(one: Evaluation, words: Words) -> Iterator[tuple[str, Sweep]]:
    if one.classes is not None:
        yield from zip(one.classes.classes, one.classes.sweeps, strict=True)
    elif one.safety is not None:
        yield words("unsafe"), one.safety.sweep


def _draw_curves(axes: "Axes", curves: Sequence[_Curve], area: str, words: Words) -> None:
    """The curves that there are; of many classes the largest ones with a name."""
    there = [curve for curve in curves if not math.isnan(curve.area)]
    named = sorted(there, key=lambda curve: -curve.images)[:_MOST]
    for curve in there:
        if curve not in named:
            axes.plot(*_thinned(curve), color=_GREY, linewidth=0.6, alpha=0.6)
    shown = [curve for curve in there if any(curve is one for one in named)]
    for place, curve in enumerate(shown):
        axes.plot(
            *_thinned(curve),
            color=_PALETTE[place % len(_PALETTE)],
            linestyle=_STYLES[place // len(_PALETTE) % len(_STYLES)],
            linewidth=1.6,
            label=f"{_name(curve.name)} {score(curve.area)}",
        )
    if rest := len(there) - len(shown):
        axes.plot([], [], color=_GREY, label=words("more_classes", count=number(rest)))
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), aspect="equal")
    axes.grid(color="#dddddd", linewidth=0.6)
    if shown:
        # Beside the curves, of which there is no telling where they leave room.
        axes.legend(title=area, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    else:
        behind = {"facecolor": "white", "edgecolor": "none"}
        axes.text(0.5, 0.5, words("no_curve"), ha="center", va="center", color=_GREY, bbox=behind)


def _thinned(curve: _Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    chosen = np.unique(np.linspace(0, len(curve.up) - 1, _POINTS).round().astype(int))
    return curve.across[chosen], curve.up[chosen]


def _dress(axes: "Axes", across: str, up: str) -> None:
    """What is on the axes, and no more lines than are needed."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel(across)
    axes.set_ylabel(up)


def _name(label: str) -> str:
    return fonts.drawable(fonts.fitted(label, _PLAIN, _NAME_ROOM))


def _fitting(cells: Sequence[Sequence[str]], room: float) -> float:
    """The size, in points, at which the widest of some texts fits into a cell."""
    widest = max(fonts.width(cell, _PLAIN) for row in cells for cell in row)
    return min(_PLAIN, 0.9 * room / widest * _PLAIN)


def _png(
    draw: Callable[["Figure"], None], title: str, origin: Origin, size: tuple[float, float]
) -> bytes:
    """Draw a figure, with a line beneath it on where it comes from."""
    with as_it_comes("evaluation"):
        import matplotlib as mpl
        from matplotlib.figure import Figure

        # Words may hold "$", which is no mathematics, and any script.
        mpl.rcParams["text.parse_math"] = False
        mpl.rcParams["font.family"] = list(fonts.families())
        mpl.rcParams["font.size"] = _PLAIN
        figure = Figure(figsize=size, layout="constrained", dpi=_DPI, facecolor="white")
        draw(figure)
        # Over the whole figure: a small matrix is narrower than its title.
        figure.suptitle(title, fontsize=_LARGE, x=0.01, ha="left")
        room = size[0] * 72 - 12
        lines = [fonts.drawable(fonts.fitted(line, _SMALL, room)) for line in _footer(origin)]
        figure.supxlabel("\n".join(lines), fontsize=_SMALL, color=_GREY, x=0.01, ha="left")
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": f"figleaf {origin.version}"})
        return file.getvalue()


def _footer(origin: Origin) -> tuple[str, str]:
    used = origin.model
    seed = "" if origin.split_seed is None else f", split seed {origin.split_seed}"
    scaled = ", scaled" if used.scaled else ""
    return (
        f"{used.tag} {used.sha256[:_DIGITS]}, {used.precision}{scaled}, {used.policy},"
        f" figleaf {origin.version}",
        f"{origin.data_sha256[:_DIGITS]}{seed}: {origin.data}",
    )
