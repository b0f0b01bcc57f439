"""`figleaf models import`: a bundle of another project's model."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from figleaf.cli.terminal import Screen, printable, quoted, standard_output
from figleaf.errors import InputError
from figleaf.models.card import Resample

_SIZE = re.compile(r"(\d+)(?:x(\d+))?")


def import_model(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder in Hugging Face's layout, hf:OWNER/NAME[@REVISION], or a TensorFlow.js"
            " model's folder or model.json.",
            show_default=False,
        ),
    ],
    out: Annotated[str, typer.Argument(metavar="OUT", help="A new folder.", show_default=False)],
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="THEIRS=OURS", help="What a class is, as in LABEL_1=nsfw; again for more."
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Of TensorFlow.js: the classes, in the order of the outputs."),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Safe pictures: nothing is written if most are called unsafe."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The model's name; that of OUT.", show_default=False)
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(help="Its version; the revision's beginning, or 1.", show_default=False),
    ] = None,
    license_: Annotated[
        str | None,
        typer.Option(
            "--license", help="Its licence, where its model card tells none.", show_default=False
        ),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option(help="Of the hub: a branch, tag or commit.", show_default=False),
    ] = None,
    onnx: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The graph to take, where there are several."),
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(help="Of TensorFlow.js: what pixels are: 0..1, -1..1 or 0..255."),
    ] = None,
    resample: Annotated[
        Resample | None,
        typer.Option(help="Of TensorFlow.js: how pictures are resized.", show_default=False),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="HxW", help="Of TensorFlow.js: its input, where it tells none."),
    ] = None,
    logits: Annotated[
        bool, typer.Option("--logits", help="Of TensorFlow.js: a softmax is still to be made.")
    ] = False,
) -> None:
    """Make a bundle of another project's model, which any command's --model then takes.

    Tells what it read of the files, classes and preprocessing above all, before it writes; what it
    cannot know it refuses. Nothing is downloaded but for hf:. Exit codes: 0 done, 2 not done.

    Example: figleaf models import hf:Falconsai/nsfw_image_detection falconsai --check photos
    """
    from figleaf.importing.importer import import_model as run
    from figleaf.importing.mapping import parse_label
    from figleaf.importing.rules import ImportRules

    if not source or not out:
        raise InputError("SOURCE or OUT is empty")
    rules = ImportRules(
        labels=_labels([parse_label(text) for text in label or ()]),
        name=name,
        version=version,
        license=license_,
        revision=revision,
        onnx=onnx,
        classes=tuple(one.strip() for one in classes.split(",")) if classes else (),
        pixels=pixels,
        resample=resample,
        size=_parsed_size(size),
        logits=logits,
    )
    with standard_output() as file:
        screen = Screen(file, soft_wrap=True)
        place = run(source, out, rules=rules, check=check, tell=_telling(screen))
        screen.print(f"wrote {printable(str(place))}: figleaf classify --model {quoted(place)} ...")


def _telling(screen: Screen) -> Callable[[str], None]:
    return lambda line: screen.print(printable(line))


def _labels(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"--label {twice}=... is given twice")
    return found


def _parsed_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _SIZE.fullmatch(text)
    if found is None:
        raise InputError(f"--size {text}: write 224, or 224x192 for height and width")
    height = int(found[1])
    return height, int(found[2] or height)
