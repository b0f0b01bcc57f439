"""`figleaf models`, `labels` and `policies`: what there is to choose from."""

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from figleaf.classify.policy import DEFAULT_POLICY, load_policy, presets
from figleaf.labels import LABELS
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
    cards = [read_card(find_bundle(name) / "card.json") for name in names or embedded()]
    if as_json:
        print(json.dumps([card.raw for card in cards], indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for name, card in zip(names or embedded(), cards, strict=True):
        for line in _described(card, (find_bundle(name) / "model.onnx").stat().st_size):
            console.print(line)


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
    Console().print(table)


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
    for name in names or presets():
        policy = load_policy(name)
        mark = " (default)" if name == DEFAULT_POLICY else ""
        for number, rule in enumerate(policy.rules):
            thresholds = ("-" if t is None else f"{t:g}" for t in (rule.review, rule.block))
            first = policy.tag + mark if number == 0 else ""
            table.add_row(first, rule.name, ", ".join(sorted(rule.classes)), *thresholds)
    Console().print(table)


def _described(card: Card, size: int) -> Iterator[RenderableType]:
    """A model in a few lines: what it is, what it gives, what it takes for unsafe wrongly."""
    mark = " (default)" if card.name == DEFAULT_MODEL else ""
    yield Text.assemble((card.name + mark, "bold"), f"  {size / 1e6:.1f} MB, {card.license}")
    gives = "classes " + ", ".join(card.labels) if card.labels else f"{card.features} features"
    yield Padding(card.description, (0, 0, 0, 2))
    yield f"  gives {gives}"
    for measured in card.raw.get("false_alarms", []):
        shares = (f"{share:.1%} over {score}" for score, share in measured["unsafe_over"].items())
        yield f"  false alarms on {measured['count']} {measured['pictures']}: {', '.join(shares)}"
    yield ""


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, header_style="bold")
