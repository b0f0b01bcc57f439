"""What is done with an image's bytes in a process that can be killed: from a file to arrays.

All that looks at hostile bytes happens here, and all that a model needs comes back, so that the
server's own process never sees more than arrays of known shapes.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.classifier import enough_for
from figleaf.classify.lists.hashing import decode_hashed, parse_hashes
from figleaf.errors import ImageError, Status
from figleaf.images import Limits, decode
from figleaf.images.phash import PDQ
from figleaf.models.card import Input, Resample
from figleaf.models.model import Prepared
from figleaf.models.preprocess import prepare


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an image is decoded for a model.

    Attributes:
        inputs: the model's.
        scaled: whether large JPEGs are decoded at a fraction of their size.
        with_pdq: whether PDQ hashes are wanted; it is then decoded in full.
        with_further: whether those of further pictures in the file too.
    """

    inputs: tuple[Input, ...]
    scaled: bool
    with_pdq: bool
    with_further: bool

    def job(self, data: bytes) -> dict[str, Any]:
        """What goes to a worker."""
        inputs = [{**asdict(spec), "resample": str(spec.resample)} for spec in self.inputs]
        return {**asdict(self), "data": data, "inputs": inputs}


@dataclass(frozen=True, slots=True)
class Decoded:
    """An image, ready for a model.

    Attributes:
        picture: an array for each input of the model.
        hashes: PDQ hashes: its own, then those of further pictures in the file; none where they
            were not wanted.
    """

    picture: Prepared
    hashes: tuple[PDQ, ...]

    @classmethod
    def of(cls, reply: dict[str, Any], recipe: Recipe) -> "Decoded":
        """What a worker answered, which may be anything if an image has taken it over.

        Raises:
            ImageError: CRASHED for what no honest worker sends.
        """
        arrays = reply.get("arrays")
        shapes = [(*spec.size, 3) for spec in recipe.inputs]
        if not isinstance(arrays, list) or [getattr(a, "shape", None) for a in arrays] != shapes:
            raise ImageError(Status.CRASHED, "the worker sent something else than a picture")
        hashes = parse_hashes(reply.get("hashes")) if recipe.with_pdq else ()
        # Integers cross the process border in a quarter of the bytes.
        return cls(tuple(np.ascontiguousarray(one, dtype=np.float32) for one in arrays), hashes)


def decode_for_model(job: dict[str, Any], *, limits: Limits) -> dict[str, Any]:
    """Decode an image and prepare it for a model. Runs in a worker.

    Args:
        job: from `Recipe.job`.
        limits: how many bytes and pixels are too many.

    Raises:
        ImageError: the bytes are no usable image.
    """
    inputs = [_input(raw) for raw in job["inputs"]]
    found = _decoded(job, inputs, limits)
    pixels = found["picture"].pixels
    return {**found, "picture": None, "arrays": [_prepared(pixels, spec) for spec in inputs]}


def _decoded(job: dict[str, Any], inputs: list[Input], limits: Limits) -> dict[str, Any]:
    data, background = job["data"], inputs[0].background
    if job["with_pdq"]:
        further: bool = job["with_further"]
        return decode_hashed(data, limits=limits, background=background, with_further=further)
    enough = enough_for(inputs) if job["scaled"] else None
    return {"picture": decode(data, limits=limits, background=background, at_least=enough)}


def _input(raw: dict[str, Any]) -> Input:
    pairs: dict[str, Any] = {name: tuple(raw[name]) for name in ("size", "resize", "background")}
    return Input(**{**raw, **pairs, "resample": Resample(raw["resample"])})


def _prepared(pixels: NDArray[np.uint8], spec: Input) -> NDArray[Any]:
    array = prepare(pixels, spec)
    whole = spec.resample is not Resample.BILINEAR_ALIGN_CORNERS
    return array.astype(np.uint8) if whole else array


def memory_for(limits: Limits) -> int:
    """Bytes of address space that a worker needs beyond its start, for the largest image.

    16 a pixel and 3 a byte of the file (see `IsolatedPool`), and 8 a pixel of the hash and the
    preparation, which take the picture as floats.
    """
    return 24 * limits.max_pixels + 3 * limits.max_bytes + 2**29
