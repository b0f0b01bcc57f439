"""`figleaf labels` and `policies`: what there is to choose from."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from figleaf.classify.policy import DEFAULT_POLICY, Policy, load_policy, presets
from figleaf.cli.terminal import Screen, printable, say, standard_output
from figleaf.labels import LABELS, find
from figleaf.models.bundle import embedded, find_bundle
from figleaf.models.card import read_card


class Language(StrEnum):
    """The languages of the class definitions."""

    EN = "en"
    KO = "ko"


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


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, header_style="bold")
