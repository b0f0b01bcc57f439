"""`figleaf export`: what others read, and what they look at."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from figleaf.cli.exporting_tfjs import tfjs
from figleaf.cli.grid import print_grid
from figleaf.cli.options import ModelsOption, PoliciesOption, QuietOption
from figleaf.cli.phases import Phases
from figleaf.cli.terminal import Screen, print_json, printable, say, standard_output
from figleaf.errors import DatasetError, InputError, LeakError
from figleaf.export.rules import PARTS, By, ExportRules, Form, Link, Unlabelled
from figleaf.models.bundle import DEFAULT_MODEL
from figleaf.report.tables import bytes_, counted

if TYPE_CHECKING:
    from figleaf.dataset.dataset import Dataset
    from figleaf.export.report import ExportCount, ExportReport
    from figleaf.web.export import WebExport

_RULES = ExportRules()
_OPTIONS = {"form": "--format", "by": "--by", "split": "--split", "link": "--link"} | {
    "unlabelled": "--unlabelled",
    "images_per_shard": "--images-per-shard",
    "label": "--label",
    "embed": "--embed",
}
_VALUE = re.compile(rf"\b({'|'.join(_OPTIONS)})=(\S+?)(?=[\s,;:.]|$)")
_NAME = re.compile(rf"(?<=with )({'|'.join(_OPTIONS)})\b|\b(embed|split)(?= and | is for | asks )")

_WHY = {
    "no_class": "no class; --unlabelled include takes what has none",
    "no_part": "in no part; --by none exports all together",
    "missing": "the file is gone",
    "altered": "the file holds other bytes than were collected",
    "unreadable": "the file cannot be read",
    "changed": "changed while the export ran; a new export has it",
}
"""What a hint says of images that were left out."""

app = typer.Typer(
    name="export",
    help="Export data sets and models in the forms that others read, and the page with models.",
    no_args_is_help=True,
)


@app.callback()
def export() -> None:
    """Export data sets and models in the forms that others read, and the page with models."""


@app.command("dataset")
def dataset(
    # A Path would make the current folder of an empty one.
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A data set.", show_default=False)],
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="The folder to make.", show_default=False)
    ],
    form: Annotated[Form, typer.Option("--format", "-f", help="What to make.")] = _RULES.form,
    link: Annotated[
        Link | None,
        typer.Option(
            help="How images come into it; copy, but none for tables.", show_default=False
        ),
    ] = None,
    by: Annotated[
        By | None,
        typer.Option(
            help="Whose parts; figleaf's where there are any, else the sources'.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help=f"Only this part, {', '.join(PARTS)}; can be given again.",
        ),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Only this class; can be given again.")
    ] = None,
    min_side: Annotated[int, typer.Option(min=0, help="Pixels of the shorter side at least.")] = 0,
    unlabelled: Annotated[
        Unlabelled | None,
        typer.Option(
            help="What becomes of images without a class; only tables include them.",
            show_default=False,
        ),
    ] = None,
    images_per_shard: Annotated[
        int, typer.Option(min=1, help="Of WebDataset.")
    ] = _RULES.images_per_shard,
    embed: Annotated[
        bool, typer.Option("--embed", help="Put the images' bytes into the Parquet table.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The table as JSON.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Export the images in use as ImageFolder, WebDataset, Parquet, CSV or for Hugging Face.

    OUT appears when it is complete, with figleaf-export.json, which says where it comes from.

    Example: figleaf export dataset my-data photos --split train --link hard
    """
    # Imported late: no other command waits for what this one needs.
    from figleaf.curate.watch import Watch
    from figleaf.dataset.dataset import Dataset
    from figleaf.export.dataset import export_dataset

    if not folder or not out:
        raise InputError("DIR or OUT is empty: name the data set's folder, and the one to make")
    with _ending(), Dataset(Path(folder)) as data:
        rows = data.filter(label=_known(label, data) if label else ..., min_side=min_side)
        with Phases(shown=not quiet) as phases:
            report = export_dataset(
                rows,
                out,
                form=form,
                by=by,
                split=split or (),
                link=link,
                unlabelled=unlabelled,
                images_per_shard=images_per_shard,
                embed=embed,
                watch=Watch(phases.start, phases.done),
            )
    _print(report, out, as_json=as_json, quiet=quiet)


