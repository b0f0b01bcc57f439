"""The page of a data set's statistics."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from figleaf.curate.stats import DatasetStats
from figleaf.dataset.quarantine import OF_SAFETY
from figleaf.dataset.records import State
from figleaf.report.dataset_plots import PLOTS, Plot
from figleaf.report.dataset_tables import SECTIONS, Maker, class_name
from figleaf.report.glossary import ROWS, called
from figleaf.report.html import link, render
from figleaf.report.samples import Sample, SampleGroup, read_samples
from figleaf.report.tables import Table, bytes_, listed, moment, number
from figleaf.report.texts import Words
from figleaf.report.thumbnails import CELLS


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

    @property
    def runs(self) -> list[tuple[bool, list[Part]]]:
        """Neighbours of a kind: whether they have plots, which take a line each, and they."""
        return [
            (plots, list(run)) for plots, run in groupby(self.parts, lambda one: bool(one.plot))
        ]


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
        ledger=_ledger(found, words),
        figures=_figures(found, words),
        sections=_sections(found, words),
        groups=[_tiles(group, words, beside) for group in groups],
        cells=str(CELLS),
        hidden=_hidden(found, groups, words),
        never=_never(found, words),
        no_samples="" if samples else words("samples_none"),
    )


def _ledger(found: DatasetStats, words: Words) -> str:
    """The tables of the ledger and their rows, in a line."""
    return listed({called(ROWS, name, words.language): n for name, n in found.ledger.items()})


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
    sections = (
        Section(words(title), tuple(_parts(makers, found, words))) for title, makers in SECTIONS
    )
    return [section for section in sections if section.parts]


def _parts(makers: Sequence[Maker], found: DatasetStats, words: Words) -> Iterator[Part]:
    for make in makers:
        table = make(found, words)
        if table.rows:
            yield Part(table, PLOTS[make](found, words) if make in PLOTS else None)


def _tiles(group: SampleGroup, words: Words, beside: Path) -> Tiles:
    name = group.reason or class_name(group.label, words)
    title = words("samples_aside" if group.reason else "samples_in_use", name=name)
    tiles = tuple(_tile(sample, words, beside) for sample in group.samples)
    return Tiles(title, f"{number(len(tiles))} / {number(group.images)}", tiles)


def _tile(sample: Sample, words: Words, beside: Path) -> Tile:
    made = sample.thumbnail
    facts = f"{sample.width}x{sample.height} {sample.format}"
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
