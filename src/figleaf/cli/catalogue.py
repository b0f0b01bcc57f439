"""`figleaf models`, `labels` and `policies`: what there is to choose from."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from figleaf.classify.policy import DEFAULT_POLICY, Policy, load_policy, presets
from figleaf.cli.terminal import Screen, print_json, printable, say, standard_output
from figleaf.errors import BundleError
from figleaf.labels import LABELS, find
from figleaf.models.bundle import DEFAULT_MODEL, embedded, find_bundle
from figleaf.models.card import Card, read_card


class Language(StrEnum):
    """The languages of the class definitions."""

    EN = "en"
    KO = "ko"


def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Models to show; all embedded ones by default.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole cards, as JSON.")] = False,
) -> None:
    """List the models: what they tell, their size, licence and false alarms.

    Example: figleaf models inception_v3 --json
    """
    folders = [find_bundle(name) for name in names or embedded()]
    cards = [read_card(folder / "card.json") for folder in folders]
    if as_json:
        print_json([card.raw for card in cards])
        return
    sizes = [_size(folder / "model.onnx") for folder in folders]
    with standard_output() as file:
        screen = Screen(file)
        for card, size in zip(cards, sizes, strict=True):
            for line in _described(card, size):
                screen.print(line)


def labels(
    language: Annotated[
        Language, typer.Option("--lang", help="The language of the definitions.")
    ] = Language.EN,
) -> None:
    """Define the classes, in English or Korean.

    Example: figleaf labels --lang ko
    """
    table = _table("class", "unsafe", "definition")
    for label in LABELS.values():
        table.add_row(label.name, "yes" if label.unsafe else "no", label.definition(language.value))
    with standard_output() as file:
        Screen(file).print(table)


def policies(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Presets or TOML files; all presets by default.", show_default=False),
    ] = None,
) -> None:
    """List policies with their thresholds; also checks a policy file of one's own.

    Example: figleaf policies my-policy.toml
    """
    table = _table("policy", "rule", "classes", "review from", "block from")
    # Read before any is shown: an error comes alone.
    found = [load_policy(name) for name in names or presets()]
    for name, policy in zip(names or presets(), found, strict=True):
        for row in _rules(policy, mark=" (default)" if name == DEFAULT_POLICY else ""):
            table.add_row(*map(printable, row))
    with standard_output() as file:
        Screen(file).print(table)
    for name in _unknown(found):
        # A misspelt class would never trigger, and nothing else would tell.
        say(
            f"figleaf: {printable(name)} is not a class of figleaf; "
            "right only for a model of your own"
        )


def _rules(policy: Policy, mark: str) -> Iterator[tuple[str, ...]]:
    """A row of the table for each rule."""
    for number, rule in enumerate(policy.rules):
        thresholds = ("-" if t is None else f"{t:g}" for t in (rule.review, rule.block))
        first = policy.tag + mark if number == 0 else ""
        yield first, rule.name, ", ".join(sorted(rule.classes)), *thresholds


def _unknown(found: Iterable[Policy]) -> list[str]:
    """The classes that figleaf does not define and no embedded model has."""
    had = {
        label for name in embedded() for label in read_card(find_bundle(name) / "card.json").labels
    }
    asked = {name for policy in found for rule in policy.rules for name in rule.classes}
    return sorted(name for name in asked - had if find(name) is None)


def _size(graph: Path) -> int:
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
    for measured in card.raw.get("false_alarms", []):
        shares = (f"{share:.1%} over {score}" for score, share in measured["unsafe_over"].items())
        count, kind = measured["count"], measured["pictures"]
        yield _indented(f"false alarms on {count} {kind}: {', '.join(shares)}")
    yield ""


def _indented(text: str) -> RenderableType:
    return Padding(Text(printable(text)), (0, 0, 0, 2))


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, header_style="bold")
