"""The files of a run's report: a page, Markdown, and plots as PNG."""

from collections.abc import Iterator
from pathlib import Path

from figleaf.report.evaluation_plots import PLOTS
from figleaf.report.run_facts import RunFacts
from figleaf.report.run_markdown import markdown
from figleaf.report.run_page import run_page
from figleaf.report.texts import Words

PAGE, MARKDOWN = "report.html", "report.md"


def run_files(facts: RunFacts, words: Words, *, beside: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file; the same facts give the same bytes.

    Args:
        facts: of the run.
        words: of the language.
        beside: the folder that they will be in: pictures are named relative to it.

    Raises:
        MissingExtraError: the extra `report` is not installed.
    """
    # A name that is no Unicode, as a file's may be, is replaced.
    yield PAGE, run_page(facts, words, beside=beside).encode("utf-8", "replace")
    yield MARKDOWN, markdown(facts, words, beside=beside).encode("utf-8", "replace")
    for name, draw in PLOTS.items():
        yield f"{name}.png", draw(facts.evaluation, words)
