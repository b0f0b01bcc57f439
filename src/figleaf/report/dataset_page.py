"""The page of a data set's statistics."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from figleaf.curate.measures import Bin
from figleaf.curate.stats import DatasetStats
from figleaf.dataset.quarantine import OF_SAFETY
from figleaf.dataset.records import State
from figleaf.report import dataset_tables as tables
from figleaf.report.html import link, render
from figleaf.report.plots import COLOURS, Series, bars
from figleaf.report.samples import Sample, SampleGroup, read_samples
from figleaf.report.tables import Table, bytes_, listed, moment, number
from figleaf.report.texts import Words
from figleaf.report.thumbnails import CELLS

_BARS = 15  # of a plot with names at its side


@dataclass(frozen=True, slots=True)
class Legend:
    """What a colour stands for."""

    name: str
    colour: int


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot beside its table."""

    title: str
    svg: str
    legend: tuple[Legend, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A table, and perhaps its plot."""

    table: Table
    plot: Plot | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Some tables under a heading."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """A sample: what it is called, what is left of it, where its file lies."""

    name: str
    facts: str
    mosaic: str
    file: str
    problem: str


@dataclass(frozen=True, slots=True)
class Tiles:
    """Samples of a class or a reason."""

    title: str
    images: str
    tiles: tuple[Tile, ...]


def dataset_page(found: DatasetStats, words: Words, *, beside: Path, samples: int = 6) -> str:
    """The page as HTML.

    Args:
        found: the statistics.
        words: of the page's language.
        beside: the folder that the page will be in: files are named relative to it.
        samples: destroyed thumbnails of each class.

    Raises:
        MissingExtraError: the extra `report` is not installed.
        DatasetError: the data set cannot be read any more.
    """
    groups = read_samples(found.folder, samples)
    return render(
        "dataset.html.j2",
        words,
        title=words("page_title", name=found.name),
        name=found.name,
        made=words("made", version=found.version, time=moment(found.at)),
        ledger=listed(dict(found.ledger)),
        figures=_figures(found, words),
        sections=_sections(found, words),
        groups=[_tiles(group, words, beside) for group in groups],
        cells=str(CELLS),
        hidden=_hidden(found, groups, words),
        never=_never(found, words),
    )


def _figures(found: DatasetStats, words: Words) -> list[tuple[str, str]]:
    """What is read first: figures and their names."""
    items = found.status.total
    aside = sum(one.images for one in found.set_aside)
    doubts = sum(one.images for one in found.doubts)
    lost = sum(items.losses.values())
    figures = {
        "key_images": number(found.images),
        "key_size": bytes_(found.size),
        "key_classes": number(sum(one.label is not None for one in found.measures.classes)),
        "key_named": number(items.items.total()),
        "key_lost": number(lost),
        "key_pending": number(items.items.total() - lost - items.items[State.FETCHED]),
        "key_aside": number(aside),
        "key_doubts": number(doubts),
    }
    always = ("key_images", "key_size", "key_classes", "key_named", "key_lost")
    return [
        (value, words(name)) for name, value in figures.items() if name in always or value != "0"
    ]


def _sections(found: DatasetStats, words: Words) -> list[Section]:
    """The tables with their plots; what has no rows is left out."""
    plots = dict(_plots(found, words)) if found.images or found.status.total.losses else {}
    layout = {
        "classes_title": ("classes",),
        "origin_title": ("lists", "losses", "problems"),
        "measures_title": ("sides", "shapes", "formats", "resolutions", "percentiles"),
        "duplicates_title": ("duplicates", "clusters", "distances"),
        "curation_title": ("set_aside", "doubts", "labellers", "runs"),
    }
    sections = []
    for title, names in layout.items():
        made = [(name, getattr(tables, name)(found, words)) for name in names]
        parts = tuple(Part(table, plots.get(name)) for name, table in made if table.rows)
        if parts:
            sections.append(Section(words(title), parts))
    return sections


def _plots(found: DatasetStats, words: Words) -> Iterator[tuple[str, Plot]]:
    """Plots by the name of the table that they stand beside."""
    measures = found.measures
    if found.images:
        yield "classes", _class_plot(found, words)
        for name, bins, label in (
            ("sides", measures.sides, tables.side_name),
            ("shapes", measures.shapes, tables.shape_name),
            ("percentiles", measures.sizes, tables.size_name),
        ):
            title = words("sizes_title" if name == "percentiles" else f"{name}_title")
            yield name, _binned_plot(title, name, bins, [label(one) for one in bins], found, words)
    if losses := found.status.total.losses.most_common(_BARS):
        values = Series(tuple(count for _, count in losses), COLOURS - 2)
        svg = bars([str(name) for name, _ in losses], [values], key="losses", horizontal=True)
        yield "losses", Plot(words("losses_title"), svg)
    if len(table := tables.distances(found, words).rows):
        values = Series(tuple(float(row[-1].replace(",", "")) for row in table), COLOURS - 2)
        svg = bars([row[0] for row in table], [values], key="distances")
        yield "distances", Plot(words("distances_title"), svg)


def _class_plot(found: DatasetStats, words: Words) -> Plot:
    """Images by class, by part of the split where there is one."""
    ranked = sorted(found.measures.classes, key=lambda one: -one.images)[:_BARS]
    names = [tables.class_name(one.label, words) for one in ranked]
    shown = [*found.parts[: COLOURS - 1]]
    series = [
        Series(tuple(one.parts.get(part, 0) for one in ranked), colour)
        for colour, part in enumerate(shown)
    ]
    rest = tuple(one.images - sum(one.parts.get(part, 0) for part in shown) for one in ranked)
    legend = [Legend(tables.part_name(part, words), place) for place, part in enumerate(shown)]
    if any(rest):
        series.append(Series(rest, COLOURS - 1 if shown else 0))
        legend.append(Legend(words("unsplit"), COLOURS - 1))
    svg = bars(names, series, key="classes", horizontal=True)
    return Plot(words("classes_title"), svg, tuple(legend) if shown else ())


def _binned_plot(
    title: str,
    key: str,
    bins: Sequence[Bin],
    names: Sequence[str],
    found: DatasetStats,
    words: Words,
) -> Plot:
    """Images by range, stacked by class; where there are many the smaller ones together."""
    ranked = sorted(found.measures.classes, key=lambda one: -one.images)
    own = COLOURS - 1 if len(ranked) > COLOURS - 1 else len(ranked)
    # The order of the tables, and each class the same colour on all plots.
    shown = [one for one in found.measures.classes if one in ranked[:own]]
    series = [
        Series(tuple(one.counts.get(shown_.label, 0) for one in bins), colour)
        for colour, shown_ in enumerate(shown)
    ]
    legend = [Legend(tables.class_name(one.label, words), n) for n, one in enumerate(shown)]
    if len(ranked) > own:
        labels = {one.label for one in shown}
        rest = tuple(
            sum(count for label, count in one.counts.items() if label not in labels) for one in bins
        )
        series.append(Series(rest, COLOURS - 1))
        legend.append(Legend(words("more_classes", count=number(len(ranked) - own)), COLOURS - 1))
    return Plot(title, bars(names, series, key=key), tuple(legend))


def _tiles(group: SampleGroup, words: Words, beside: Path) -> Tiles:
    name = group.reason or tables.class_name(group.label, words)
    title = words("samples_aside" if group.reason else "samples_in_use", name=name)
    tiles = tuple(_tile(sample, words, beside) for sample in group.samples)
    return Tiles(title, f"{number(len(tiles))} / {number(group.images)}", tiles)


def _tile(sample: Sample, words: Words, beside: Path) -> Tile:
    made = sample.thumbnail
    facts = f"{sample.width} x {sample.height} {sample.format}"
    problem = "" if made.png else words("undecodable", status=str(made.status))
    return Tile(sample.name, facts, made.uri, link(made.path, beside), problem)


def _hidden(found: DatasetStats, groups: Sequence[SampleGroup], words: Words) -> str:
    images = found.images + sum(one.images for one in found.set_aside)
    shown = sum(len(group.samples) for group in groups)
    return words(
        "samples_hidden", shown=number(shown), all=number(images), hidden=number(images - shown)
    )


def _never(found: DatasetStats, words: Words) -> str:
    counts = Counter[str]()
    for one in found.set_aside:
        if one.reason in OF_SAFETY:
            counts[one.reason] += one.images
    if not counts:
        return ""
    reasons = ", ".join(sorted(counts))
    return words("samples_never", reasons=reasons, count=number(counts.total()))
