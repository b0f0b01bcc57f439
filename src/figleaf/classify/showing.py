"""What a model was shown of an input, once more: to explain what it made of it.

As in `looking`, hostile bytes may be decoded in a worker process.
"""

from dataclasses import astuple, dataclass
from functools import partial
from threading import Lock
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figleaf.classify.crops import cut
from figleaf.classify.looking import Recipe, parse_prepared, prepare_all
from figleaf.classify.moving import FrameRules, stills_of
from figleaf.classify.source import Channels, Source, pixels_of, read_bytes
from figleaf.errors import ImageError, Status
from figleaf.images import Limits, Picture, decode
from figleaf.images.box import Box
from figleaf.images.isolate import IsolatedPool
from figleaf.images.stills import is_film
from figleaf.models.model import Prepared

SIDE = 512
"""Pixels that the longer side of a small picture has at most."""


@dataclass(frozen=True, slots=True)
class Part:
    """What of an input a model was shown.

    Attributes:
        seconds: of a moving picture, when the frame is shown; None for a still picture.
        box: in the pixels of the picture or frame; None for the whole of it.
    """

    seconds: float | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as a model is shown it, and as people are.

    Attributes:
        prepared: its part, for every input of the model.
        size: of the whole picture, (height, width) in pixels.
        small: the whole picture, uint8 RGB of shape (height, width, 3), its longer side at most
            `SIDE`.
    """

    prepared: Prepared
    size: tuple[int, int]
    small: NDArray[np.uint8]


class Showing:
    """Shows inputs once more, as `looking` looked at them. Thread-safe; a context manager.

    Args:
        recipe: how they were looked at.
        limits: how many bytes and pixels are too many.
        deadline: seconds that decoding may take in a worker process, which is started when it is
            first needed and stays until this is closed; None: in this process.
    """

    def __init__(self, recipe: Recipe, limits: Limits, deadline: float | None) -> None:
        self.recipe = recipe
        self._limits = limits
        self._deadline = deadline
        self._pool: IsolatedPool[dict[str, Any]] | None = None
        self._starting = Lock()

    def shown(self, source: Source, part: Part, channels: Channels = "RGB") -> Shown:
        """A part of an input.

        Raises:
            ImageError: it cannot be read, or is no usable picture.
            InputError: it is of a type, dtype or shape that no source has.
        """
        if isinstance(source, Image.Image | np.ndarray):
            background = self.recipe.inputs[0].background
            limits = self._limits
            pixels = pixels_of(source, limits=limits, channels=channels, background=background)
            return _shown(pixels, pixels.shape[:2], self.recipe, part)
        data = read_bytes(source, self._limits)
        if self._deadline is None:
            return show(data, recipe=self.recipe, limits=self._limits, part=part)
        return parse_shown(self._isolated(self._deadline)(_item(data, part)), self.recipe)

    def close(self) -> None:
        """End the worker process, where there is one. Idempotent."""
        if self._pool is not None:
            self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _isolated(self, deadline: float) -> IsolatedPool[dict[str, Any]]:
        with self._starting:
            if self._pool is None:
                careful = partial(show_isolated, recipe=self.recipe, limits=self._limits)
                self._pool = IsolatedPool(careful, workers=1, deadline=deadline)
            return self._pool


def show(data: bytes, *, recipe: Recipe, limits: Limits, part: Part) -> Shown:
    """Decode a part of a file.

    Args:
        data: the file's bytes.
        recipe: how it was looked at.
        limits: how many bytes and pixels are too many.
        part: what of it.

    Raises:
        ImageError: the bytes are no usable picture.
    """
    if recipe.frames is not None and is_film(data):
        picture = _frame(data, part.seconds or 0.0, recipe, recipe.frames, limits)
    else:
        at_least = None if recipe.with_pdq else recipe.at_least
        background = recipe.inputs[0].background
        picture = decode(data, limits=limits, background=background, at_least=at_least)
    return _shown(picture.pixels, (picture.height, picture.width), recipe, part)


def _item(data: bytes, part: Part) -> dict[str, Any]:
    """What `show_isolated` is asked for."""
    box = None if part.box is None else list(astuple(part.box))
    return {"data": data, "seconds": part.seconds, "box": box}


def show_isolated(item: dict[str, Any], *, recipe: Recipe, limits: Limits) -> dict[str, Any]:
    """`show` for a worker process: its answer is what can cross the border (`parse_shown`)."""
    box = None if item["box"] is None else Box(*item["box"])
    part = Part(item["seconds"], box)
    found = show(item["data"], recipe=recipe, limits=limits, part=part)
    return {"prepared": list(found.prepared), "size": list(found.size), "small": found.small}


def parse_shown(reply: Any, recipe: Recipe) -> Shown:
    """Check such an answer, which comes from a process that read hostile bytes.

    Raises:
        ImageError: CRASHED, for what no honest process answers.
    """
    match reply:
        case {
            "prepared": prepared,
            "size": [int(height), int(width)],
            "small": np.ndarray() as small,
        } if height > 0 and width > 0 and small.dtype == np.uint8:
            pass
        case _:
            _refuse()
    if small.ndim != 3 or small.shape[2] != 3 or not min(small.shape[:2]) > 0:
        _refuse()
    if max(small.shape[:2]) > SIDE:
        _refuse()
    return Shown(parse_prepared(prepared, recipe), (height, width), small)


def _refuse() -> NoReturn:
    raise ImageError(Status.CRASHED, "the decoding process answered what no sound one does")


def _frame(
    data: bytes, seconds: float, recipe: Recipe, rules: FrameRules, limits: Limits
) -> Picture:
    """The frame that is shown at that time, or the one next to it that can be looked at."""
    nearest: tuple[float, Picture] | None = None
    background = recipe.inputs[0].background
    for second, picture in stills_of(data, rules, limits=limits, background=background):
        away = abs(second - seconds)
        if picture is not None and (nearest is None or away < nearest[0]):
            nearest = away, picture
        del picture
        if second >= seconds:
            break
    if nearest is None:
        raise ImageError(Status.CORRUPT, f"nothing can be decoded at {seconds:.1f} s")
    return nearest[1]


def _shown(pixels: NDArray[np.uint8], size: tuple[int, int], recipe: Recipe, part: Part) -> Shown:
    inner = pixels
    if part.box is not None:
        own = Box(0, 0, pixels.shape[1], pixels.shape[0])
        inner = np.ascontiguousarray(cut(pixels, own.where(part.box, size)))
    return Shown(prepare_all(inner, recipe.inputs), (size[0], size[1]), _small(pixels))


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE))
    return np.array(picture)
