"""`figleaf evaluate`: models on labelled images, and on pictures that nobody has labelled."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from figleaf.cli.grid import print_grid
from figleaf.cli.listing import STDOUT, check_list, write_list
from figleaf.cli.options import (
    FastOption,
    PartOption,
    PrecisionOption,
    QuietOption,
    ThreadsOption,
    naming_options,
)
from figleaf.cli.output import opened
from figleaf.cli.phases import Phases, told_of_interruption
from figleaf.cli.pictures import PicturesAsked, run_pictures
from figleaf.cli.stats import Language
from figleaf.cli.terminal import Screen, print_json, printable, say, standard_output
from figleaf.errors import InputError
from figleaf.models.bundle import DEFAULT_MODEL
from figleaf.report.tables import counted, listed

if TYPE_CHECKING:
    from figleaf.evaluation.evaluate import Evaluation
    from figleaf.evaluation.rules import EvaluateRules
    from figleaf.report.tables import Table
    from figleaf.report.texts import Words

_OF_PICTURES = {
    *("pictures", "sheets", "show", "models", "top_k", "policy", "fast", "precision", "threads"),
    *("as_json", "language", "quiet"),
}
"""What goes with `--pictures`: all else needs labels."""


def evaluate(
    context: typer.Context,
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATA]...",
            help="A data set, a folder with one a class, CLASS=FOLDER; several are pooled.",
            show_default=False,
        ),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help=f"An embedded model, or a bundle's folder; again for more. [{DEFAULT_MODEL}]",
            show_default=False,
        ),
    ] = None,
    part: PartOption = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            "-p",
            help="strict, balanced, permissive, or a TOML file: what is unsafe.",
            show_default=False,
        ),
    ] = None,
    fast: FastOption = False,
    precision: PrecisionOption = None,
    threads: ThreadsOption = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="The unsafe score from which on it is called so.")
    ] = 0.5,
    base_rate: Annotated[
        float, typer.Option(min=0, max=1, help="The share of unsafe images to count 10,000 for.")
    ] = 0.01,
    target_fpr: Annotated[
        list[float] | None,
        typer.Option(help="Find the threshold of a false-positive rate; again for more."),
    ] = None,
    target_recall: Annotated[
        list[float] | None, typer.Option(help="Find the threshold of a recall; again for more.")
    ] = None,
    top_k: Annotated[
        int, typer.Option("--top-k", "-k", min=1, help="Up to how many of the most probable.")
    ] = 3,
    robustness: Annotated[
        bool,
        typer.Option("--robustness", help="Also recompress, resize, frame, grey, blur, mirror."),
    ] = False,
    robustness_images: Annotated[
        int, typer.Option(min=1, help="Of so many images at most, chosen by hash.")
    ] = 500,
    repeats: Annotated[int, typer.Option(min=1, help="Draws for the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write evaluation.json and plots.")
    ] = None,
    list_to: Annotated[
        Path | None,
        typer.Option(
            "--list", metavar="FILE", help="Also write every answer: .csv, .jsonl; - for stdout."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
    language: Annotated[
        Language, typer.Option("--lang", help="Of the tables and plots: en, ko.")
    ] = Language.EN,
    pictures: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Instead: what models say of unlabelled pictures."),
    ] = None,
    sheets: Annotated[
        list[Path] | None,
        typer.Option("--sheet", metavar="FILE", help="With --pictures: a sheet, .png or .html."),
    ] = None,
    show: Annotated[
        bool,
        typer.Option("--show", help="Plain thumbnails on a PNG sheet; else destroyed ones alone."),
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Measure models on labelled images: the test part of a data set, or folders.

    Exit codes: 0 done, whatever the figures, 2 wrong use, 130 interrupted.

    Example: figleaf evaluate my-data --model my-model --model inception_v3 --out evaluation
    """
    from figleaf.evaluation.rules import EvaluateRules

    chosen = tuple(models or [DEFAULT_MODEL])
    if pictures is not None:
        if others := [name for name in _given_options(context) if name not in _OF_PICTURES]:
            names = ", ".join(_called(name, context) for name in others)
            raise InputError(f"{names}: not with --pictures, which has no labels to go by")
        run_pictures(
            PicturesAsked(
                folder=pictures,
                models=chosen,
                top_k=top_k,
                policy=policy,
                fast=fast,
                precision=precision,
                threads=threads,
                sheets=tuple(sheets or ()),
                show=show,
                language=language.value,
                as_json=as_json,
                quiet=quiet,
            )
        )
        return
    if sheets or show:
        raise InputError("--sheet and --show are for --pictures FOLDER")
    if not robustness and "robustness_images" in _given_options(context):
        raise InputError("--robustness-images is for --robustness")
    if not data:
        raise InputError("name a data set or a folder with one a class; or give --pictures FOLDER")
    with naming_options():
        rules = EvaluateRules(
            part=part,
            policy=policy,
            fast=fast,
            precision=precision,
            threads=threads,
            threshold=threshold,
            base_rate=base_rate,
            **_given(target_fpr=target_fpr, target_recall=target_recall),
            top_k=top_k,
            robustness=robustness,
            robustness_images=robustness_images,
            repeats=repeats,
            seed=seed,
        )
    check_list(list_to, option="--list", as_json=as_json)
    if out is not None:
        _check_out(out)
    found = _measured(data, chosen, rules, quiet=quiet)
    _give(found, out, list_to, as_json, language)


