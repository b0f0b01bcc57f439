"""The commands, gathered, and what their errors look like."""

import sys
from typing import Annotated

import typer

from figleaf._version import __version__
from figleaf.cli import catalogue, classify
from figleaf.errors import FigleafError

WRONG_USE = 2

app = typer.Typer(
    name="figleaf",
    help="NSFW image classification on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("classify")(classify.classify)
app.command("models")(catalogue.models)
app.command("labels")(catalogue.labels)
app.command("policies")(catalogue.policies)


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
    """Run the command line; an error of figleaf's becomes one line and exit code 2."""
    try:
        app()
    except FigleafError as error:
        print(f"figleaf: {error}", file=sys.stderr)
        sys.exit(WRONG_USE)
    except BrokenPipeError:
        # The reader has gone, as in `figleaf classify ... | head`: nobody is left to tell. What
        # the interpreter would flush at exit goes nowhere.
        sys.stdout = None
        sys.exit(0)
