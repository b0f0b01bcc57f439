"""`figleaf train`: a classifier of one's own, out of a data set."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import cell_len

from figleaf.cli.grid import print_grid
from figleaf.cli.options import (
    ClassWeightsOption,
    FastFeaturesOption,
    Folder,
    JsonOption,
    PowerOption,
    QuietOption,
    check_power,
    naming_options,
)
from figleaf.cli.phases import Phases, told_of_interruption
from figleaf.cli.terminal import Screen, print_json, printable, quoted, say, standard_output
from figleaf.errors import InputError
from figleaf.report.tables import counted
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.rules import Mode, TrainRules

if TYPE_CHECKING:
    from figleaf.training.report import TrainReport

_RULES = TrainRules()
_TUNING = FinetuneRules()
_WIDE = 1_000  # layers in the table of details
_CONFUSED = 20  # pairs of classes in the table of what was confused
_FEW = 10  # images of a class, as `figleaf split` has it
_FEW_TO_CALIBRATE = 30


def train(
    folder: Folder,
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="A new folder for the model, which takes its name from it.",
            show_default=False,
        ),
    ],
    mode: Annotated[
        Mode, typer.Option(help="probe: a head on frozen features; finetune: the net as well.")
    ] = _RULES.mode,
    backbone: Annotated[
        str,
        typer.Option(
            help="An embedded model or several joined by +, auto, a bundle's folder, a TOML file"
            " about an ONNX graph, resnet50, or a name that timm knows."
        ),
    ] = _RULES.backbone,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Weights of resnet50 or of timm's net."),
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(help="What that file has to hash to.", show_default=False)
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Let timm download the net's published weights.")
    ] = False,
    fast: FastFeaturesOption = False,
    class_weights: ClassWeightsOption = _RULES.class_weights,
    power: PowerOption = _RULES.power,
    l2: Annotated[
        float | None,
        typer.Option(
            min=0, help="The head's penalty; by default chosen in validation.", show_default=False
        ),
    ] = None,
    validation: Annotated[
        float,
        typer.Option(
            help="The share of train held out, where the split has no validation part and folds"
            " would not do: over 10,000 images, or in fine-tuning."
        ),
    ] = _RULES.validation,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn by lot.")] = _RULES.seed,
    tune: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A rule of fine-tuning, such as epochs=20; again for more.",
        ),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Do not go on from a checkpoint of fine-tuning.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the model that is there.")
    ] = False,
    detail: Annotated[
        bool, typer.Option("--detail", help="Show the layers of the model as well.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train a classifier on the split of a data set; classify and evaluate take what comes of it.

    Features are computed once and kept, so the next training takes seconds; what was killed goes
    on where it was. Exit codes: 0 done, 2 wrong use, 130 interrupted.

    Example: figleaf train my-data my-model
    """
    from figleaf.curate.watch import Watch
    from figleaf.training.train import assist, is_first
    from figleaf.training.train import train as run

    if not folder:
        raise InputError("DIR is empty: name a data set's folder")
    if tune and mode is not Mode.FINETUNE:
        raise InputError("--set is a rule of fine-tuning: it goes with --mode finetune")
    if anew and mode is not Mode.FINETUNE:
        raise InputError(
            "--anew is about a checkpoint of fine-tuning: it goes with --mode finetune"
        )
    check_power(power != _RULES.power, class_weights)
    with naming_options():
        rules = TrainRules(
            mode=mode,
            backbone=backbone,
            weights=str(weights) if weights else None,
            sha256=sha256,
            download=download,
            fast=fast,
            class_weights=class_weights,
            power=power,
            l2=l2,
            validation=validation,
            seed=seed,
        )
    tuning = _tuning(tune or []) if mode is Mode.FINETUNE else None
    if not is_first():  # of the processes that torchrun started
        assist(folder, out, rules=rules, finetuning=tuning, anew=anew)
        return
    with told_of_interruption(), Phases(shown=not quiet) as phases:
        found = run(
            folder,
            out,
            rules=rules,
            finetuning=tuning,
            overwrite=overwrite,
            anew=anew,
            watch=Watch(phases.start, phases.done),
        )
    if as_json:
        print_json(found.to_dict())
        return
    _print(found, detail=detail)
    for hint in _hints(found, folder, out):
        say(printable(hint))


