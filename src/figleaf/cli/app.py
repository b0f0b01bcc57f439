"""The commands, gathered, and what their errors look like."""

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from figleaf._version import __version__
from figleaf.cli import (
    audit,
    catalogue,
    classify,
    clean,
    collect,
    compare,
    datasets,
    evaluate,
    export,
    hashing,
    models,
    pipeline,
    policy,
    quickstart,
    screen,
    serve,
    split,
    stats,
    train,
)
from figleaf.cli.interruption import INTERRUPTED, end_interrupted
from figleaf.cli.terminal import naming, printable, say
from figleaf.errors import FigleafError

WRONG_USE = 2
READER_GONE = 141
"""What a shell says of a program that SIGPIPE ended, as it ends others in `| head`.

Not 0, since nobody has seen whether something was blocked.
"""


class ReaderGoneError(Exception):
    """A broken pipe, under a name that the framework does not make exit code 1 of: "blocked"."""


class Commands(TyperGroup):
    """The commands; what ends them early is kept from the framework, which gives other codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGoneError from error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    name="figleaf",
    help="NSFW image classification on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("classify")(classify.classify)
app.command("hash")(hashing.hash_files)
app.command("quickstart")(quickstart.quickstart)
app.command("run")(pipeline.run)
app.command("init")(pipeline.init)
app.command("collect")(collect.collect)
app.command("clean")(clean.clean)
app.command("restore")(clean.restore)
app.command("screen")(screen.screen)
app.command("split")(split.split)
app.command("train")(train.train)
app.command("audit")(audit.audit)
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("status")(datasets.status)
app.command("stats")(stats.stats)
app.add_typer(export.app)
app.command("serve")(serve.serve)
app.command("keys")(serve.keys)
app.add_typer(models.app)
app.command("labels")(catalogue.labels)
app.command("policies")(catalogue.policies)
app.add_typer(policy.app)


def _version(asked: bool) -> None:
    if asked:
        print(f"figleaf {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """NSFW image classification on your own machine."""


def run() -> None:
    """Run the command line; an error of figleaf's or of writing is one line and exit code 2."""
    _fill_descriptors()
    code = _code()
    try:
        _flush()
    except BrokenPipeError:
        code = READER_GONE
    except OSError as error:
        code = _complain(error)
    if code == INTERRUPTED:
        end_interrupted()
    sys.exit(code)


def _code() -> int | str | None:
    try:
        app()
    except SystemExit as end:
        return end.code
    except ReaderGoneError:
        return READER_GONE
    except (FigleafError, OSError) as error:
        return _complain(error)
    return 0


def _complain(error: FigleafError | OSError) -> int:
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{os.fsdecode(error.filename)}: {error.strerror}"
    say(printable(f"figleaf: {text}"))
    return WRONG_USE


def _flush() -> None:
    """Write what is left, while its errors can still be told.

    After an error, what the interpreter would try to write once more at exit goes nowhere.
    """
    if sys.stdout is None:
        return
    try:
        with naming("standard output"):
            sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        raise


def _fill_descriptors() -> None:
    """Open closed standard streams to nowhere.

    Else the next file that is opened would take their place, and what a C library prints on
    standard error would end up in it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
