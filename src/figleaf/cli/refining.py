"""`figleaf models join` and `quantize`: bundles made of bundles."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from figleaf.classify.quantising.rules import QuantiseRules
from figleaf.cli.options import naming_options
from figleaf.cli.phases import Phases
from figleaf.cli.terminal import Screen, printable, quoted, say, standard_output
from figleaf.errors import InputError
from figleaf.models.int8.ranges import Method
from figleaf.report.tables import counted

if TYPE_CHECKING:
    from figleaf.classify.quantising.quantise import Quantised

_RULES = QuantiseRules()


def join(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL... OUT",
            help="Two models or more: embedded ones' names or bundles' folders; and a new folder.",
            show_default=False,
        ),
    ],
    weights: Annotated[
        str | None,
        typer.Option(help="What each counts, as in 2,1; all the same by default."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The model's name; that of OUT.", show_default=False)
    ] = None,
) -> None:
    """Make one bundle of several models, whose scores it brings together.

    Of models with the same classes it gives the mean; of five-class and binary ones the five
    classes, whose unsafe ones come to the mean of all unsafe scores.

    Example: figleaf models join inception_v3 resnet50_thin both
    """
    from figleaf.models.bundle import join_bundles, open_bundle
    from figleaf.models.writing import check_free, check_model_name, write_bundle

    *names, out = models
    if len(names) < 2:
        raise InputError("name two models or more, and then a new folder")
    folder = Path(out)
    check_free(folder)
    if name:
        check_model_name(name)
    bundle = join_bundles(
        [open_bundle(one) for one in names],
        weights=None if weights is None else _weights(weights),
        name=name or folder.name,
    )
    write_bundle(folder, dict(bundle.card.raw), bundle.graph)
    with standard_output() as file:
        screen = Screen(file, soft_wrap=True)
        screen.print(printable(bundle.card.description))
        screen.print(_written(folder))


def quantize(
    model: Annotated[
        str,
        typer.Argument(help="An embedded model's name or a bundle's folder.", show_default=False),
    ],
    out: Annotated[str, typer.Argument(metavar="OUT", help="A new folder.", show_default=False)],
    calibrate: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Pictures like those that it will see; all may be safe.",
            show_default=False,
        ),
    ],
    pictures: Annotated[int, typer.Option(help="How many calibrate.")] = _RULES.pictures,
    holdout: Annotated[
        int, typer.Option(help="How many others the two models are compared by, at most.")
    ] = _RULES.holdout,
    drift: Annotated[
        float, typer.Option(help="The largest mean difference of a probability that is taken.")
    ] = _RULES.drift,
    changed: Annotated[
        float, typer.Option(help="The largest share of changed decisions that is taken.")
    ] = _RULES.changed,
    method: Annotated[
        Method, typer.Option(help="Where values are cut off (docs/models.md).")
    ] = _RULES.method,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of pictures.")] = _RULES.seed,
) -> None:
    """Make a model's twin in int8, which runs faster, and say how far it is from the model.

    The figures are printed before anything is written; past a bound, nothing is. Exit codes: 0
    written, 2 not.

    Example: figleaf models quantize inception_v3 fast --calibrate photos
    """
    from figleaf.classify.quantising.quantise import quantise
    from figleaf.models.writing import check_free

    folder = Path(out)
    check_free(folder)
    with naming_options():
        rules = QuantiseRules(pictures, holdout, drift, changed, method, seed)
    with Phases(shown=True) as phases:
        found = quantise(model, calibrate, rules, _Watch(phases))
    if found.unreadable:
        say(f"figleaf: {counted(found.unreadable, 'file', 'files')} of {calibrate} left out")
    with standard_output() as file:
        screen = Screen(file, soft_wrap=True)
        for line in _figures(found):
            screen.print(printable(line))
        file.flush()
        found.write(folder)
        screen.print(_written(folder))


def _weights(text: str) -> list[float]:
    try:
        return [float(one) for one in text.split(",")]
    except ValueError:
        raise InputError(f"--weights {text}: write numbers, as in 2,1") from None


class _Watch:
    """Tells phases of pictures, and of a new phase where one begins."""

    def __init__(self, phases: Phases) -> None:
        self._phases, self._phase = phases, ""

    def __call__(self, phase: str, done: int, total: int) -> None:
        if phase != self._phase:
            self._phases.start(phase, total)
            self._phase = phase
        self._phases.done(done)


def _figures(found: "Quantised") -> list[str]:
    drift = found.drift
    decided = "none" if drift.same_decision is None else f"{drift.same_decision:.1%}"
    return [
        f"{counted(found.convolutions, 'convolution', 'convolutions')} in int8, calibrated with"
        f" {counted(found.pictures, 'picture', 'pictures')}",
        f"against f32, on {counted(drift.pictures, 'other', 'others')}:",
        f"  a probability moves by {drift.mean:.4f} in the mean, {drift.largest:.3f} at most",
        f"  the same class for {drift.same_class:.1%}",
        f"  the same decision of {drift.policy} for {decided}",
    ]


def _written(folder: Path) -> str:
    return f"wrote {printable(str(folder))}: figleaf classify --model {quoted(folder)} ..."
