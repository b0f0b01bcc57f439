"""Two models beside each other as tables, and in words."""

from collections.abc import Iterator, Mapping
from math import isnan
from pathlib import Path

from figleaf.evaluation.compare import Comparison, Disagreement, Side
from figleaf.evaluation.versus import CHANCE, Difference, View
from figleaf.report.tables import Table, counted, number, share

_NAMES = {"classes": "by class", "safety": "safe or unsafe"}
_DIGITS = 12  # of a hash: enough to name an image by
SHOWN = 20
"""Disagreements in the table."""


def tables(found: Comparison, *, beside: Path) -> Iterator[Table]:
    """The models, the figures and agreements of each view, and the widest disagreements.

    Args:
        found: the comparison.
        beside: the folder that the names of files below it are relative to.
    """
    yield _models(found)
    for name, view in found.views.items():
        yield _figures(_NAMES[name], view)
    yield _agreements(found.views)
    if found.disagreements:
        yield _disagreements(found, beside)


def _models(found: Comparison) -> Table:
    sides = {"A": found.a, "B": found.b}
    rows = tuple((letter, *_described(side)) for letter, side in sides.items())
    return Table("Models", ("", "model", "precision", ">images/s", "classes"), rows)


def _described(side: Side) -> tuple[str, ...]:
    scaled = ", scaled decoding" if side.used.scaled else ""
    precision = f"{side.used.precision}{scaled}"
    return (
        side.name,
        precision,
        "-" if isnan(side.rate) else f"{side.rate:.1f}",
        ", ".join(side.classes),
    )


def _figures(name: str, view: View) -> Table:
    figures = {
        "accuracy": (view.images, view.accuracy),
        "log-loss": (view.images, view.log_loss),
        "calibration error": (view.images, view.calibration_error),
    }
    if view.auc:
        figures["AUC"] = (view.images, view.auc)
    figures |= {f"recall: {one.label}": (one.images, one.recall) for one in view.recalls}
    rows = tuple(
        (title, number(images), *_compared(figure)) for title, (images, figure) in figures.items()
    )
    return Table(name, (name, ">images", ">A", ">B", ">B - A", ">95% interval"), rows)


def _compared(figure: Difference) -> tuple[str, ...]:
    low, high = figure.interval.low, figure.interval.high
    return (
        _decimal(figure.a),
        _decimal(figure.b),
        _signed(figure.value),
        f"{_signed(low)} to {_signed(high)}" if not isnan(low) else "-",
    )


def _agreements(views: Mapping[str, View]) -> Table:
    """Who is right how often: a column of counts and one of shares for each view."""
    names = {
        "both_right": "both are right",
        "only_a": "only A is right",
        "only_b": "only B is right",
        "both_wrong_alike": "both are wrong, with the same class",
        "both_wrong": "both are wrong, with two classes",
    }
    head = ["images"]
    for name in views:
        head += [f">{_NAMES[name]}", ">"]
    rows = []
    for key, title in names.items():
        row = [title]
        for view in views.values():
            count = getattr(view.agreement, key)
            row += [number(count), share(count, view.images)]
        rows.append(tuple(row))
    return Table("Agreement", tuple(head), tuple(rows))


def _disagreements(found: Comparison, beside: Path) -> Table:
    right = {"a": "A", "b": "B", "neither": "-"}
    rows = tuple(
        (
            f"{one.distance:.3f}",
            one.label,
            f"{one.a} {one.a_probability:.3f}",
            f"{one.b} {one.b_probability:.3f}",
            right[one.right],
            _named(one, beside),
        )
        for one in found.disagreements[:SHOWN]
    )
    return Table(
        "Disagreements", (">distance", "class", "A says", "B says", "right", "image"), rows
    )


def _named(one: Disagreement, beside: Path) -> str:
    """A file by its path; one of a data set, which is called by its hash, by its first digits."""
    path = Path(one.path)
    if path.stem == one.sha256:
        return one.sha256[:_DIGITS]
    return str(path.relative_to(beside) if path.is_relative_to(beside) else path)


def words(found: Comparison) -> Iterator[str]:
    """What the figures come to, a sentence or two each."""
    for name, view in found.views.items():
        yield f"{_NAMES[name]}: {verdict(view)}"
    yield (
        f"a model is called better here where McNemar's test and the interval of groups both say so"
        f" at {CHANCE:.0%}"
    )
    yield _care(found.views)


def verdict(view: View) -> str:
    """Whether one of two models is right more often than chance explains, in words."""
    accuracy, agreement = view.accuracy, view.agreement
    test = f"McNemar p = {view.test.p:.3g}" + (", exact" if view.test.exact else "")
    low, high = accuracy.interval.low, accuracy.interval.high
    between = f"{_signed(low)} to {_signed(high)}; {test}"
    if agreement.only_a == agreement.only_b == 0:
        return f"A and B are right for the same {counted(view.images, 'image', 'images')}"
    better, ahead = ("B", accuracy.value) if accuracy.value > 0 else ("A", -accuracy.value)
    if view.is_more_than_chance:
        other = "A" if better == "B" else "B"
        return (
            f"{better} is right more often than {other}, by {ahead:.3f}: more than chance at"
            f" {CHANCE:.0%} ({between})"
        )
    if not ahead:
        return f"A and B are right equally often ({between}); that is no proof that they are alike"
    return (
        f"{better} is right more often, by {ahead:.3f}: no more than chance may do at"
        f" {CHANCE:.0%} ({between}); that is no proof that they are alike"
    )


def _care(views: Mapping[str, View]) -> str:
    """What many comparisons at once do to a level of five in a hundred."""
    count = sum(view.differences for view in views.values())
    return (
        f"{counted(count, 'difference', 'differences')} with a 95% interval each: between equal"
        f" models about {count * CHANCE:.1f} of them would seem to be one; decide by the figure"
        " that you chose beforehand, and keep images for the end that no comparison has seen"
    )


def _decimal(value: float) -> str:
    return "-" if isnan(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    if isnan(value):
        return "-"
    return "0.000" if abs(value) < 0.0005 else f"{value:+.3f}"
