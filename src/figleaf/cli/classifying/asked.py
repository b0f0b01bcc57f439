"""What `figleaf classify` was asked for, by what it is about."""

from dataclasses import dataclass
from pathlib import Path

from figleaf.actions.journal import NAME
from figleaf.actions.places import FOLDERS
from figleaf.actions.rules import Action
from figleaf.classify.classifier import Classifier, load
from figleaf.classify.crops import CropRules
from figleaf.classify.moving import FrameRules
from figleaf.classify.policy import presets
from figleaf.cli.classifying.choosing import Only
from figleaf.cli.classifying.resuming import options_of
from figleaf.cli.explaining import Explaining
from figleaf.cli.inputs import STDIN
from figleaf.cli.own import Own
from figleaf.cli.writers import Format
from figleaf.errors import InputError
from figleaf.images import Limits
from figleaf.labels import Language
from figleaf.models.bundle import outside
from figleaf.models.runtime import Precision, RuntimeName
from figleaf.models.writing import CARD, GRAPH, REPORT, TEXT


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
    crops: CropRules | None

    @property
    def read(self) -> tuple[Path, ...]:
        """The files that it is loaded from, where they are no embedded ones."""
        policy = (Path(self.policy),) if self.policy and self.policy not in presets() else ()
        names = (GRAPH, CARD, TEXT, REPORT)
        model = (folder / name for folder in outside(self.model) for name in names)
        return (*policy, *self.allow_lists, *self.block_lists, *model)

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
            crops=self.crops,
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


@dataclass(frozen=True, slots=True)
class Doing:
    """What is done besides, and how long it goes on.

    Attributes:
        actions: what becomes of files.
        resume: JSON lines that are gone on with; None for a run of its own.
        watch: a folder whose files are taken as they appear; None for none.
        report: a page to write; None for none.
        language: of the page.
        explain: what is explained, and where to; None for nothing.
    """

    actions: tuple[Action, ...] = ()
    resume: Path | None = None
    watch: Path | None = None
    report: Path | None = None
    language: Language = "en"
    explain: Explaining | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """All of it.

    Attributes:
        paths, lists, recursive: as `figleaf.cli.inputs.Inputs` has them.
        loading: which classifier.
        showing: what is written of the results.
        doing: what is done besides.

    Raises:
        InputError: options that contradict each other.
    """

    paths: tuple[str, ...]
    lists: tuple[str, ...]
    recursive: bool
    loading: Loading
    showing: Showing
    doing: Doing

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.doing.watch and self.showing.sort:
            raise InputError("--watch never comes to an end that --sort could wait for: leave it")
        if self.doing.resume:
            self._check_resume(self.doing.resume)
        if self.doing.report:
            self._check_report(self.doing.report)

    @property
    def own(self) -> Own:
        """What the command writes, and is no input; nor is what it reads, where files are moved."""
        doing = self.doing
        places = [action.folder for action in doing.actions]
        files = [self.showing.output, doing.resume, doing.report, *(one / NAME for one in places)]
        if doing.resume:
            files.append(options_of(doing.resume))
        if doing.actions:
            files += [*map(Path, self.lists), *self.loading.read]
        folders = [*places, doing.explain.folder] if doing.explain else places
        return Own(
            tuple(folders),
            tuple(file for file in files if file),
            tuple(place / folder for place in places for folder in FOLDERS),
        )

    def _check_report(self, report: Path) -> None:
        # It is put in its place last, over whatever is there.
        for option, file in (("-o", self.showing.output), ("--resume", self.doing.resume)):
            if file and file.resolve() == report.resolve():
                raise InputError(f"{report}: --report is another file than {option}: name another")

    def _check_resume(self, resume: Path) -> None:
        showing = self.showing
        if showing.format not in (None, Format.JSONL):
            raise InputError(f"--resume goes on with JSON lines, not {showing.format}: leave it")
        if showing.output and showing.output != resume:
            raise InputError("--resume names the file that is written: leave -o")
        if showing.sort:
            raise InputError("--resume writes results as they come: leave --sort")
        if STDIN in self.paths:
            raise InputError("nobody can tell two pictures on standard input apart: leave --resume")
