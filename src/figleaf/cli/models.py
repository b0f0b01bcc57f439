"""`figleaf models`: what there is, and how others' models become bundles."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text
from typer.core import TyperGroup

from figleaf.cli import importing, refining
from figleaf.cli.terminal import Screen, print_json, printable, standard_output
from figleaf.errors import BundleError
from figleaf.models.bundle import (
    DEFAULT_MODEL,
    embedded,
    find_bundle,
    members,
    open_bundle,
    open_card,
)
from figleaf.models.card import Card
from figleaf.models.origin import Origin

_SOURCES = {"huggingface": "Hugging Face's layout", "tfjs": "TensorFlow.js"}


class ListedByDefault(TyperGroup):
    """`figleaf models NAME` is short for `figleaf models list NAME`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command's name in where there is none."""
        if not args or not (args[0] in self.commands or args[0] in ctx.help_option_names):
            args = ["list", *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


app = typer.Typer(
    cls=ListedByDefault,
    name="models",
    help="List the models; make bundles of others.",
)


@app.callback()
def models() -> None:
    """List the models; make bundles of others."""


@app.command("list")
def list_models(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models to show; all embedded ones by default.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole cards, as JSON.")] = False,
) -> None:
    """List the models: what they tell, their size, licence and false alarms.

    Example: figleaf models list inception_v3 --json
    """
    shown = names or embedded()
    cards = [open_card(name) for name in shown]
    if as_json:
        print_json([card.raw for card in cards])
        return
    sizes = [_size(name) for name in shown]
    with standard_output() as file:
        screen = Screen(file)
        for card, size in zip(cards, sizes, strict=True):
            for line in _described(card, size):
                screen.print(line)


app.command("import")(importing.import_model)
app.command("join")(refining.join)
app.command("quantize")(refining.quantize)


def _size(model: str) -> int:
    if len(members(model)) > 1:
        return len(open_bundle(model).graph)
    graph = find_bundle(model) / "model.onnx"
    try:
        return graph.stat().st_size
    except OSError as error:
        raise BundleError(
            f"{graph}: {error.strerror}; a bundle is model.onnx + card.json"
        ) from error


def _described(card: Card, size: int) -> Iterator[RenderableType]:
    """A model in a few lines: what it is, what it gives, what it takes for unsafe wrongly."""
    mark = " (default)" if card.name == DEFAULT_MODEL else ""
    yield Text.assemble(
        (printable(card.name) + mark, "bold"), f"  {size / 1e6:.1f} MB, {printable(card.license)}"
    )
    gives = "classes " + ", ".join(card.labels) if card.labels else f"{card.features} features"
    yield _indented(card.description)
    yield _indented(f"gives {gives}")
    if card.ensemble is not None:
        parts = " and ".join(f"{one.name}@{one.version}" for one in card.ensemble.members)
        yield _indented(f"joins {parts}, by the rule {card.ensemble.rule}")
    if card.computes is not None:
        yield _indented(f"computes in {card.computes}")
    if card.imported is not None:
        yield from map(_indented, _told_of(card.imported))
    for measured in card.raw.get("false_alarms", []):
        shares = (f"{share:.1%} over {score}" for score, share in measured["unsafe_over"].items())
        count, kind = measured["count"], measured["pictures"]
        yield _indented(f"false alarms on {count} {kind}: {', '.join(shares)}")
    yield ""


def _told_of(origin: Origin) -> Iterator[str]:
    """Where a model of others came from, and what became of its classes."""
    where = _SOURCES[origin.source]
    if origin.repository is not None:
        where = f"{origin.repository} at {origin.revision}"
    yield f"imported from {where}: " + ", ".join(f"{a} -> {b}" for a, b in origin.labels.items())


def _indented(text: str) -> RenderableType:
    return Padding(Text(printable(text)), (0, 0, 0, 2))
