"""From a file's bytes to what a model is shown of it: a picture, or frames of a moving one.

All that looks at hostile bytes happens here, and may run in a worker process: a `Recipe` goes in
with the bytes, and arrays of known shapes come back. Of several frames one is in memory at a time.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.crops import NAMES, WHOLE, CropRules, View, cut, views_of
from figleaf.classify.lists import Listing, Lists
from figleaf.classify.lists.hashing import hashed_picture, parse_hashes
from figleaf.classify.moving import FrameRules, stills_of
from figleaf.errors import ImageError, Status
from figleaf.images import Limits, Picture, decode
from figleaf.images.box import Box
from figleaf.images.decode import WHITE
from figleaf.images.phash import PDQ, pdq
from figleaf.images.stills import is_film
from figleaf.models.card import Input, Resample
from figleaf.models.model import Prepared
from figleaf.models.preprocess import prepare

_FURTHER = 1
"""Pictures that there may be besides the frames: a PNG's other picture."""

_BRIGHTEST = 256.0
"""Of a prepared picture: 255, and what rounding adds."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How files are looked at for a model.

    Attributes:
        inputs: the model's.
        frames: how moving pictures are looked at; None for their first frame, as a still picture.
            A video is then none that is decoded.
        at_least: (height, width) that is enough, so that large JPEGs are decoded at a fraction of
            their size; None to decode in full.
        with_pdq: whether PDQ hashes are wanted; all is decoded in full then.
        with_further: whether those of further pictures in the file of a still one are, too.
        crops: which parts of a still picture are looked at beside the whole; None for the whole
            alone.
    """

    inputs: tuple[Input, ...]
    frames: FrameRules | None = None
    at_least: tuple[int, int] | None = None
    with_pdq: bool = False
    with_further: bool = False
    crops: CropRules | None = None

    @property
    def most(self) -> int:
        """How many pictures may come of a file at the most."""
        frames = 1 if self.frames is None else self.frames.most + _FURTHER
        return max(frames, 1 if self.crops is None else self.crops.most)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a model is shown of a file.

    Attributes:
        pictures: one or more, each prepared for every input of the model: frames of a moving
            picture, views of a still one, or the one that it is.
        seconds: of a moving picture, when each is shown, counted from the first frame, in order;
            None for a still one.
        unseen: of a moving picture, the seconds from which on not all could be looked at that was
            to be; None where it could.
        hashes: PDQ hashes, where they were wanted: of each frame of a moving picture; of a still
            one its own, then those of further pictures in the file.
        views: of a still picture of which more than the whole was to be looked at, what each of
            `pictures` shows; else none.
    """

    pictures: tuple[Prepared, ...]
    seconds: tuple[float, ...] | None = None
    unseen: float | None = None
    hashes: tuple[PDQ, ...] = ()
    views: tuple[View, ...] = ()

    def listed(self, lists: Lists) -> Listing | None:
        """What lists say of its PDQ hashes."""
        if self.seconds is None:
            return lists.of_pictures(self.hashes)
        return lists.of_frames(self.hashes)


def look(data: bytes, *, recipe: Recipe, limits: Limits) -> Looked:
    """Decode a file, and prepare what it shows for a model.

    Args:
        data: the file's bytes.
        recipe: what is wanted of it.
        limits: how many bytes and pixels are too many.

    Raises:
        ImageError: they are no usable picture.
    """
    if recipe.frames is not None and is_film(data):
        return _moving(data, recipe, recipe.frames, limits)
    return _still(data, recipe, limits)


def look_isolated(data: bytes, *, recipe: Recipe, limits: Limits) -> dict[str, Any]:
    """`look` for a worker process: its answer is what can cross the border (`parse_looked`)."""
    return pack_looked(look(data, recipe=recipe, limits=limits), recipe)


def pack_looked(found: Looked, recipe: Recipe) -> dict[str, Any]:
    """What was looked at, as plain values and arrays."""
    return {
        "pictures": [
            [_compact(array, spec) for array, spec in zip(picture, recipe.inputs, strict=True)]
            for picture in found.pictures
        ],
        "seconds": None if found.seconds is None else list(found.seconds),
        "unseen": found.unseen,
        "hashes": [[one.bits, one.quality] for one in found.hashes],
        "views": [[view.name, *_sides(view.box)] for view in found.views],
    }


def parse_looked(reply: Any, recipe: Recipe) -> Looked:
    """Check such an answer, which comes from a process that read hostile bytes.

    Raises:
        ImageError: CRASHED, for what no honest process answers.
    """
    match reply:
        case {
            "pictures": list(rows),
            "seconds": seconds,
            "unseen": unseen,
            "hashes": list(pairs),
            "views": list(views),
        }:
            pass
        case _:
            _refuse()
    if not 1 <= len(rows) <= recipe.most or (len(pairs) > recipe.most and seconds is not None):
        _refuse()
    if unseen is not None and not _is_time(unseen):
        _refuse()
    pictures = tuple(parse_prepared(row, recipe) for row in rows)
    times = None if seconds is None else _parsed_times(seconds, len(rows))
    hashes = parse_hashes(pairs) if recipe.with_pdq else ()
    if recipe.crops is None or times is not None:
        return Looked(pictures, times, unseen, hashes)
    return Looked(pictures, times, unseen, hashes, _parsed_views(views, len(rows)))


def shown(pixels: NDArray[np.uint8], size: tuple[int, int], recipe: Recipe) -> Looked:
    """What a model is shown of a still picture.

    Args:
        pixels: uint8 RGB of shape (height, width, 3).
        size: the picture's own height and width; the pixels may be fewer.
        recipe: how it is looked at.
    """
    if recipe.crops is None:
        return Looked((prepare_all(pixels, recipe.inputs),))
    views = tuple(views_of(pixels, recipe.crops))
    pictures = tuple(prepare_all(cut(pixels, view.box), recipe.inputs) for view in views)
    whole = Box(0, 0, size[1], size[0])
    return Looked(
        pictures,
        views=tuple(
            View(view.name, _whole(whole.where(view.box, pixels.shape[:2]))) for view in views
        ),
    )


def prepare_all(pixels: NDArray[np.uint8], inputs: tuple[Input, ...]) -> Prepared:
    """A picture, uint8 RGB of shape (height, width, 3), for each input of a model."""
    return tuple(prepare(pixels, spec) for spec in inputs)


def _still(data: bytes, recipe: Recipe, limits: Limits) -> Looked:
    background = recipe.inputs[0].background
    if recipe.with_pdq:
        found = hashed_picture(
            data, limits=limits, background=background, with_further=recipe.with_further
        )
        return replace(_shown(found.picture, recipe), hashes=found.hashes)
    return _shown(
        decode(data, limits=limits, background=background, at_least=recipe.at_least), recipe
    )


def _shown(picture: Picture, recipe: Recipe) -> Looked:
    return shown(picture.pixels, (picture.height, picture.width), recipe)


def _whole(box: Box) -> Box:
    """The box on whole pixels."""
    return Box(*map(round, _sides(box)))


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def _moving(data: bytes, recipe: Recipe, rules: FrameRules, limits: Limits) -> Looked:
    background = recipe.inputs[0].background
    over_white = background == WHITE  # as lists of hashes are made
    pictures: list[Prepared] = []
    seconds: list[float] = []
    hashes: list[PDQ] = []
    unseen: float | None = None
    for second, picture in stills_of(data, rules, limits=limits, background=background):
        if picture is None:
            unseen = second if unseen is None else unseen
            continue
        pictures.append(prepare_all(picture.pixels, recipe.inputs))
        seconds.append(second)
        if recipe.with_pdq and over_white:
            hashes.append(pdq(picture.pixels))
        del picture  # its pixels, before there are others
    if recipe.with_pdq and not over_white:
        hashes = [pdq(one.pixels) for _, one in stills_of(data, rules, limits=limits) if one]
    return Looked(tuple(pictures), tuple(seconds), unseen, tuple(hashes))


def _compact(array: NDArray[np.float32], spec: Input) -> NDArray[Any]:
    """Whole numbers cross the border in a quarter of the bytes."""
    whole = spec.resample is not Resample.BILINEAR_ALIGN_CORNERS or spec.jpeg_quality is not None
    return array.astype(np.uint8) if whole else array


def parse_prepared(row: Any, recipe: Recipe) -> Prepared:
    """Check one prepared picture in such an answer.

    Raises:
        ImageError: CRASHED, for what no honest process answers.
    """
    if not isinstance(row, list):
        _refuse()
    if [getattr(array, "shape", None) for array in row] != [(*s.size, 3) for s in recipe.inputs]:
        _refuse()
    arrays = tuple(np.ascontiguousarray(array, dtype=np.float32) for array in row)
    # Nor is it for NaN, of which a model would make scores that stop everything.
    if not all(array.min() >= 0 and array.max() <= _BRIGHTEST for array in arrays):
        _refuse()
    return arrays


def _parsed_times(seconds: Any, count: int) -> tuple[float, ...]:
    if not isinstance(seconds, list) or len(seconds) != count or not all(map(_is_time, seconds)):
        _refuse()
    if seconds != sorted(seconds):
        _refuse()
    return tuple(seconds)


def _parsed_views(views: list[Any], count: int) -> tuple[View, ...]:
    found = tuple(map(_parsed_view, views))
    names = [view.name for view in found]
    if len(found) != count or names[0] != WHOLE or len(set(names)) != count:
        _refuse()
    height, width = found[0].box.height, found[0].box.width
    if not all(view.box.right <= width and view.box.bottom <= height for view in found):
        _refuse()
    return found


def _parsed_view(row: Any) -> View:
    match row:
        case [str(name), int(left), int(top), int(right), int(bottom)] if (
            name in NAMES and 0 <= left < right and 0 <= top < bottom
        ):
            return View(name, Box(left, top, right, bottom))
    _refuse()


def _is_time(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)


def _refuse() -> NoReturn:
    raise ImageError(Status.CRASHED, "the decoding process answered what no sound one does")