def _given_options(context: typer.Context) -> list[str]:
    """The parameters that the command line has, by name, in the order of the help."""
    names = [parameter.name or "" for parameter in context.command.params]
    # By its name: the enumeration is click's in some versions of typer, and typer's own in others.
    sources = [context.get_parameter_source(name) for name in names]
    pairs = zip(names, sources, strict=True)
    return [name for name, source in pairs if source and source.name == "COMMANDLINE"]


def _called(name: str, context: typer.Context) -> str:
    """What the help calls a parameter."""
    found = next(one for one in context.command.params if one.name == name)
    return found.opts[0] if found.param_type_name == "option" else name.upper()


def _given(**targets: list[float] | None) -> dict[str, Any]:
    """Those that were given; the rules have others by themselves."""
    return {name: tuple(values) for name, values in targets.items() if values}


def _check_out(folder: Path) -> None:
    """See that plots can be drawn and the folder made, before anything is scored."""
    from figleaf.report.evaluation_files import require_plots

    require_plots()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: not a folder; give --out a folder")
    if not folder.exists() and not folder.absolute().parent.is_dir():
        raise InputError(f"{folder}: no folder {folder.parent}; give --out one in a folder that is")


def _measured(
    data: list[str], models: Sequence[str], rules: "EvaluateRules", *, quiet: bool
) -> "list[Evaluation]":
    from figleaf.curate.watch import Watch
    from figleaf.evaluation.evaluate import evaluate_all

    with told_of_interruption("nothing was written"), Phases(shown=not quiet) as phases:
        watch = Watch(phases.start, phases.done)
        return evaluate_all(data, models, rules=rules, watch=watch)


def _give(
    found: "list[Evaluation]",
    out: Path | None,
    list_to: Path | None,
    as_json: bool,
    language: Language,
) -> None:
    """Write, print and tell what was found."""
    from figleaf.evaluation.evaluate import Answer
    from figleaf.report.texts import Words

    words = Words(language.value)
    if out is not None:
        _write(found, out, words)
    if list_to is not None:
        answers = (answer for one in found for answer in one.answers())
        write_list(answers, Answer, list_to, option="--list")
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    if list_to != STDOUT:
        _print(found, words)
    for hint in _hints(found):
        say(printable(hint))


def _write(found: "list[Evaluation]", out: Path, words: "Words") -> None:
    """The files of each model, each written beside its place and then renamed."""
    from figleaf.report.evaluation_files import files, folder_names

    out.mkdir(exist_ok=True)
    for name, one in zip(folder_names(found), found, strict=True):
        folder = out / name
        folder.mkdir(exist_ok=True)
        for file_name, content in files(one, words):
            try:
                with opened(folder / file_name) as file:
                    file.write(content)
            except InputError as error:
                raise InputError(
                    str(error).replace("give -o a file", "give --out a folder")
                ) from error


def _print(found: "list[Evaluation]", words: "Words") -> None:
    from figleaf.report.evaluation_tables import OF_EACH, names, origins, summary

    made = [origins(found, words), summary(found, words)]
    titles = [table.title for table in made]
    for name, one in zip(names(found), found, strict=True):
        of_one = [table for make in OF_EACH if (table := make(one, words)).rows]
        made += of_one
        titles += [f"{name}: {table.title}" for table in of_one]
    with standard_output() as file:
        screen = Screen(file)
        for number, (title, table) in enumerate(zip(titles, made, strict=True)):
            if number:
                screen.print()
            _print_table(screen, title, table)


def _print_table(screen: Screen, title: str, table: "Table") -> None:
    screen.print(printable(title), style="bold", soft_wrap=True)
    print_grid(screen, table.head, table.rows)
    if table.note:
        screen.print(printable(table.note), soft_wrap=True)


def _hints(found: "list[Evaluation]") -> Iterator[str]:
    first = found[0]
    yield f"{first.origin.data}: {counted(first.images, 'image', 'images')}"
    if first.left_out:
        yield f"not among them: {listed(first.left_out)}"
    failures = {listed(one.failures): sum(one.failures.values()) for one in found if one.failures}
    for told, count in failures.items():
        yield f"{counted(count, 'image', 'images')} could not be read: {told}"
    # Models of the same classes have the same to say, but for their names.
    yield from dict.fromkeys(note for one in found for note in one.notes)
