"""Which pictures the report of a run shows, destroyed, and what the model says of each.

Chosen by hash, or by how sure the model was: the same evaluation gives the same galleries, however
many images it has.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figleaf.auditing.report import Outlier, Suspect
from figleaf.dataset.store import IMAGES
from figleaf.evaluation.evaluate import Evaluation
from figleaf.evaluation.truth import truth_of
from figleaf.report.dataset_tables import part_name
from figleaf.report.html import link
from figleaf.report.pictures_page import Score
from figleaf.report.plots import COLOURS
from figleaf.report.run_facts import RunFacts
from figleaf.report.tables import number
from figleaf.report.texts import Words
from figleaf.report.thumbnails import Thumbnail, thumbnails

MOST = 24
"""Pictures of a gallery at most."""
FAR = 12
"""Of images that are far from every class."""

_HASH = 12  # hexadecimal digits that name a file
_TOP = 5  # classes that a picture's bars are of


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture: what is left of it, where its file lies, what is said of it.

    Attributes:
        name: the beginning of its hash.
        mosaic: as a data URI; empty where there is none.
        file: how the page names its file.
        problem: why there is no mosaic; empty where there is one.
        label: its class, as the data have it.
        facts: what is said of it besides, and of what: ("doubt", "0.91").
        scores: the most probable classes.
    """

    name: str
    mosaic: str
    file: str
    problem: str
    label: str
    facts: tuple[tuple[str, str], ...]
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures of a kind.

    Attributes:
        key: what its heading is in the page.
        title: of it.
        images: how many there are of the kind, and how many are shown.
        what: how they were chosen.
        tiles: the pictures.
    """

    key: str
    title: str
    images: str
    what: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """Images that the model could read, and how it judged them.

    Attributes:
        rows: int64 of shape (n,): their numbers in the data, in the order of their hashes.
        right: bool of shape (n,).
        confidence: float64 of shape (n,): of the judgement, 0..1.
    """

    rows: NDArray[np.int64]
    right: NDArray[np.bool_]
    confidence: NDArray[np.float64]

    @property
    def correct(self) -> NDArray[np.int64]:
        """Those judged right."""
        return self.rows[self.right]

    @property
    def surest_wrong(self) -> NDArray[np.int64]:
        """Those judged wrong, the most confident first; the hash decides where two are alike."""
        wrong = np.flatnonzero(~self.right)
        return self.rows[wrong[np.argsort(-self.confidence[wrong], kind="stable")]]


def judged(one: Evaluation) -> Judged:
    """How each image was judged: by the classes, or as safe and unsafe where these differ."""
    scored = one.scored
    hashes = np.array(one.data.hashes)
    rows = np.flatnonzero(scored.ok)
    rows = rows[np.argsort(hashes[rows], kind="stable")]
    truth = truth_of(one.data.labels, scored.classes, scored.policy, one.origin.model.tag)
    if truth.classes is not None:
        said = scored.probabilities[rows]
        right = said.argmax(axis=1) == truth.classes[rows]
        return Judged(rows, right, said.max(axis=1).astype(np.float64))
    # Without the classes there is the view of the two: `truth_of` refuses where neither is.
    assert truth.unsafe is not None
    assert scored.unsafe is not None
    assert one.safety is not None
    unsafe = scored.unsafe[rows]
    right = (unsafe >= one.safety.threshold) == truth.unsafe[rows]
    return Judged(rows, right, np.maximum(unsafe, 1 - unsafe))


class Pictures:
    """Makes tiles; each file is looked at once, and all at once.

    Args:
        facts: of the run.
        words: of the page's language.
        beside: the folder that the page will be in.
    """

    def __init__(self, facts: RunFacts, words: Words, beside: Path) -> None:
        self._facts, self._words, self._beside = facts, words, beside
        # The last colour is pale: of many classes some rather share one of the others.
        self._colours = {
            name: at % (COLOURS - 1) for at, name in enumerate(facts.evaluation.scored.classes)
        }
        found = judged(facts.evaluation)
        surest = found.surest_wrong
        self._counts = len(found.correct), len(surest)
        self._correct, self._surest = found.correct[:MOST], surest[:MOST]
        self._wrong = np.sort(surest[MOST:])[:MOST]
        self._suspects = list(facts.doubtful[:MOST])
        self._outliers = list(facts.audit.outliers[:FAR])
        self._made = self._thumbnails()

    def _thumbnails(self) -> Mapping[Path, Thumbnail]:
        rows = np.concatenate([self._correct, self._surest, self._wrong])
        paths = [self._facts.evaluation.data.paths[int(n)] for n in rows]
        paths += [self._path(one) for one in self._suspects]
        paths += [self._path(one) for one in self._outliers]
        every = list(dict.fromkeys(paths))
        return dict(zip(every, thumbnails(every), strict=True)) if every else {}

    def _path(self, one: Suspect | Outlier) -> Path:
        # Not by the path that was written down: the run's folder may have been moved since.
        return self._facts.stats.folder / IMAGES / one.sha256[:2] / Path(one.path).name

    def galleries(self) -> list[Gallery]:
        """Most confident wrong, other wrong, and correct ones; those without images left out."""
        correct, wrong = self._counts
        kinds = (
            ("surest", self._surest, wrong, "run_surest", "run_surest_what"),
            ("wrong", self._wrong, max(0, wrong - MOST), "run_wrong", "run_wrong_what"),
            ("correct", self._correct, correct, "run_correct", "run_correct_what"),
        )
        return [
            Gallery(
                key,
                self._words(title),
                _of(len(rows), count),
                self._words(what),
                tuple(self._judged(int(row)) for row in rows),
            )
            for key, rows, count, title, what in kinds
            if len(rows)
        ]

    def suspects(self) -> Gallery:
        """Images whose label is likely wrong."""
        words, listed = self._words, len(self._facts.doubtful)
        tiles = tuple(self._suspect(one) for one in self._suspects)
        what = words("run_suspects_what")
        return Gallery("suspects", words("run_suspects"), _of(len(tiles), listed), what, tiles)

    def outliers(self) -> Gallery:
        """Images that are far from every class."""
        words, every = self._words, self._facts.audit.outliers
        tiles = tuple(self._outlier(one) for one in self._outliers)
        what = words("run_outliers_what")
        return Gallery("outliers", words("run_outliers"), _of(len(tiles), len(every)), what, tiles)

    def _judged(self, row: int) -> Tile:
        data, scored = self._facts.evaluation.data, self._facts.evaluation.scored
        said = dict(zip(scored.classes, scored.probabilities[row].tolist(), strict=True))
        ranked = sorted(said.items(), key=lambda one: -one[1])[:_TOP]
        return self._tile(data.hashes[row], data.paths[row], data.labels[row], (), ranked)

    def _suspect(self, one: Suspect) -> Tile:
        facts = (
            (self._words("run_suggested"), one.suggested),
            (self._words("run_doubt"), f"{one.doubt:.2f}"),
            (self._words("slice_part"), part_name(one.part, self._words)),
        )
        ranked = [(one.suggested, one.chance), (one.label, one.given)]
        return self._tile(one.sha256, self._path(one), one.label, facts, ranked)

    def _outlier(self, one: Outlier) -> Tile:
        facts = (
            (self._words("run_nearest"), one.nearest),
            (self._words("run_distance"), f"{one.distance:.1f}"),
            (self._words("slice_part"), part_name(one.part, self._words)),
        )
        return self._tile(one.sha256, self._path(one), one.label, facts, [])

    def _tile(
        self,
        sha256: str,
        path: Path,
        label: str,
        facts: tuple[tuple[str, str], ...],
        ranked: Sequence[tuple[str, float]],
    ) -> Tile:
        made = self._made[path]
        problem = "" if made.png else self._words("undecodable", status=str(made.status))
        scores = tuple(self._scores(ranked))
        file = link(path, self._beside)
        return Tile(sha256[:_HASH], made.uri, file, problem, label, facts, scores)

    def _scores(self, ranked: Iterable[tuple[str, float]]) -> Iterable[Score]:
        for label, value in ranked:
            colour = self._colours.get(label, COLOURS - 1)
            yield Score(label, f"{value:.1%}", f"{100 * value:.2f}", colour)


def _of(shown: int, every: int) -> str:
    return f"{number(shown)} / {number(every)}"
