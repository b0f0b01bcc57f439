"""The statistics of a data set as tables."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from figleaf.curate.measures import Bin, ClassStats, Percentiles
from figleaf.curate.stats import DatasetStats
from figleaf.curate.tallies import ListStats
from figleaf.report.glossary import (
    DOUBTERS,
    LOSSES,
    OUTCOMES,
    SET_ASIDE,
    STATES,
    called,
    meaning,
)
from figleaf.report.tables import Table, bytes_, listed, moment, number, share
from figleaf.report.texts import Words

_CLASSES = 40  # rows at most; data sets may have thousands of folders
_LISTS = 20
_DISTANCES = 8  # bits that a row of distances covers
_HASH = 12  # hexadecimal digits that name a file

_PARTS = ("train", "validation", "test")

Maker = Callable[[DatasetStats, Words], Table]


def class_name(label: str | None, words: Words) -> str:
    """A class for people."""
    return words("no_class") if label is None else label


def part_name(part: str, words: Words) -> str:
    """A part of the split for people."""
    return words(part) if part in _PARTS else part


def classes(found: DatasetStats, words: Words) -> Table:
    """Images in use by class, the largest where there are many."""
    aside = Counter[str | None]()
    for one in found.set_aside:
        aside[one.label] += one.images
    ranked = _every_class(found, aside)
    rows = [_class_row(one, found, aside[one.label], words) for one in ranked[:_CLASSES]]
    if rest := ranked[_CLASSES:]:
        name = words("more_classes", count=number(len(rest)))
        rows.append(_sum_row(name, rest, found, sum(aside[one.label] for one in rest)))
    if len(rows) != 1:
        rows.append(_sum_row(words("in_all"), ranked, found, aside.total()))
    parts = tuple(f">{part_name(part, words)}" for part in found.parts)
    first = (words("label"), *(f">{words(name)}" for name in ("images", "share", "size")))
    head = (*first, *parts, f">{words('median')}", f">{words('aside')}")
    return Table(words("classes_title"), head, tuple(rows), is_summed=len(rows) > 1)


def _every_class(found: DatasetStats, aside: Mapping[str | None, int]) -> list[ClassStats]:
    """Also those of which nothing is in use any more, which is worth a look."""
    known = {one.label for one in found.measures.classes}
    empty = (ClassStats(label, 0, 0, {}, 0, 0) for label in aside if label not in known)
    every = [*found.measures.classes, *empty]
    if len(every) > _CLASSES:
        return sorted(every, key=lambda one: -one.images)
    return sorted(every, key=lambda one: (one.label is None, one.label or ""))


def _class_row(one: ClassStats, found: DatasetStats, aside: int, words: Words) -> tuple[str, ...]:
    first, *rest = _sum_row(class_name(one.label, words), [one], found, aside)
    median = f"{one.width}x{one.height}" if one.images else "-"
    return (first, *rest[:-2], median, rest[-1])


def _sum_row(
    name: str, summed: Sequence[ClassStats], found: DatasetStats, aside: int
) -> tuple[str, ...]:
    images = sum(one.images for one in summed)
    parts = (sum(one.parts.get(part, 0) for one in summed) for part in found.parts)
    size = bytes_(sum(one.size for one in summed))
    return (
        name, number(images), share(images, found.images), size, *map(number, parts), "",
        number(aside),
    )  # fmt: skip  # a row


def losses(found: DatasetStats, words: Words) -> Table:
    """What gave no image, by cause."""
    total = found.status.total
    named = total.items.total()
    rows = [
        (
            reason, called(STATES, reason.state, words.language), number(count),
            share(count, named),
            meaning(LOSSES, reason, words.language),
        )
        for reason, count in total.losses.most_common()
    ]  # fmt: skip  # a row
    head = (words("cause"), words("state"), f">{words('count')}", f">{words('share')}")
    return Table(words("losses_title"), (*head, words("meaning")), tuple(rows))


def lists(found: DatasetStats, words: Words) -> Table:
    """The largest lists, and the rest in a row."""
    ranked = sorted(found.lists, key=lambda one: -one.named)
    rows = [(one.source, _place(one), _filed(one, words), *_came(one)) for one in ranked[:_LISTS]]
    if rest := ranked[_LISTS:]:
        name = words("more_lists", count=number(len(rest)))
        sums = ListStats(
            "", "", "", None, None, sum(one.named for one in rest),
            sum(one.kept for one in rest), sum(one.pending for one in rest),
        )  # fmt: skip  # a row
        rows.append(("", name, "", *_came(sums)))
    texts = (words(name) for name in ("source", "listing", "label"))
    head = (*texts, *(f">{words(name)}" for name in ("named", "kept", "pending", "lost")))
    return Table(words("lists_title"), head, tuple(rows), words("lists_note"))


def _place(one: ListStats) -> str:
    if one.filed and one.filed not in one.listing:
        return f"{one.listing}: {one.filed}" if one.listing else one.filed
    return one.listing or "-"


def _filed(one: ListStats, words: Words) -> str:
    """The class of a list, or why it has none."""
    if one.label or not one.reason:
        return one.label or "-"
    return words("no_class_why", reason=one.reason)


def _came(one: ListStats) -> tuple[str, ...]:
    return number(one.named), number(one.kept), number(one.pending), number(one.lost)


def problems(found: DatasetStats, words: Words) -> Table:
    """Lines and rows of the sources that became no item."""
    rows = [(one.source, one.kind, number(one.count)) for one in found.status.problems]
    head = (words("source"), words("problem"), f">{words('count')}")
    return Table(words("problems_title"), head, tuple(rows))


def set_aside(found: DatasetStats, words: Words) -> Table:
    """Images that are not in use, by reason."""
    reasons: dict[str, Counter[str]] = {}
    for one in found.set_aside:
        reasons.setdefault(one.reason, Counter())[class_name(one.label, words)] += one.images
    rows = [
        (
            reason, number(by_class.total()), listed(dict(by_class.most_common(_CLASSES))),
            meaning(SET_ASIDE, reason, words.language),
        )
        for reason, by_class in sorted(reasons.items(), key=lambda one: -one[1].total())
    ]  # fmt: skip  # a row
    head = (words("reason"), f">{words('images')}", words("by_class"), words("meaning"))
    return Table(words("aside_title"), head, tuple(rows))


def formats(found: DatasetStats, words: Words) -> Table:
    """Images in use by file format."""
    rows = [
        (one.format, number(one.images), share(one.images, found.images), bytes_(one.size))
        for one in found.measures.formats
    ]
    head = (words("format"), f">{words('images')}", f">{words('share')}", f">{words('size')}")
    return Table(words("formats_title"), head, tuple(rows))


def sides(found: DatasetStats, words: Words) -> Table:
    """Images in use by their shorter side."""
    title, column = words("sides_title"), words("shorter")
    return _binned(found, title, column, found.measures.sides, side_name, words)


def shapes(found: DatasetStats, words: Words) -> Table:
    """Images in use by width to height."""
    title, column = words("shapes_title"), words("shape")
    return _binned(found, title, column, found.measures.shapes, shape_name, words)


def _binned(
    found: DatasetStats,
    title: str,
    column: str,
    bins: Sequence[Bin],
    name: Callable[[Bin], str],
    words: Words,
) -> Table:
    rows = [(name(one), number(one.images), share(one.images, found.images)) for one in bins]
    head = (column, f">{words('images')}", f">{words('share')}")
    return Table(title, head, tuple(rows) if found.images else ())


def side_name(one: Bin) -> str:
    """Pixels: "128 - 223"."""
    last = int(one.high) - 1 if one.high else None
    return _range(one, str(one.low), str(one.high if one.low is None else last))


def shape_name(one: Bin) -> str:
    """Width to height: "3:4 - 4:3"."""
    known = {1 / 3: "1:3", 1 / 2: "1:2", 3 / 4: "3:4", 4 / 3: "4:3", 2: "2:1", 3: "3:1"}
    return _range(one, known.get(one.low or 0, ""), known.get(one.high or 0, ""))


def size_name(one: Bin) -> str:
    """Bytes: "10 kB - 30 kB"."""
    return _range(one, bytes_(one.low or 0), bytes_(one.high or 0))


def _range(one: Bin, low: str, high: str) -> str:
    if one.low is None:
        return f"< {high}"
    return f"≥ {low}" if one.high is None else f"{low} - {high}"


def resolutions(found: DatasetStats, words: Words) -> Table:
    """Widths and heights that many images have."""
    rows = [
        (f"{one.width}x{one.height}", number(one.images), share(one.images, found.images))
        for one in found.measures.resolutions
    ]
    head = (words("resolution"), f">{words('images')}", f">{words('share')}")
    return Table(words("resolutions_title"), head, tuple(rows))


def percentiles(found: DatasetStats, words: Words) -> Table:
    """How large the files are, by class."""
    measures = found.measures
    # The same classes as in the table of classes.
    shown = {one.label for one in sorted(measures.classes, key=lambda one: -one.images)[:_CLASSES]}
    ranked = [one for one in measures.percentiles if one.label in shown]
    rows = [_percentile_row(class_name(one.label, words), one) for one in ranked]
    if measures.all_sizes and len(ranked) > 1:
        rows.append(_percentile_row(words("in_all"), measures.all_sizes))
    names = ("smallest", "p5", "p25", "p50", "p75", "p95", "largest")
    head = (words("sizes_of"), *(f">{words(name)}" for name in names))
    note, summed = words("percentiles_note"), len(rows) > 1
    return Table(words("percentiles_title"), head, tuple(rows), note, is_summed=summed)


def _percentile_row(name: str, one: Percentiles) -> tuple[str, ...]:
    sizes = (one.smallest, one.p5, one.p25, one.median, one.p75, one.p95, one.largest)
    return (name, *map(bytes_, sizes))


def duplicates(found: DatasetStats, words: Words) -> Table:
    """The same picture several times, and lists that disagree about one."""
    one = found.duplicates
    figures = {
        "exact": one.exact,
        "extra": one.extra,
        "clusters": one.clusters,
        "clustered": one.clustered,
        "conflicts": found.status.conflicts,
    }
    rows = tuple((words(name), number(count)) for name, count in figures.items() if count)
    return Table(words("duplicates_title"), (words("duplicates"), f">{words('count')}"), rows)


def clusters(found: DatasetStats, words: Words) -> Table:
    """The largest groups of near duplicates."""
    rows = [
        (
            one.representative[:_HASH], class_name(one.label, words),
            f"{one.width}x{one.height}", number(one.images),
        )
        for one in found.duplicates.largest
    ]  # fmt: skip  # a row
    head = (words("best"), words("label"), f">{words('resolution')}", f">{words('images')}")
    return Table(words("clusters_title"), head, tuple(rows))


def distances(found: DatasetStats, words: Words) -> Table:
    """How far near duplicates are from the best file of their cluster."""
    rows = [
        (distance_name(low, words), number(images))
        for low, images in count_distances(found).items()
    ]
    head = (words("distance"), f">{words('images')}")
    return Table(words("distances_title"), head, tuple(rows), words("distances_note"))


def count_distances(found: DatasetStats) -> dict[int, int]:
    """Images by ranges of distance: where a range begins, in bits, and how many there are."""
    counts = Counter[int]()
    for bits, images in found.duplicates.distances.items():
        counts[bits - bits % _DISTANCES] += images
    return {low: counts[low] for low in range(0, max(counts, default=-1) + 1, _DISTANCES)}


def distance_name(low: int, words: Words) -> str:
    """A range of distances: "8 to 15 bits"."""
    return words("bits", low=str(low), high=str(low + _DISTANCES - 1))


def doubts(found: DatasetStats, words: Words) -> Table:
    """What a person should look at."""
    rows = [
        (one.kind, called(DOUBTERS, one.who, words.language), number(one.images))
        for one in found.doubts
    ]
    head = (words("doubt"), words("doubter"), f">{words('images')}")
    return Table(words("doubts_title"), head, tuple(rows))


def labellers(found: DatasetStats, words: Words) -> Table:
    """Who labelled how much."""
    rows = [(one.who, number(one.events), number(one.images)) for one in found.labellers]
    head = (words("who"), f">{words('events')}", f">{words('images')}")
    return Table(words("labels_title"), head, tuple(rows))


def runs(found: DatasetStats, words: Words) -> Table:
    """The last run of each command."""
    rows = [
        (one.command, one.version, moment(one.started), _ended(one.outcome, words))
        for one in found.runs
    ]
    head = tuple(words(name) for name in ("command", "version", "started", "outcome"))
    return Table(words("runs_title"), head, tuple(rows))


def _ended(outcome: str | None, words: Words) -> str:
    return called(OUTCOMES, outcome, words.language) if outcome else words("unfinished")


SECTIONS: tuple[tuple[str, tuple[Maker, ...]], ...] = (
    ("classes_section", (classes,)),
    ("origin_section", (lists, losses, problems)),
    ("measures_section", (sides, shapes, percentiles, formats, resolutions)),
    ("duplicates_section", (duplicates, clusters, distances)),
    ("aside_section", (set_aside, doubts)),
    ("labels_section", (labellers, runs)),
)
"""The tables in the order in which they are read, under the texts of their headings."""
