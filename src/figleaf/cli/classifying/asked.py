"""What `figleaf classify` was asked for, by what it is about."""

from dataclasses import dataclass
from pathlib import Path

from figleaf.classify.classifier import Classifier, load
from figleaf.classify.moving import FrameRules
from figleaf.cli.classifying.choosing import Only
from figleaf.cli.writers import Format
from figleaf.images import Limits
from figleaf.models.runtime import Precision, RuntimeName


@dataclass(frozen=True, slots=True)
class Loading:
    """Which classifier: the arguments of `figleaf.load`, by their names there."""

    model: str
    policy: str | None
    fast: bool
    precision: Precision | None
    runtime: RuntimeName
    threads: int | None
    batch_size: int
    limits: Limits
    deadline: float | None
    allow_lists: tuple[Path, ...]
    block_lists: tuple[Path, ...]
    frames: FrameRules

    def load(self) -> Classifier:
        """The classifier.

        Raises:
            FigleafError: as `figleaf.load`.
        """
        return load(
            self.model,
            policy=self.policy,
            fast=self.fast,
            precision=self.precision,
            runtime=self.runtime,
            threads=self.threads,
            limits=self.limits,
            deadline=self.deadline,
            batch_size=self.batch_size,
            allow_lists=self.allow_lists,
            block_lists=self.block_lists,
            frames=self.frames,
        )


@dataclass(frozen=True, slots=True)
class Showing:
    """What is written of the results, where, and in which order.

    Attributes:
        format: None for what the output's name tells, else a table.
        output: the file; None for standard output.
        top_k: classes of each input; None for as many as suit.
        sort: what `--sort` was given.
        only: what is kept; all where empty.
        quiet: no progress and no summary.
    """

    format: Format | None
    output: Path | None
    top_k: int | None
    sort: str | None
    only: frozenset[Only]
    quiet: bool
