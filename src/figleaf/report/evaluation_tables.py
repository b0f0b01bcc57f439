"""Evaluations as tables: models side by side, and each one's classes, thresholds and slices."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf.evaluation.candidates import distinct_names
from figleaf.evaluation.evaluate import Evaluation
from figleaf.evaluation.figures import Figure
from figleaf.evaluation.operating import SAFE, UNSAFE, Aim, Point
from figleaf.evaluation.slices import Kind, Slice
from figleaf.metrics import counts
from figleaf.metrics.thresholds import IMAGES
from figleaf.report.tables import Table, number
from figleaf.report.texts import Words

_DIGITS = 12  # of a hash: enough to tell which it is
_NONE = "-"
_DECISIONS = ("allow", "review", "block")
_AIMS = {
    Aim.THRESHOLD: "aim_threshold",
    Aim.REVIEW: "aim_review",
    Aim.BLOCK: "aim_block",
    Aim.FALSE_POSITIVE_RATE: "aim_false_positive_rate",
    Aim.RECALL: "aim_recall",
}
_KINDS = {
    Kind.SOURCE: "slice_source",
    Kind.SIZE: "slice_size",
    Kind.FORMAT: "slice_format",
    Kind.PART: "slice_part",
}
_CHANGES = {
    *("jpeg_90", "jpeg_50", "jpeg_20", "half", "quarter", "double", "grey", "blur", "mirror"),
    *("white_border_10", "black_border_10", "white_border_25", "black_border_25"),
}
Maker = Callable[[Evaluation, Words], Table]


def names(found: Sequence[Evaluation]) -> list[str]:
    """What to call the models: their tags; of those that share one, with digits of their hashes."""
    return distinct_names([(one.origin.model.tag, one.origin.model.sha256) for one in found])


def summary(found: Sequence[Evaluation], words: Words) -> Table:
    """The figures of all models side by side; a row that has no value for any is left out."""
    columns = [dict(_summarised(one, words)) for one in found]
    rows = [
        (name, *(column.get(name, _NONE) for column in columns))
        for name in dict.fromkeys(name for column in columns for name in column)
    ]
    shown = tuple(row for row in rows if set(row[1:]) != {_NONE})
    bootstrap = found[0].origin.bootstrap
    note = words(
        "intervals_note",
        level=f"{bootstrap['level']:.0%}",
        repeats=number(int(bootstrap["repeats"])),
    )
    head = (words("figure"), *(f">{name}" for name in names(found)))
    return Table(words("summary_title"), head, shown, note)


def _summarised(one: Evaluation, words: Words) -> Iterator[tuple[str, str]]:
    yield words("evaluated"), number(one.images - sum(one.failures.values()))
    if classes := one.classes:
        yield words("accuracy"), share_of(classes.accuracy)
        yield from ((words("top_k", k=str(k)), share(v)) for k, v in classes.top_k.items())
        yield words("macro_precision"), share(classes.macro_precision)
        yield words("macro_recall"), share(classes.macro_recall)
        yield words("macro_f1"), share_of(classes.macro_f1)
        yield words("macro_auc"), score_of(classes.macro_auc)
        yield words("log_loss"), score(classes.log_loss)
        yield words("calibration_error"), score(classes.calibration_error)
    if safety := one.safety:
        given = safety.points[0]
        threshold = f"{safety.threshold:g}"
        yield words("unsafe_recall", threshold=threshold), share_of(given.recall)
        yield words("unsafe_fpr", threshold=threshold), share_of(given.false_positive_rate)
        yield words("unsafe_auc"), score_of(safety.auc)
        yield words("unsafe_average_precision"), score(safety.average_precision)


def origins(found: Sequence[Evaluation], words: Words) -> Table:
    """Where the figures come from: model, weights, precision, policy, data, split, version."""
    rows = []
    for name, one in zip(names(found), found, strict=True):
        origin = one.origin
        scaled = ", scaled" if origin.model.scaled else ""
        seed = _NONE if origin.split_seed is None else str(origin.split_seed)
        rows.append(
            (
                name,
                origin.model.sha256[:_DIGITS],
                f"{origin.model.precision}{scaled}",
                origin.model.policy,
                origin.data_sha256[:_DIGITS],
                seed,
                origin.version,
                origin.data,
            )
        )
    keys = ("model", "weights", "precision_of", "policy", "data_hash", "split_seed", "version")
    head = (*(words(key) for key in keys), words("data"))
    return Table(words("origins_title"), head, tuple(rows))


def by_class(one: Evaluation, words: Words) -> Table:
    """Each class against the others."""
    figures = one.classes.figures if one.classes else ()
    rows = [
        (
            found.label,
            number(found.support),
            share_of(found.precision),
            share_of(found.recall),
            share(found.f1),
            score(found.average_precision),
            score_of(found.auc),
        )
        for found in figures
    ]
    keys = ("support", "precision", "recall", "f1", "average_precision", "auc")
    head = (words("label"), *(f">{words(key)}" for key in keys))
    return Table(words("by_class_title"), head, tuple(rows))


def matrix(one: Evaluation, words: Words) -> Table:
    """The confusion matrix in counts; of safe and unsafe where there is no other."""
    view = matrix_of(one, words)
    return view.table(words("matrix_title"), [[number(n) for n in row] for row in view.counts])


def matrix_shares(one: Evaluation, words: Words) -> Table:
    """The confusion matrix in shares of each true class."""
    view = matrix_of(one, words)
    shares = counts.normalised(np.array(view.counts)).tolist()
    return view.table(words("matrix_shares_title"), [[share(cell) for cell in r] for r in shares])


@dataclass(frozen=True, slots=True)
class MatrixView:
    """A confusion matrix with the names of its rows, the true classes, and of its columns."""

    true: tuple[str, ...]
    predicted: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    corner: str

    def table(self, title: str, cells: Sequence[Sequence[str]]) -> Table:
        """A table of cells in the matrix's place."""
        rows = tuple((name, *row) for name, row in zip(self.true, cells, strict=True))
        return Table(title, (self.corner, *(f">{name}" for name in self.predicted)), rows)