def _tuning(texts: list[str]) -> FinetuneRules:
    kinds = {one.name: type(getattr(_TUNING, one.name)) for one in fields(FinetuneRules)}
    kinds["threads"] = int
    values: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or name not in kinds or name in ("class_weights", "power"):
            known = ", ".join(name for name in kinds if name not in ("class_weights", "power"))
            raise InputError(f"--set {text!r}: give NAME=VALUE, with one of {known}")
        values[name] = _value(text, kinds[name], value)
    try:
        return FinetuneRules(**values)
    except InputError as error:
        raise InputError(f"--set: {error}") from error


def _value(text: str, kind: type[Any], value: str) -> Any:
    if kind is bool:
        if value not in ("true", "false"):
            raise InputError(f"--set {text}: true or false")
        return value == "true"
    try:
        return kind(value)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise InputError(f"--set {text}: not {wanted}") from None


def _print(found: "TrainReport", *, detail: bool) -> None:
    with standard_output() as file:
        screen = Screen(file)
        print_grid(screen, ("model", ""), list(_summary(found)))
        screen.print()
        print_grid(screen, ("class", ">train", ">validation", ">test"), list(_classes(found)))
        screen.print()
        print_grid(screen, ("results", *_FIGURES), list(_results(found)))
        if found.test:
            screen.print()
            _print_matrix(screen, list(found.classes), found.test.matrix.tolist())
        screen.print()
        print_grid(screen, ("time", ">seconds", ""), list(_times(found)))
        if detail:
            screen.print()
            head = ("layer", "kind", "gives", ">parameters", ">MFLOPs")
            print_grid(screen, head, list(_layers(found))[:_WIDE])


def _print_matrix(screen: Screen, labels: list[str], matrix: list[list[int]]) -> None:
    """The confusion matrix, or where it is too wide for the terminal, what was confused."""
    first = "test, true class"
    counts = [[str(count) for count in row] for row in matrix]
    columns = zip(labels, *counts, strict=True)
    width = max(map(cell_len, (first, *labels)))
    width += sum(2 + max(map(cell_len, column)) for column in columns)
    if width <= screen.width:
        rows = [(label, *row) for label, row in zip(labels, counts, strict=True)]
        print_grid(screen, (first, *(f">{label}" for label in labels)), rows)
        return
    confused = list(_confused(labels, matrix))
    print_grid(screen, (first, "taken for", ">images", ">of"), confused[:_CONFUSED])
    if not confused:
        screen.print("none was taken for another")
    if len(confused) > _CONFUSED:
        pairs = counted(len(confused) - _CONFUSED, "other pair", "other pairs")
        screen.print(f"and {pairs}; --json has all")


def _confused(labels: list[str], matrix: list[list[int]]) -> Iterator[tuple[str, str, str, str]]:
    """Pairs of classes, the true one first, those that most images are confused by first."""
    pairs = ((true, taken) for true in range(len(labels)) for taken in range(len(labels)))
    for true, taken in sorted(pairs, key=lambda pair: -matrix[pair[0]][pair[1]]):
        count = matrix[true][taken]
        if count and true != taken:
            yield labels[true], labels[taken], f"{count:,}", f"{sum(matrix[true]):,}"


_FIGURES = (">images", ">accuracy", ">macro F1", ">log-loss", ">ECE")


def _summary(found: "TrainReport") -> Iterator[tuple[str, str]]:
    """As the reference's "model summary"."""
    yield "name", found.name
    yield "classes", f"{len(found.classes)}: {', '.join(found.classes)}"
    yield "examples", f"{found.trained:,}"
    yield "backbone", f"{found.backbone}, {'frozen' if found.l2 is not None else 'fine-tuned'}"
    yield "features", f"{found.width:,}"
    sizes = (f"{one.input[0]} x {one.input[1]} x 3" for one in found.backbones)
    yield "input", ", ".join(dict.fromkeys(sizes))
    if found.l2 is not None:
        by = f"L-BFGS, {found.iterations} iterations"
        yield "head", f"logistic regression, {by}, L2 {found.l2:.4g}"
        if len(found.shares) > 1:
            pairs = zip(found.backbones, found.shares, strict=True)
            yield "shares", ", ".join(f"{one.name} {share:g}" for one, share in pairs)
    else:
        steps = counted(found.iterations, "step", "steps")
        yield "net", f"{steps} in {counted(len(found.epochs) - 1, 'epoch', 'epochs')}"
    yield "class weights", str(found.rules.class_weights)
    yield "computed in", found.precision
    calibration = found.calibration
    yield (
        "calibration",
        f"temperature {calibration.temperature:.3f}; ECE {calibration.before:.3f} before,"
        f" {calibration.after:.3f} after ({found.held_out})",
    )
    yield "seconds", f"{found.timing.total:.1f}"
    yield "layers", f"{len(found.detail.layers):,}"
    yield "parameters", f"{found.detail.parameters:,}"
    if found.detail.flops is not None:
        yield "FLOPs", f"{found.detail.flops / 1e9:.2f} billion a picture"
    yield "data set", f"{found.data_hash[:12]}, split {found.split[:12]}, seed {found.rules.seed}"
    yield "bundle", found.bundle_hash[:12]


