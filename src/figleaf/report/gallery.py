"""The page of `figleaf classify --report`: a card for each input, its picture destroyed.

One file, whatever the number of inputs: rows are streamed to it as JSON, and the page shows some of
them at a time. What is in memory meanwhile are the pictures that are being made small.
"""

import json
import secrets
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Self

from figleaf._version import __version__
from figleaf.classify.prediction import Decision, FrameScores, Prediction
from figleaf.classify.source import read_bytes
from figleaf.errors import ImageError
from figleaf.images import Limits
from figleaf.images.isolate import IsolatedPool
from figleaf.report.html import link, render, require_extra
from figleaf.report.plots import COLOURS
from figleaf.report.tables import moment, number, printable
from figleaf.report.texts import Words
from figleaf.report.thumbnails import CELLS, destroyed, uri_of

_TOP = 5  # classes that a card has bars of
_AHEAD = 32  # pictures that are being made small
_WORKERS = 2
_DEADLINE = 30.0  # seconds for one of them
_COPY = 1 << 20

FAILED, NONE = "failed", "none"
_KINDS = {
    "allow": "gallery_allow",
    "review": "gallery_review",
    "block": "gallery_block",
    FAILED: "gallery_failed",
    NONE: "gallery_none",
}
"""What cards can be of, and the texts that call them so."""

_COLOURS = {"allow": 2, "review": 1, "block": 3}
"""Of decisions, as the page's style numbers colours."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An input as the page shows it.

    Attributes:
        prediction: the verdict.
        file: where its file is now; None for what is no file.
        deeds: what was done with it, as text.
    """

    prediction: Prediction
    file: Path | None
    deeds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """How inputs were judged.

    Attributes:
        model, policy: name and version.
        precision: what the model computed in.
        labels: the model's classes.
    """

    model: str
    policy: str
    precision: str
    labels: tuple[str, ...]