def matrix_of(one: Evaluation, words: Words) -> MatrixView:
    """The confusion matrix of the model's own classes, else of safe and unsafe."""
    if one.classes is not None:
        labels = one.classes.classes
        return MatrixView(labels, labels, _rows(one.classes.matrix), words("truly"))
    true, predicted = (
        (words("safe"), words("unsafe")),
        (words("called_safe"), words("called_unsafe")),
    )
    # There is one of the two views at least.
    found = one.safety.matrix if one.safety else np.zeros((2, 2), np.int64)
    return MatrixView(true, predicted, _rows(found), words("truly"))


def _rows(found: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in found.tolist())


def thresholds(one: Evaluation, words: Words) -> Table:
    """Thresholds on the unsafe score, and what they do."""
    points = one.safety.points if one.safety else ()
    # Without unsafe images no threshold is there for a recall, without safe ones none for alarms.
    rows = tuple(_point(point, words) for point in points if not math.isnan(point.threshold.value))
    head = (
        words("aim"),
        f">{words('threshold')}",
        f">{words('recall')}",
        f">{words('false_alarms')}",
        f">{words('precision')}",
        f">{words('expected_caught')}",
        f">{words('expected_missed')}",
        f">{words('expected_alarms')}",
    )
    unsafe = count(IMAGES * one.safety.base_rate) if one.safety else ""
    note = words("thresholds_note", unsafe=unsafe)
    return Table(words("thresholds_title"), head, rows, note)


def _point(point: Point, words: Words) -> tuple[str, ...]:
    aim = words(_AIMS[point.aim], target=f"{point.target or 0:.4g}")
    threshold = point.threshold.value
    shown = words("flags_nothing") if math.isinf(threshold) else score(threshold)
    found = point.expected
    return (
        aim,
        shown,
        share_of(point.recall),
        share_of(point.false_positive_rate),
        share(found.precision),
        count(found.caught),
        count(found.missed),
        count(found.false_alarms),
    )


