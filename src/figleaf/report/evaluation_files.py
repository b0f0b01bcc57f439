"""The files of an evaluation: its figures as JSON, its plots as PNG."""

import json
import re
from collections.abc import Iterator, Sequence

from figleaf.errors import MissingExtraError
from figleaf.evaluation.evaluate import Evaluation
from figleaf.report.evaluation_plots import PLOTS
from figleaf.report.evaluation_tables import names
from figleaf.report.texts import Words

JSON_NAME = "evaluation.json"


def require_plots() -> None:
    """See that plots can be drawn, before anything is scored for them.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: F401  # its absence is what is looked for
    except ImportError:
        raise MissingExtraError("report", "a plot") from None


def folder_names(found: Sequence[Evaluation]) -> list[str]:
    """A folder for each model, named as the tables name it: "inception_v3@1"; "" for one alone.

    What a bundle calls itself is no path: what could lead elsewhere is replaced.
    """
    if len(found) == 1:
        return [""]
    safe = [re.sub(r"[^\w@.-]+", "_", name).lstrip(".") or "model" for name in names(found)]
    # Two names may have become one, or the same model was named twice.
    return [name if safe.index(name) == n else f"{name}-{n + 1}" for n, name in enumerate(safe)]


def files(one: Evaluation, words: Words) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file of one model."""
    text = json.dumps(one.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    # A name that is no Unicode, as a file's may be, is replaced.
    yield JSON_NAME, f"{text}\n".encode("utf-8", "replace")
    for name, draw in PLOTS.items():
        yield f"{name}.png", draw(one, words)
