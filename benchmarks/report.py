"""Where results go: a JSON file beside the scripts, a Markdown table, a section of the README."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

HERE = Path(__file__).parent
RESULTS = HERE / "results"
README = HERE / "README.md"


@dataclass(frozen=True, slots=True)
class Check:
    """A target: what was found, and whether it is met."""

    name: str
    value: float
    target: str
    passed: bool


def write_json(name: str, record: "DataclassInstance") -> Path:
    """Write a record to `results/NAME.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(_rounded(asdict(record)), indent=1) + "\n")
    return path


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is aligned to the right."""
    rule = ["---"] + ["--:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def update_readme(section: str, text: str, readme: Path = README) -> None:
    """Replace what stands between `<!-- SECTION -->` and `<!-- /SECTION -->`.

    Raises:
        ValueError: a marker is missing, or they are in the wrong order.
    """
    opening, closing = f"<!-- {section} -->", f"<!-- /{section} -->"
    before, found, rest = readme.read_text().partition(opening)
    _, also_found, after = rest.partition(closing)
    if not (found and also_found):
        raise ValueError(f"{readme.name} has no {opening} ... {closing} to write between")
    readme.write_text(f"{before}{opening}\n\n{text}\n\n{closing}{after}")


def _rounded(value: Any) -> Any:
    """Floats to five significant digits, throughout: the sixth of a timing means nothing."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
