"""Arguments that several commands take, and what messages call the options that rules come from."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from figleaf.errors import InputError

Folder = Annotated[str, typer.Argument(metavar="DIR", help="A data set.", show_default=False)]
PartOption = Annotated[
    str | None,
    typer.Option(
        help="train, validation, test or all; test where there is a split.", show_default=False
    ),
]


@contextmanager
def naming_options() -> Iterator[None]:
    """Call the values of rules in messages what the command line calls them."""
    try:
        yield
    except InputError as error:
        named = re.sub(r"^(\w+)(?= must|=)", lambda found: _option(found[1]), str(error))
        raise InputError(named) from error


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
