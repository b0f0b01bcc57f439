"""`figleaf run` and `figleaf init`: the whole job, from a source to a report."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figleaf.cli.grid import print_grid
from figleaf.cli.options import QuietOption, naming_options
from figleaf.cli.phases import Phases, told_of_interruption
from figleaf.cli.stats import Language
from figleaf.cli.terminal import Screen, print_json, printable, quoted, say, standard_output
from figleaf.errors import InputError
from figleaf.report.tables import counted, listed

if TYPE_CHECKING:
    from figleaf.pipeline.rules import RunRules, StageName
    from figleaf.pipeline.run import RunReport, StageRun

_CONFIG = ".toml"
_DEFAULT_CONFIG = Path("figleaf.toml")


def run(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Lists of URLs, folders, tables, shards, LABEL=PATH; a data set; or one TOML file"
            " that says it all.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run's folder: a new one, or to go on with."),
    ] = None,
    language: Annotated[
        Language | None, typer.Option("--lang", help="Of the report: en, ko.", show_default=False)
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="As for figleaf train.", show_default=False),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="bf16 and scaled decoding in every stage.")
    ] = False,
    no_screen: Annotated[
        bool, typer.Option("--no-screen", help="Leave screening before training out.")
    ] = False,
    apply: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Relabel what the audit doubts so much, then train.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What it came to as JSON.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Collect, clean, screen, split, train, audit, evaluate and report, in one go.

    A stage whose inputs have not changed is skipped; what was stopped goes on. Exit codes: 0 done,
    2 wrong use or a stage that cannot be done, 130 interrupted.

    Example: figleaf run photos --out my-run
    """
    from figleaf.pipeline.config import Config, read_config
    from figleaf.pipeline.rules import RunRules

    if len(sources) == 1 and sources[0].endswith(_CONFIG):
        config = read_config(sources[0])
    else:
        config = Config(tuple(sources), None, RunRules())
    folder = out or config.out
    if folder is None:
        raise InputError("--out DIR says where the run is to be")
    with naming_options():
        rules = _changed(config.rules, language, backbone, apply, fast=fast, no_screen=no_screen)
    done = carry_out(lambda watch: _run(config.sources, folder, rules, watch), quiet=quiet)
    if as_json:
        print_json(done.to_dict())
        return
    tell(done)


def _changed(
    rules: "RunRules",
    language: Language | None,
    backbone: str | None,
    apply: float | None,
    *,
    fast: bool,
    no_screen: bool,
) -> "RunRules":
    """The rules, but for what the command line says otherwise."""
    if language is not None:
        rules = replace(rules, language=language.value)
    if backbone is not None:
        rules = replace(rules, train=replace(rules.train, backbone=backbone))
    if apply is not None:
        rules = replace(rules, audit=replace(rules.audit, apply=apply))
    if no_screen:
        rules = replace(rules, screen=None)
    return rules.faster() if fast else rules


def _run(sources: tuple[str, ...], out: Path, rules: "RunRules", watch: Any) -> "RunReport":
    from figleaf.pipeline.run import run as run_all

    return run_all(sources, out, rules=rules, watch=watch)


def carry_out(work: "Callable[[Any], RunReport]", *, quiet: bool) -> "RunReport":
    """Do a run, with its stages and how each goes on stderr.

    Args:
        work: what does it, and tells what it is given of how it goes.
        quiet: show nothing.
    """
    from figleaf.curate.watch import Watch
    from figleaf.pipeline.run import RunWatch

    with told_of_interruption(), Phases(shown=not quiet) as phases:
        shown = Stages(phases, shown=not quiet)
        within = Watch(shown.start, phases.done)
        return work(RunWatch(shown.begins, within, shown.ends))


class Stages:
    """The one view of a run: a line for each stage that ended, and how the present one goes.

    Args:
        phases: shows how a stage goes.
        shown: False for nothing at all.
    """

    def __init__(self, phases: Phases, *, shown: bool) -> None:
        self._phases = phases
        self._shown = shown and sys.stderr is not None
        self._stage = ""

    def begins(self, name: "StageName") -> None:
        """A stage begins."""
        self._stage = str(name)

    def start(self, phase: str, total: int) -> None:
        """Something in it begins that has so many things to do."""
        self._phases.start(f"{self._stage}: {phase}", total)

    def ends(self, stage: "StageRun") -> None:
        """It is done, or was skipped."""
        self._phases.start("", 0)  # takes the bar away
        if not self._shown:
            return
        took = "skipped" if stage.skipped else f"{stage.seconds:.1f} s"
        say(printable(f"{stage.name!s:<9} {took:>9}  {summary(stage)}".rstrip()))


def summary(stage: "StageRun") -> str:
    """What a stage came to, in a line."""
    return "; ".join(_LINES[str(stage.name)](stage.figures))


