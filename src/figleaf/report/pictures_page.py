"""The page of pictures that nobody has labelled, and of what models say of them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from figleaf.classify.prediction import Prediction
from figleaf.errors import InputError
from figleaf.evaluation.pictures import Pictures, Seen, Voice
from figleaf.report.html import link, render
from figleaf.report.plots import COLOURS
from figleaf.report.tables import moment, number
from figleaf.report.texts import Words
from figleaf.report.thumbnails import CELLS, Thumbnail


@dataclass(frozen=True, slots=True)
class Score:
    """A class and its probability: as text, as a bar's width of 100, and the bar's colour."""

    label: str
    percent: str
    width: str
    colour: int


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says of a picture, or why it says nothing."""

    voice: str
    scores: tuple[Score, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture: what is left of it, where its file lies, what models say."""

    name: str
    mosaic: str
    file: str
    problem: str
    said: tuple[Said, ...]


def pictures_page(
    found: Pictures, shown: Sequence[Thumbnail], words: Words, *, beside: Path, at: float
) -> str:
    """The page as HTML.

    Args:
        found: the pictures.
        shown: a destroyed thumbnail of each of the first ones: those that the page has.
        words: of its language.
        beside: the folder that the page will be in: files are named relative to it.
        at: when it is made, in seconds since 1970.

    Raises:
        MissingExtraError: the extra `report` is not installed.
        InputError: a thumbnail is not destroyed.
    """
    _check(shown)
    # The last colour is pale: of many classes some rather share one of the others.
    colours = {label: at % (COLOURS - 1) for at, label in enumerate(found.labels)}
    pairs = zip(found.seen, shown, strict=False)
    left_out = len(found.seen) - len(shown)
    return render(
        "pictures.html.j2",
        words,
        title=words("pictures_title", name=found.folder.resolve().name),
        folder=str(found.folder),
        made=words("made", version=found.version, time=moment(at)),
        figures=_figures(found, words),
        voices=[_described(one) for one in found.voices],
        cells=str(CELLS),
        tiles=[_tile(found, one, made, words, beside, colours) for one, made in pairs],
        left_out=words("pictures_left_out", count=number(left_out)) if left_out else "",
    )


def _check(shown: Sequence[Thumbnail]) -> None:
    """No page holds a picture that can be recognised, whoever makes it."""
    for one in shown:
        if one.png:
            with Image.open(io.BytesIO(one.png)) as image:
                most = max(image.size)
            if most > CELLS:
                raise InputError(
                    f"{one.path}: its thumbnail has {most} pixels on a side, and a page shows"
                    f" destroyed ones alone, of {CELLS} at most: report.thumbnails makes them"
                )


def _figures(found: Pictures, words: Words) -> list[tuple[str, str]]:
    failed = sum(found.failed.values())
    figures = [(number(len(found.seen)), words("pictures_files"))]
    if failed:
        figures.append((number(failed), words("pictures_failed")))
    return figures


def _described(voice: Voice) -> dict[str, str]:
    return {
        "name": voice.name,
        "precision": str(voice.precision),
        "labels": ", ".join(voice.labels),
    }


def _tile(
    found: Pictures,
    one: Seen,
    made: Thumbnail,
    words: Words,
    beside: Path,
    colours: Mapping[str, int],
) -> Tile:
    voices = zip(found.voices, one.predictions, strict=True)
    return Tile(
        name=str(one.path.relative_to(found.folder)),
        mosaic=made.uri,
        file=link(one.path, beside),
        problem="" if made.png else words("undecodable", status=str(made.status)),
        said=tuple(_said(voice, said, colours) for voice, said in voices),
    )


def _said(voice: Voice, said: Prediction, colours: Mapping[str, int]) -> Said:
    problem = "" if said.ok else f"{said.status}: {said.reason}"
    scores = tuple(
        Score(label, f"{score:.1%}", f"{100 * score:.2f}", colours[label])
        for label, score in said.scores.items()
    )
    return Said(voice.name, scores, problem)
