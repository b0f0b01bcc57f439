"""The statistics of a data set as plots, each beside the table that has its figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from figleaf.curate.measures import Bin
from figleaf.curate.stats import DatasetStats
from figleaf.report import dataset_tables as tables
from figleaf.report.plots import COLOURS, Series, bars
from figleaf.report.tables import number
from figleaf.report.texts import Words

_BARS = 15  # of a plot at most
_REST = COLOURS - 1  # the colour of all that has none of its own
_PLAIN = COLOURS - 2  # where there is nothing to tell apart


@dataclass(frozen=True, slots=True)
class Legend:
    """What a colour stands for."""

    name: str
    colour: int


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, and what its colours stand for."""

    title: str
    svg: str
    legend: tuple[Legend, ...] = ()


def classes(found: DatasetStats, words: Words) -> Plot | None:
    """Images in use by class, by part of the split where there is one."""
    if not found.images:
        return None
    ranked = sorted(found.measures.classes, key=lambda one: -one.images)[:_BARS]
    names = [tables.class_name(one.label, words) for one in ranked]
    parts = found.parts[:_REST]
    series = [
        Series(tuple(one.parts.get(part, 0) for one in ranked), colour)
        for colour, part in enumerate(parts)
    ]
    legend = [Legend(tables.part_name(part, words), n) for n, part in enumerate(parts)]
    rest = tuple(one.images - sum(one.parts.get(part, 0) for part in parts) for one in ranked)
    if any(rest):
        series.append(Series(rest, _REST if parts else _PLAIN))
        legend.append(Legend(words("unsplit"), _REST))
    svg = bars(names, series, key="classes")
    return Plot(words("classes_title"), svg, tuple(legend) if parts else ())


def losses(found: DatasetStats, words: Words) -> Plot:
    """The most frequent causes."""
    ranked = found.status.total.losses.most_common(_BARS)
    values = Series(tuple(count for _, count in ranked), _PLAIN)
    svg = bars([str(reason) for reason, _ in ranked], [values], key="losses")
    return Plot(words("losses_title"), svg)


def sides(found: DatasetStats, words: Words) -> Plot:
    """Images in use by their shorter side and class."""
    bins = found.measures.sides
    names = [tables.side_name(one) for one in bins]
    return Plot(words("sides_title"), *_by_class(found, bins, names, "sides", words))


def shapes(found: DatasetStats, words: Words) -> Plot:
    """Images in use by width to height and class."""
    bins = found.measures.shapes
    names = [tables.shape_name(one) for one in bins]
    return Plot(words("shapes_title"), *_by_class(found, bins, names, "shapes", words))


def sizes(found: DatasetStats, words: Words) -> Plot:
    """Images in use by the size of their files and class."""
    bins = found.measures.sizes
    names = [tables.size_name(one) for one in bins]
    return Plot(words("sizes_title"), *_by_class(found, bins, names, "sizes", words))


def distances(found: DatasetStats, words: Words) -> Plot:
    """Near duplicates by their distance to the best file."""
    counts = tables.count_distances(found)
    values = Series(tuple(counts.values()), _PLAIN)
    names = [tables.distance_name(low, words) for low in counts]
    return Plot(words("distances_title"), bars(names, [values], key="distances"))


def _by_class(
    found: DatasetStats, bins: Sequence[Bin], names: Sequence[str], key: str, words: Words
) -> tuple[str, tuple[Legend, ...]]:
    """Ranges, stacked by class; where there are many classes, the smaller ones together."""
    every = found.measures.classes
    ranked = sorted(every, key=lambda one: -one.images)
    own = {one.label for one in ranked[: _REST if len(every) > COLOURS else COLOURS]}
    # In the order of the tables, so that a class has the same colour on all plots.
    labels = [one.label for one in every if one.label in own]
    series = [
        Series(tuple(one.counts.get(label, 0) for one in bins), colour)
        for colour, label in enumerate(labels)
    ]
    legend = [Legend(tables.class_name(label, words), n) for n, label in enumerate(labels)]
    if rest := len(every) - len(labels):
        shown = [sum(one.counts.get(label, 0) for label in labels) for one in bins]
        others = (one.images - count for one, count in zip(bins, shown, strict=True))
        series.append(Series(tuple(others), _REST))
        legend.append(Legend(words("more_classes", count=number(rest)), _REST))
    return bars(names, series, key=key), tuple(legend)


PLOTS: Mapping[tables.Maker, Callable[[DatasetStats, Words], Plot | None]] = {
    tables.classes: classes,
    tables.losses: losses,
    tables.sides: sides,
    tables.shapes: shapes,
    tables.percentiles: sizes,
    tables.distances: distances,
}
"""The plot beside a table; for tables that have rows."""