def _collected(found: Any) -> Iterator[str]:
    yield f"{counted(found['images'], 'image', 'images')} of {found['named']:,} named"
    if found["lost"]:
        yield f"lost: {listed(found['lost'])}"
    if found["before"]:
        yield f"still there, though not named any more: {', '.join(found['before'])}"


def _cleaned(found: Any) -> Iterator[str]:
    yield f"{found['kept']:,} of {counted(found['images'], 'image', 'images')} in use"
    if found["set_aside"]:
        yield f"set aside: {listed(found['set_aside'])}"


def _screened(found: Any) -> Iterator[str]:
    yield f"{found['images']:,} looked at by {found['model']}"
    yield f"doubted: {listed(found['doubted'])}" if found["doubted"] else "none doubted"


def _parted(found: Any) -> Iterator[str]:
    yield listed({part: count for part, count in found["parts"].items() if count})
    if found["left_out"]:
        yield f"left out: {found['left_out']:,}"


def _trained(found: Any) -> Iterator[str]:
    yield f"{found['backbone']} on {counted(found['images'], 'image', 'images')}"
    yield f"validation {found['validation']['accuracy']:.1%} right"


def _audited(found: Any) -> Iterator[str]:
    yield f"{counted(found['listed'], 'label', 'labels')} likely wrong"
    if found["relabelled"]:
        yield f"{found['relabelled']:,} relabelled"
    if found["overlaps"]:
        pairs = ", ".join(" and ".join(pair) for pair in found["overlaps"])
        yield f"hard to tell apart: {pairs}"


def _evaluated(found: Any) -> Iterator[str]:
    if found["accuracy"]:
        one = found["accuracy"]
        ends = "" if one["low"] is None else f" ({one['low']:.1%} to {one['high']:.1%})"
        yield f"{one['value']:.1%} of {counted(found['images'], 'image', 'images')} right{ends}"
    if found["failures"]:
        yield f"not read: {listed(found['failures'])}"


def _reported(found: Any) -> Iterator[str]:
    yield ", ".join(name for name in found["files"] if not name.endswith(".png"))


_LINES: dict[str, Callable[[Any], Iterator[str]]] = {
    "collect": _collected,
    "clean": _cleaned,
    "screen": _screened,
    "split": _parted,
    "train": _trained,
    "audit": _audited,
    "evaluate": _evaluated,
    "report": _reported,
}


_WHERE = {"report": "page", "model": "model", "data set": "data", "record": "record"}


def tell(done: "RunReport") -> None:
    """Print where everything is, and what to type next."""
    rows = [(name, str(getattr(done, at))) for name, at in _WHERE.items()]
    with standard_output() as file:
        print_grid(Screen(file), ("run", str(done.out)), rows)
    model = quoted(str(done.model))
    say(printable(f"next: open {done.page.resolve().as_uri()}"))
    say(printable(f"next: `figleaf classify PICTURE --model {model}`; the report says what else"))


def init(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to write.")
    ] = _DEFAULT_CONFIG,
    sources: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="SOURCE", help="A source that it names; again for more."),
    ] = None,
    out: Annotated[str, typer.Option(metavar="DIR", help="The run's folder.")] = "my-run",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file that is there.")
    ] = False,
) -> None:
    """Write a TOML file for figleaf run, with every stage's rules and comments on them.

    Example: figleaf init figleaf.toml --source photos --out my-run
    """
    from figleaf.dataset.durable import replacing
    from figleaf.pipeline.config import template

    if file.suffix != _CONFIG:
        raise InputError(
            f"{file}: give it a name that ends in {_CONFIG}, which figleaf run knows it by"
        )
    if file.is_dir():
        raise InputError(f"{file}: is a folder; give another name")
    if file.exists() and not overwrite:
        raise InputError(f"{file}: is there; --overwrite replaces it, or give another name")
    if not file.absolute().parent.is_dir():
        raise InputError(f"{file}: there is no folder {file.absolute().parent}; make it first")
    if not all((out, *(sources or ()))):
        raise InputError("an empty name: say where the sources are, and where the run is to be")
    text = template(tuple(_from(file, one) for one in sources or ["photos"]), _from(file, out))
    with replacing(file) as opened:
        opened.write(text.encode())
    say(printable(f"{file}: edit it, then: figleaf run {quoted(str(file))}"))


def _from(file: Path, typed: str) -> str:
    """A path that was typed here, as the file has it: relative to its own folder."""
    label, sign, path = typed.partition("=")
    if sign and "/" not in label and not Path(typed).exists():
        return f"{label}={_from(file, path)}"
    if Path(typed).is_absolute() or file.absolute().parent == Path.cwd():
        return typed
    return os.path.relpath(typed, file.absolute().parent)