class Gallery:
    """Collects cards, in constant memory, and writes the page. A context manager.

    Args:
        words: of its language.
        beside: the folder that the page will be in: files are named relative to it.
        origin: how inputs are judged.
        limits: how many bytes and pixels of a file are too many to be looked at.

    Raises:
        MissingExtraError: the extra `report` is not installed.
    """

    def __init__(self, words: Words, beside: Path, origin: Origin, limits: Limits) -> None:
        require_extra("a page of results")
        self._words, self._beside, self._origin, self._limits = words, beside, origin, limits
        # The last colour is pale: of many classes some rather share one of the others.
        self._colours = {name: at % (COLOURS - 1) for at, name in enumerate(origin.labels)}
        self._counts: Counter[str] = Counter()
        self._waiting: deque[tuple[Shown, Future[tuple[str, str]]]] = deque()
        with ExitStack() as stack:
            self._rows: IO[bytes] = stack.enter_context(TemporaryFile())
            make = partial(destroyed, limits=limits)
            pool = IsolatedPool(make, workers=_WORKERS, deadline=_DEADLINE)
            self._isolated = stack.enter_context(pool)
            self._threads = stack.enter_context(ThreadPoolExecutor(_WORKERS))
            self._stack = stack.pop_all()

    def add(self, shown: Shown) -> None:
        """Add a card; its picture is made small meanwhile, from the file as it lies there now."""
        self._counts[_kind(shown.prediction)] += 1
        self._waiting.append((shown, self._threads.submit(self._mosaic, shown.file)))
        while len(self._waiting) > _AHEAD:
            self._write_next()

    def finish(self, file: IO[bytes], at: float) -> None:
        """Write the page.

        Args:
            file: where to.
            at: when that is, in seconds since 1970.
        """
        while self._waiting:
            self._write_next()
        head, tail = self._frame(at)
        file.write(head.encode())
        self._rows.seek(0)
        while part := self._rows.read(_COPY):
            file.write(part)
        file.write(tail.encode())

    def close(self) -> None:
        """End the processes that make pictures small."""
        for _, future in self._waiting:
            future.cancel()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _mosaic(self, file: Path | None) -> tuple[str, str]:
        """What is left of a picture, as a data URI; or why nothing is."""
        if file is None:
            return "", self._words("gallery_no_file")
        try:
            return uri_of(self._isolated(read_bytes(str(file), self._limits))), ""
        except ImageError as error:
            return "", self._words("undecodable", status=str(error.status))

    def _write_next(self) -> None:
        shown, future = self._waiting.popleft()
        mosaic, problem = future.result()
        row = self._row(shown) | {"mosaic": mosaic, "problem": problem}
        # In a script element nothing ends it, and nothing is a comment, without this character.
        text = json.dumps(row, ensure_ascii=False).replace("<", "\\u003c")
        self._rows.write(text.encode() + b"\n")

    def _row(self, shown: Shown) -> dict[str, Any]:
        said = shown.prediction
        return {
            "name": printable(said.input),
            "file": link(shown.file, self._beside) if shown.file else "",
            "kind": _kind(said),
            "decision": "" if said.decision is None else str(said.decision),
            "label": said.label or "",
            "unsafe": said.unsafe,
            "reason": printable(said.reason if said.ok else f"{said.status}: {said.reason}"),
            "scores": [
                [printable(label), round(score, 4), self._colours.get(label, COLOURS - 1)]
                for label, score in list(said.scores.items())[:_TOP]
            ],
            "frames": _timeline(said.frames),
            "said": self._said_of_frames(said.frames),
            "deeds": [printable(one) for one in shown.deeds],
        }

    def _said_of_frames(self, frames: Sequence[FrameScores]) -> str:
        if not frames:
            return ""
        worst = max(frames, key=lambda one: one.unsafe or 0.0)
        return self._words(
            "gallery_timeline",
            count=number(len(frames)),
            seconds=f"{frames[-1].seconds:.1f}",
            unsafe="-" if worst.unsafe is None else f"{worst.unsafe:.3f}",
            at=f"{worst.seconds:.1f}",
        )

    def _frame(self, at: float) -> tuple[str, str]:
        """The page before its rows and after them."""
        words, origin = self._words, self._origin
        total = self._counts.total()
        heading = "gallery_one" if total == 1 else "gallery_heading"
        mark = secrets.token_hex(16)
        page = render(
            "gallery.html.j2",
            words,
            scripts=("reveal.js", "gallery.js"),
            styles=("page.css", "gallery.css"),
            films=True,
            title=words("gallery_title", count=number(total)),
            count=words(heading, count=number(total)),
            made=words("made", version=__version__, time=moment(at)),
            figures=[
                (number(self._counts[kind]), words(key))
                for kind, key in _KINDS.items()
                if self._counts[kind] or kind in list(Decision)
            ],
            kinds=[(kind, words(key)) for kind, key in _KINDS.items() if self._counts[kind]],
            origin=origin,
            cells=str(CELLS),
            rows=mark,
        )
        head, _, tail = page.partition(mark)
        return head, tail


def _kind(prediction: Prediction) -> str:
    if not prediction.ok:
        return FAILED
    return NONE if prediction.decision is None else str(prediction.decision)


def _timeline(frames: Sequence[FrameScores]) -> list[list[float | int]]:
    """Of each frame its start and width in percent of the strip, its unsafe score, its colour.

    The last one takes as much room as the one before it.
    """
    if not frames:
        return []
    starts = [one.seconds for one in frames]
    last = starts[-1] - starts[-2] if len(starts) > 1 else 1.0
    ends = [*starts[1:], starts[-1] + (last or 1.0)]
    whole = ends[-1] or 1.0
    return [
        [
            round(100 * start / whole, 2),
            round(100 * (end - start) / whole, 2),
            round(one.unsafe or 0.0, 4),
            _COLOURS.get(str(one.decision), COLOURS - 1),
        ]
        for one, start, end in zip(frames, starts, ends, strict=True)
    ]
