"""Predictions as a table for people: a row an input, bars for its classes."""

from collections.abc import Sequence
from typing import IO

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from figleaf.actions.rules import Acted
from figleaf.classify.prediction import Decision, Prediction
from figleaf.cli.deeds import told_of
from figleaf.cli.terminal import Screen, printable

_STYLES = {Decision.ALLOW: "green", Decision.REVIEW: "yellow", Decision.BLOCK: "bold red"}
_EIGHTHS = " ▏▎▍▌▋▊▉"
_BAR, _SCORE = 20, 6  # widths in cells
_NARROWEST_LABEL, _WIDEST_LABEL = 8, 20
_NARROWEST_NAME = 16


class TableWriter:
    """Prints a row for each input as it comes, as wide as the terminal.

    Args:
        file: where to, in binary; colours only where it is a terminal.
        lines: how many classes to show of each input.
        labels: the model's classes; the longest says how wide their column is.
    """

    def __init__(self, file: IO[bytes], lines: int, labels: Sequence[str]) -> None:
        self._console = Screen(file, soft_wrap=True)
        self._lines = lines
        longest = max((cell_len(printable(label)) for label in labels), default=0)
        self._label = min(max(longest, _NARROWEST_LABEL), _WIDEST_LABEL)
        self._between = self._label + _BAR + _SCORE + _SCORE + 3 * 2
        rest = self._between + len("review") + 2 * 2
        self._name = max(_NARROWEST_NAME, self._console.width - rest)
        self._header_due = True

    def write(self, acted: Acted) -> None:
        """Print one input; what came of actions stands after its verdict."""
        prediction = acted.prediction
        deeds = "".join(f", {printable(told_of(one))}" for one in acted.outcomes)
        if self._header_due:
            self._header_due = False
            self._row(
                "input", "class", Text("score", "bold"), "", "unsafe", Text("verdict", "bold")
            )
        if not prediction.ok:
            reason = printable(f"{prediction.status}: {prediction.reason}")
            self._console.print(
                Text.assemble(
                    self._fit(prediction.input), "  ", (reason, "magenta"), (deeds, "dim")
                )
            )
            return
        if not prediction.scores:  # a list decided, and no model was asked
            self._reason_row(prediction, deeds)
            return
        name, unsafe = prediction.input, _percent(prediction.unsafe)
        verdict = _verdict(prediction, deeds)
        for label, score in list(prediction.scores.items())[: self._lines]:
            self._row(name, label, Text(bar(score, _BAR), "cyan"), _percent(score), unsafe, verdict)
            name, unsafe, verdict = "", "", Text()

    def close(self) -> None:
        """Nothing comes last in a table."""

    def _row(
        self, name: str, label: str, drawn: Text, score: str, unsafe: str, verdict: Text
    ) -> None:
        drawn.pad_right(_BAR - drawn.cell_len)
        style = "" if drawn.style == "cyan" or not name else "bold"
        row = Text.assemble(
            (f"{self._fit(name)}  {_cut(printable(label), self._label)}  ", style),
            drawn,
            (f"  {score:>{_SCORE}}  {unsafe:>{_SCORE}}  ", style),
            verdict,
        )
        row.rstrip()
        self._console.print(row)

    def _reason_row(self, prediction: Prediction, deeds: str) -> None:
        """A row with the reason in the place of the classes; a long one moves the verdict."""
        reason = printable(prediction.reason)
        padding = " " * max(0, self._between - cell_len(reason))
        name = self._fit(prediction.input)
        verdict = _verdict(prediction, deeds)
        self._console.print(Text.assemble(f"{name}  {reason}{padding}  ", verdict))

    def _fit(self, name: str) -> str:
        """The name in exactly the column's width; of a long one the end, which tells most."""
        name = printable(name)
        if cell_len(name) > self._name:
            while cell_len(name) > self._name - 1:
                name = name[1:]
            name = "…" + name
        return set_cell_size(name, self._name)


def _cut(text: str, width: int) -> str:
    """The text in exactly so many cells; of a long one the beginning, and a mark."""
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width)


def bar(value: float, width: int) -> str:
    """A bar for a value in 0..1, `width` cells wide at 1, to an eighth of a cell."""
    eighths = round(min(max(value, 0.0), 1.0) * width * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def _percent(score: float | None) -> str:
    return "-" if score is None else f"{score:.1%}"


def _verdict(prediction: Prediction, deeds: str) -> Text:
    decision: str | tuple[str, str] = "-"
    if prediction.decision is not None:
        decision = prediction.decision, _STYLES[prediction.decision]
    return Text.assemble(decision, _of_parts(prediction), (deeds, "dim"))


def _of_parts(prediction: Prediction) -> tuple[str, str]:
    """What follows the verdict on a moving picture, or on one that was looked at in crops too."""
    count = len(prediction.frames) or len(prediction.views)
    noun = "frame" if prediction.frames else "view"
    return f", {count} {noun}{'s' * (count > 1)}" if count else "", "dim"
