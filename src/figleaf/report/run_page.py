"""The page of a whole run: one file, with everything that Markdown has, and more to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from figleaf.metrics import counts
from figleaf.report import dataset_plots, dataset_tables, run_curves, run_explorer
from figleaf.report.dataset_plots import Plot
from figleaf.report.evaluation_tables import matrix_of
from figleaf.report.html import render
from figleaf.report.run_facts import RunFacts
from figleaf.report.run_gallery import Gallery, Pictures
from figleaf.report.run_sections import is_shown_whole, note, sections
from figleaf.report.run_verdict import findings, keys, steps
from figleaf.report.tables import moment
from figleaf.report.texts import Words
from figleaf.report.thumbnails import CELLS

_SHADES = 10
"""Steps between a cell without images and one with all of its row."""
_PRESETS = ("0.001", "0.01", "0.05")
_RECALLS = ("0.9", "0.95", "0.99")


@dataclass(frozen=True, slots=True)
class Shading:
    """How dark each cell of a table is, 0..10; and whether it is right."""

    levels: tuple[tuple[int, ...], ...]


def run_page(facts: RunFacts, words: Words, *, beside: Path) -> str:
    """The page as HTML.

    Args:
        facts: of the run.
        words: of the page's language.
        beside: the folder that the page will be in: files are named relative to it.

    Raises:
        MissingExtraError: the extra `report` is not installed.
    """
    one = facts.evaluation
    made = Pictures(facts, words, beside)
    explored = run_explorer.targets(one)
    return render(
        "run.html.j2",
        words,
        scripts=("reveal.js", "explorer.js"),
        title=words("run_title", name=facts.name),
        facts=facts,
        made=words("made", version=facts.version, time=moment(facts.at)),
        note=note(facts, words),
        keys=keys(facts, words),
        findings=findings(facts, words),
        steps=steps(facts, words, beside=beside),
        sections=sections(facts, words),
        alone=_alone(facts, words),
        plots=_plots(facts, words),
        shading=_shading(facts, words),
        galleries=_galleries(made),
        cells=str(CELLS),
        explorer=run_explorer.data(one, words) if explored else "",
        targets=[words("unsafe") if each.is_sum else each.name for each in explored],
        start=run_explorer.start(one),
        base_rate=f"{100 * run_explorer.base_rate(one):g}",
        fpr=[(rate, f"{100 * float(rate):g}%") for rate in _PRESETS],
        recall=[(rate, f"{100 * float(rate):g}%") for rate in _RECALLS],
        level=f"{one.origin.bootstrap['level']:.0%}",
    )


def _alone(facts: RunFacts, words: Words) -> frozenset[str]:
    """Titles of tables that the page shows in another way."""
    return frozenset({run_explorer.table(facts.evaluation, words).title})


def _plots(facts: RunFacts, words: Words) -> Mapping[str, list[Plot]]:
    """The plots of each section."""
    one = facts.evaluation
    curves = [run_curves.roc(one, words), run_curves.precision_recall(one, words)]
    found = {"quality": [*curves, run_curves.calibration(one, words)]}
    makers = (dataset_tables.classes, dataset_tables.losses)
    drawn = [dataset_plots.PLOTS[make](facts.stats, words) for make in makers if _rows(make, facts)]
    found["data"] = [plot for plot in drawn if plot]
    return found


def _rows(make: dataset_tables.Maker, facts: RunFacts) -> bool:
    return bool(make(facts.stats, Words("en")).rows)


def _shading(facts: RunFacts, words: Words) -> Mapping[str, Shading]:
    """How matrices are shaded: title of the table -> its cells."""
    found = {}
    one = facts.evaluation
    if is_shown_whole(facts):
        levels = _levels(np.array(matrix_of(one, words).counts))
        found = {words(key): levels for key in ("matrix_title", "matrix_shares_title")}
    if facts.audit.joint:
        # Columns are what the images have: the shares are of the class that they are of.
        found[words("run_joint")] = _levels(np.array(facts.audit.joint))
    return found


def _levels(found: "np.typing.NDArray[np.int64]") -> Shading:
    shares = np.nan_to_num(counts.normalised(found))
    # A single image of many is seen, too.
    steps = np.ceil(shares * _SHADES).astype(int)
    return Shading(tuple(map(tuple, steps.tolist())))


def _galleries(made: Pictures) -> Mapping[str, list[Gallery]]:
    """The galleries of each section."""
    doubtful = [made.suspects(), made.outliers()]
    return {"pictures": made.galleries(), "labels": [one for one in doubtful if one.tiles]}
