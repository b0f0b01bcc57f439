"""The report of a run as GitHub's Markdown: the page's tables, with plots as PNG beside it."""

import re
from collections.abc import Iterator
from pathlib import Path

from figleaf.report.run_facts import RunFacts
from figleaf.report.run_sections import Section, note, sections
from figleaf.report.run_verdict import findings, keys, steps
from figleaf.report.tables import Table, moment, printable
from figleaf.report.texts import Words

# What is markup anywhere in a line; a backslash before any of them is a plain character.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&$!])")
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|www)([:.])")
_PLOTS = {
    "confusion_matrix": "matrix_title",
    "confusion_matrix_normalised": "matrix_shares_title",
    "roc": "roc_title",
    "precision_recall": "pr_title",
    "calibration": "calibration_title",
}


def markdown(facts: RunFacts, words: Words, *, beside: Path) -> str:
    """The report as Markdown.

    Args:
        facts: of the run.
        words: of its language.
        beside: the folder that it will be in, with the PNG files of `evaluation_plots.PLOTS`.
    """
    parts = [*_first(facts, words, beside)]
    for section in sections(facts, words):
        parts += _section(section, words)
    return "\n\n".join(parts) + "\n"


def _first(facts: RunFacts, words: Words, beside: Path) -> Iterator[str]:
    yield f"# {plain(words('run_title', name=facts.name))}"
    yield plain(words("made", version=facts.version, time=moment(facts.at)))
    if said := note(facts, words):
        yield f"> {plain(said)}"
    yield f"## {words('run_verdict')}"
    rows = tuple((one.name, one.value, one.interval) for one in keys(facts, words))
    yield table_of(Table("", (words("figure"), f">{words('run_value')}", ""), rows))
    if found := findings(facts, words):
        yield f"### {words('run_findings')}"
        yield "\n".join(f"- {plain(one)}" for one in found)
    yield f"### {words('run_next')}"
    yield plain(words("run_next_where", name=facts.name))
    for step in steps(facts, words, beside=beside):
        commands = "\n".join(printable(one) for one in step.commands)
        yield f"{plain(step.what)}\n\n```bash\n{commands}\n```"


def _section(section: Section, words: Words) -> Iterator[str]:
    yield f"## {section.title}"
    if section.source:
        yield f"*{plain(section.source)}*"
    yield from (plain(text) for text in section.texts)
    for table in section.tables:
        yield f"### {plain(table.title)}"
        yield table_of(table)
        if table.note:
            yield plain(table.note)
    yield from (f"![{plain(words(_PLOTS[name]))}]({name}.png)" for name in section.plots)


def table_of(table: Table) -> str:
    """A table in GitHub's form."""
    names = [name.removeprefix(">") for name in table.head]
    marks = ["--:" if name.startswith(">") else "---" for name in table.head]
    rows = [names, *table.rows]
    lines = [f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows]
    return "\n".join([lines[0], f"| {' | '.join(marks)} |", *lines[1:]])


def plain(text: str) -> str:
    """Text that Markdown takes for nothing else, in one line; addresses are no links."""
    escaped = _MARKUP.sub(r"\\\1", printable(text))
    return _ADDRESS.sub("\\1<!-- -->\\2", escaped)