def decisions(one: Evaluation, words: Words) -> Table:
    """What the whole policy decides of safe and of unsafe images."""
    found = one.safety.decisions if one.safety else {}
    rows = tuple(
        (
            words({SAFE: "safe", UNSAFE: "unsafe"}[kind]),
            *(number(found[kind].get(name, 0)) for name in _DECISIONS),
        )
        for kind in (SAFE, UNSAFE)
        if found.get(kind)
    )
    head = (
        words("decided", policy=one.origin.model.policy),
        *(f">{words(name)}" for name in _DECISIONS),
    )
    return Table(words("decisions_title"), head, rows)


def slices(one: Evaluation, words: Words) -> Table:
    """How right the model is on parts of the data; those that are too small are said to be so."""
    head = [words("slice_of"), words("slice_name"), f">{words('support')}"]
    if one.classes:
        head.append(f">{words('accuracy')}")
    if one.safety:
        head.append(f">{words('safety_accuracy')}")
    head.append(words("slice_note"))
    rows = tuple(_slice(found, one, words) for found in one.slices)
    return Table(words("slices_title"), tuple(head), rows)


def _slice(found: Slice, one: Evaluation, words: Words) -> tuple[str, ...]:
    cells = [words(_KINDS[found.kind]), found.name or words("slice_other"), number(found.images)]
    if one.classes:
        cells.append(share_of(found.accuracy))
    if one.safety:
        cells.append(share_of(found.safety))
    return (*cells, words("slice_small") if found.is_small else "")


def robustness(one: Evaluation, words: Words) -> Table:
    """What changes of the pictures do to the answers."""
    head = [words("change"), f">{words('support')}"]
    if one.classes:
        head.append(f">{words('change_accuracy')}")
    head.append(f">{words('same_class')}")
    if one.safety:
        head += [f">{words(key)}" for key in ("to_unsafe", "to_safe", "shift")]
    rows = []
    for found in one.robustness:
        name = words(found.change) if found.change in _CHANGES else found.change
        row = [name, number(found.images)]
        if one.classes:
            row.append(f"{share(found.accuracy)} ({share(found.accuracy_before)})")
        row.append(share(found.same_class))
        if one.safety:
            row.append(_of(found.safe_to_unsafe, found.called_safe))
            row.append(_of(found.unsafe_to_safe, found.called_unsafe))
            row.append(score(found.shift))
        rows.append(tuple(row))
    return Table(words("robustness_title"), tuple(head), tuple(rows))


def _of(part: int | None, whole: int | None) -> str:
    return _NONE if part is None or whole is None else f"{number(part)} / {number(whole)}"


def share(value: float) -> str:
    """Of a hundred, with one decimal; a dash for what has no value."""
    return _NONE if math.isnan(value) else f"{100 * value:.1f}%"


def score(value: float) -> str:
    """With three decimals; a dash for what has no value."""
    return _NONE if math.isnan(value) else f"{value:.3f}"


def count(value: float) -> str:
    """Of 10,000 images, to the nearest one, or tenth below ten; a dash for what has no value."""
    if math.isnan(value):
        return _NONE
    return number(round(value)) if value >= 10 or value.is_integer() else f"{value:.1f}"


def share_of(figure: Figure | None) -> str:
    """A share with its interval, where it has one: "90.4% (86.5-93.9)"."""
    if figure is None or math.isnan(figure.value):
        return _NONE
    return share(figure.value) + _between(figure, lambda end: f"{100 * end:.1f}")


def score_of(figure: Figure) -> str:
    """A figure with its interval, where it has one: ".810 (.737-.881)", with the zeros."""
    return score(figure.value) + _between(figure, score)


def _between(figure: Figure, shown: Callable[[float], str]) -> str:
    low, high = figure.interval.low, figure.interval.high
    return "" if math.isnan(low) else f" ({shown(low)}-{shown(high)})"


OF_EACH: tuple[Maker, ...] = (
    by_class,
    matrix,
    matrix_shares,
    thresholds,
    decisions,
    slices,
    robustness,
)
"""The tables of one model, in the order in which they are read."""
