"""`figleaf export tfjs`: a bundle for sites that run NSFW JS."""

from typing import TYPE_CHECKING, Annotated

import typer

from figleaf.cli.terminal import Screen, print_json, printable, say, standard_output
from figleaf.errors import InputError
from figleaf.models.bundle import DEFAULT_MODEL
from figleaf.report.tables import bytes_, counted

if TYPE_CHECKING:
    from figleaf.export.tfjs.export import TfjsExport


def tfjs(
    # A Path would make the current folder of an empty one.
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="The folder to make.", show_default=False)
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", help="An embedded model, or a bundle's folder.")
    ] = DEFAULT_MODEL,
    as_json: Annotated[bool, typer.Option("--json", help="What was written, as JSON.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Nothing but how it is loaded.")
    ] = False,
) -> None:
    """Export a model for sites that run NSFW JS: a TensorFlow.js graph model.

    OUT appears when it is complete, and its scores have been compared with the bundle's. Only
    bundles of NSFW JS' five classes that are shown pictures as it shows them can be exported:
    those trained on mobilenet_v2, mobilenet_v2_mid or inception_v3, and these three.

    Example: figleaf export tfjs my-model-tfjs --model my-model
    """
    from figleaf.export.tfjs.export import export_tfjs

    if not out:
        raise InputError("OUT is empty: name the folder to make")
    try:
        made = export_tfjs(out, model)
    except KeyboardInterrupt:
        say("figleaf: interrupted; nothing was left behind")
        raise
    _print(made, out, as_json=as_json, quiet=quiet)


def _print(made: "TfjsExport", out: str, *, as_json: bool, quiet: bool) -> None:
    """How the model is loaded on standard output; on stderr, what it is."""
    if as_json:
        print_json(made.to_dict())
    else:
        with standard_output() as file:
            Screen(file, soft_wrap=True).print(printable(made.call))
    if not quiet:
        files = counted(made.files, "file", "files")
        say(
            printable(
                f"{out}: {made.name}, {files}, {bytes_(made.download)} to download;"
                f" scores moved by {made.moved:.1g} at most"
            )
        )
