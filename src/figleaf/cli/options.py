"""Arguments that several commands take, and what messages call the options that rules come from."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from figleaf.errors import InputError
from figleaf.models.bundle import DEFAULT_MODEL
from figleaf.models.runtime import Precision
from figleaf.training.class_weights import ClassWeights

Folder = Annotated[str, typer.Argument(metavar="DIR", help="A data set.", show_default=False)]
PartOption = Annotated[
    str | None,
    typer.Option(
        help="train, validation, test or all; test where there is a split.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="The same as JSON.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]

ModelsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        help="An embedded model, or a bundle's folder; the first is the default. "
        f"[default: {DEFAULT_MODEL}]",
        show_default=False,
    ),
]
PoliciesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        "-p",
        help="strict, balanced, permissive, or a TOML file; the first is the default.",
        show_default=False,
    ),
]
FastOption = Annotated[bool, typer.Option("--fast", help="bf16, and scaled decoding.")]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(help="What to compute in; f32 unless --fast.", show_default=False),
]
ThreadsOption = Annotated[
    int | None, typer.Option(min=1, help="Batches at once; one a core.", show_default=False)
]

FastFeaturesOption = Annotated[
    bool, typer.Option("--fast", help="Features in bf16, of JPEGs that are decoded scaled.")
]
ClassWeightsOption = Annotated[
    ClassWeights, typer.Option(help="How much rare classes count: none, sqrt, balanced, power.")
]
PowerOption = Annotated[
    float, typer.Option(min=0, max=2, help="The exponent of --class-weights power.")
]


def check_power(is_given: bool, class_weights: ClassWeights) -> None:
    """Refuse an exponent that nothing would be raised to.

    Raises:
        InputError: --power is given, and weights that have none.
    """
    if is_given and class_weights is not ClassWeights.POWER:
        raise InputError("--power is the exponent of --class-weights power: give that as well")


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
