"""What a run has done so far, as a file that is whole after each stage: run.json."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from figleaf.dataset.durable import replacing
from figleaf.errors import InputError
from figleaf.pipeline.rules import StageName

FORMAT = 1
_MOST_BYTES = 64 * 2**20
_NOT_A_RECORD = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
_DRAWN = ("split", "train", "audit", "evaluate")

Figures = Mapping[str, Any]
"""What a stage came to, in JSON's types."""


@dataclass(frozen=True, slots=True)
class StageRecord:
    """A stage that came to its end.

    Attributes:
        inputs: SHA-256, in hex, of all that it depends on.
        state: what the data set was after it, in the stage's own view; "" for a stage that leaves
            no trace in it.
        files: name, relative to the run's folder -> SHA-256 of what it wrote.
        figures: what it came to.
        started: in seconds since 1970.
        seconds: that it took.
    """

    inputs: str
    state: str
    files: Mapping[str, str]
    figures: Figures
    started: float
    seconds: float


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What run.json holds.

    Attributes:
        sources: as they were named.
        rules: of every stage, in JSON's types.
        versions: of what computes.
        machine: what it was run on.
        order: of the stages that there are.
        stages: those of them that came to their end.
    """

    sources: tuple[str, ...]
    rules: Mapping[str, Any]
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    order: tuple[StageName, ...]
    stages: Mapping[StageName, StageRecord] = field(default_factory=dict)

    @property
    def seeds(self) -> dict[str, int | None]:
        """Of all that is drawn by lot; of a split that was not made yet what is asked for."""
        found = {name: self.rules[name]["seed"] for name in _DRAWN}
        if StageName.SPLIT in self.stages:
            found["split"] = self.stages[StageName.SPLIT].figures["seed"]
        return found

    def having(self, stages: Mapping[StageName, StageRecord]) -> "RunRecord":
        """The same with more stages, in the order in which they come."""
        found = {**self.stages, **stages}
        return replace(self, stages={one: found[one] for one in self.order if one in found})

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        return {
            "format": FORMAT,
            "sources": list(self.sources),
            "rules": dict(self.rules),
            "versions": dict(self.versions),
            "machine": dict(self.machine),
            "seeds": self.seeds,
            "stages": {str(name): asdict(stage) for name, stage in self.stages.items()},
        }


def write_record(path: Path, record: RunRecord) -> None:
    """Write it; what was there stays until it is whole."""
    text = json.dumps(record.to_dict(), indent=2, ensure_ascii=False) + "\n"
    with replacing(path) as file:
        file.write(text.encode("utf-8", "replace"))


def read_stages(path: Path) -> dict[StageName, StageRecord]:
    """The stages of an earlier run; none where there is no record.

    Raises:
        InputError: a file that is no record, or one of another figleaf's.
    """
    if not path.is_file():
        return {}
    try:
        with path.open("rb") as file:
            raw = json.loads(file.read(_MOST_BYTES))
        if raw["format"] != FORMAT:
            raise InputError(f"{path}: of format {raw['format']!r}, this figleaf reads {FORMAT}")
        return {StageName(name): _stage(stage) for name, stage in raw["stages"].items()}
    except _NOT_A_RECORD as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: not the record of a run ({error}); remove it, and every stage is done again"
            " with what it has kept"
        ) from error


def _stage(raw: dict[str, Any]) -> StageRecord:
    """Raises TypeError, where it is none."""
    found = StageRecord(**raw)
    if not (isinstance(found.files, dict) and isinstance(found.figures, dict)):
        raise TypeError("a stage without figures or files")
    return found