@app.command("web")
def web(
    # A Path would make the current folder of an empty one.
    out: Annotated[
        str, typer.Argument(metavar="DIR", help="The folder to make.", show_default=False)
    ],
    model: ModelsOption = None,
    policy: PoliciesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was written, as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Not how to host it.")] = False,
) -> None:
    """Make a static site of the page that classifies in the browser, with models of your choice.

    DIR appears when it is complete. Whoever can reach the site can download the models.

    Example: figleaf export web site --model mobilenet_v2 --model my-model
    """
    from figleaf.web.export import export_web

    if not out:
        raise InputError("DIR is empty: name the folder to make")
    try:
        made = export_web(out, model or [DEFAULT_MODEL], policies=policy or ())
    except KeyboardInterrupt:
        say("figleaf: interrupted; nothing was left behind")
        raise
    _print_site(made, out, as_json=as_json, quiet=quiet)


app.command("tfjs")(tfjs)


def _print_site(made: "WebExport", out: str, *, as_json: bool, quiet: bool) -> None:
    """The models on standard output; on stderr, how the site is hosted."""
    from figleaf.web.hosting import how_to_host

    if as_json:
        print_json(made.to_dict())
    else:
        rows = [(one.name, bytes_(one.size), one.policy) for one in made.models]
        with standard_output() as file:
            print_grid(Screen(file), ("model", ">size", "policy"), rows)
    if not quiet:
        say(printable(f"{out}: {counted(made.files, 'file', 'files')}, {bytes_(made.size)}"))
        for line in how_to_host(out):
            say(printable(line))


def _known(labels: list[str], data: "Dataset") -> list[str]:
    """The classes, if the data set has them all: a misspelt one would leave its images out."""
    there = {one.label for one in data.status().classes if one.label is not None}
    for label in labels:
        if label not in there:
            known = ", ".join(map(repr, sorted(there))) or "none"
            raise InputError(f"--label {label!r}: no such class in {data.folder}; it has {known}")
    return labels


@contextmanager
def _ending() -> Iterator[None]:
    """Call the arguments in messages what the command line calls them; say what Ctrl-C left."""
    try:
        yield
    except KeyboardInterrupt:
        say("figleaf: interrupted; nothing was left behind")
        raise
    except LeakError:
        raise
    except (InputError, DatasetError) as error:
        raise type(error)(in_options(str(error))) from error


def in_options(text: str) -> str:
    """A message that names arguments, with the options instead: `link=copy` as `--link copy`."""
    text = _VALUE.sub(lambda found: f"{_OPTIONS[found[1]]} {found[2]}", text)
    return _NAME.sub(lambda found: _OPTIONS[found[1] or found[2]], text)


def _print(report: "ExportReport", out: str, *, as_json: bool, quiet: bool) -> None:
    """The counts on standard output; on stderr, what was left out and what should be known."""
    if as_json:
        print_json(report.to_dict())
    else:
        _print_counts(report.counts)
    for one in report.left_out:
        say(printable(f"{one.count:,} left out: {_WHY[one.reason]}"))
    for note in report.notes:
        say(printable(in_options(note)))
    if not quiet:
        parts = {"figleaf": "parts of figleaf split", "sources": "parts of the sources"}
        whose = parts.get(report.by, "no parts")
        files = f"{counted(report.files, 'file', 'files')}, {bytes_(report.size)}"
        say(printable(f"{out}: {report.form}, {files}, {whose}"))


def _print_counts(counts: Sequence["ExportCount"]) -> None:
    """One line a class and part, and one for all."""
    first = 0 if any(count.part for count in counts) else 1
    head = ("part", "class", ">images", ">size")
    rows = [
        (count.part or "", count.label or "no class", f"{count.images:,}", bytes_(count.size))
        for count in counts
    ]
    if len(rows) > 1:
        images = sum(count.images for count in counts)
        names = ("", "in all") if first else ("in all", "")
        rows.append((*names, f"{images:,}", bytes_(sum(count.size for count in counts))))
    with standard_output() as file:
        print_grid(Screen(file), head[first:], [row[first:] for row in rows])