def _classes(found: "TrainReport") -> Iterator[tuple[str, ...]]:
    for label, counts in found.classes.items():
        yield label, *(f"{counts[part]:,}" for part in ("train", "validation", "test"))


def _results(found: "TrainReport") -> Iterator[tuple[str, ...]]:
    held_out = found.held_out
    if "validation" not in held_out:
        held_out = f"validation, {held_out}"
    for name, one in ((held_out, found.validation), ("test", found.test)):
        if one is not None:
            figures = (one.accuracy, one.macro_f1, one.log_loss, one.calibration_error)
            yield name, f"{one.images:,}", *(f"{figure:.4f}" for figure in figures)


def _times(found: "TrainReport") -> Iterator[tuple[str, str, str]]:
    timing = found.timing
    speed = ""
    if timing.computed and timing.features:
        images = counted(timing.computed, "image", "images")
        speed = f"{images} computed, {timing.computed / timing.features:.0f} a second"
    yield "loading", f"{timing.loading:.1f}", "the ledger, and the check of its split"
    yield "features", f"{timing.features:.1f}", speed or "all were there"
    yield "training", f"{timing.training:.1f}", ""
    yield "testing", f"{timing.testing:.1f}", ""
    yield "writing", f"{timing.writing:.1f}", "the bundle, and a check of what it gives"
    yield "in all", f"{timing.total:.1f}", ""


def _layers(found: "TrainReport") -> Iterator[tuple[str, ...]]:
    """As the reference's "model detail"."""
    for layer in found.detail.layers:
        shape = " x ".join(map(str, layer.shape[1:])) if layer.shape else ""
        macs = "" if not layer.macs else f"{2 * layer.macs / 1e6:.1f}"
        parameters = f"{layer.parameters:,}" if layer.parameters else ""
        yield layer.name, layer.kind, shape, parameters, macs


def _hints(found: "TrainReport", folder: str, out: Path) -> Iterator[str]:
    if found.chosen:
        compared = ", ".join(f"{name} {loss:.4f}" for name, loss in found.chosen.items())
        yield f"chosen by log-loss in validation: {compared}"
    if not found.converged:
        yield f"the head had not converged after {found.iterations} iterations"
    if found.unreadable:
        images = counted(found.unreadable, "image", "images")
        yield f"{images} could not be read; figleaf clean {quoted(folder)} says why"
    if found.left_out:
        images = counted(found.left_out, "image is", "images are")
        yield f"{images} of no part of the split, or of a class that train has not"
    yield from _too_few(found)
    here = quoted(str(out))
    yield (
        f"next: `figleaf classify PICTURE --model {here}`,"
        f" `figleaf evaluate {quoted(folder)} --model {here}`"
    )


def _too_few(found: "TrainReport") -> Iterator[str]:
    """What the figures cannot bear out, since there are so few images."""
    few = [label for label, counts in found.classes.items() if counts["train"] < _FEW]
    if few:
        yield f"fewer than {_FEW} images to learn from: {', '.join(few)}; collect more of them"
    if found.calibration.images < _FEW_TO_CALIBRATE:
        images = counted(found.calibration.images, "image", "images")
        yield f"calibrated on {images}: take its probabilities for rough"
    if found.test is None:
        yield "the split has no test part: nothing says how it does on images it was not fitted on"
        return
    untested = [label for label, counts in found.classes.items() if not counts["test"]]
    if untested:
        yield f"no image to test with: {', '.join(untested)}; nothing says how it does on them"
