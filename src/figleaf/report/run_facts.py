"""What the report of a whole run is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figleaf.auditing.report import AuditReport, Suspect
from figleaf.curate.stats import DatasetStats
from figleaf.evaluation.evaluate import Evaluation
from figleaf.report.texts import Words

DONE, SKIPPED = "done", "skipped"
PRACTICE = "practice"
"""A note: the pictures are generated, and stand in for classes that are not shown."""
REHEARSAL = "rehearsal"
"""A note: safe pictures of other kinds stand in for the classes."""


_NOTES = {PRACTICE: "run_note_practice", REHEARSAL: "run_note_rehearsal"}


def note_of(note: str, words: Words) -> str:
    """What a reader has to know first.

    Args:
        note: PRACTICE, REHEARSAL, or any text, which stands as it is.
        words: of the language.
    """
    return words(_NOTES[note]) if note in _NOTES else note


@dataclass(frozen=True, slots=True)
class StageTime:
    """A stage of the run.

    Attributes:
        name: "collect" and so on.
        outcome: "done", or "skipped" where its inputs have not changed since an earlier run.
        seconds: that it took in the run that did it.
    """

    name: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run that came to its end; the same facts give the same report, byte for byte.

    Attributes:
        name: of the run's folder.
        at: when it ended, in seconds since 1970.
        version: of figleaf.
        sources: as they were named.
        stats: the data set.
        training: what training.json holds, see `TrainReport.to_dict`.
        evaluation: of the test part, with its images and scores.
        audit: of the labels.
        stages: in the order in which they come.
        note: what a reader has to know first: PRACTICE, REHEARSAL, or a text of one's own; "" for
            nothing.
        model: the bundle's folder; None for models/NAME in the run's folder.
    """

    name: str
    at: float
    version: str
    sources: tuple[str, ...]
    stats: DatasetStats
    training: Mapping[str, Any]
    evaluation: Evaluation
    audit: AuditReport
    stages: tuple[StageTime, ...]
    note: str = ""
    model: Path | None = None

    @property
    def doubtful(self) -> tuple[Suspect, ...]:
        """Images whose label confident learning finds wrong, and that still have it."""
        return tuple(one for one in self.audit.suspects if one.listed and not one.relabelled)
