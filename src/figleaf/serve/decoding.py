"""What goes to a worker with an image's bytes, and what the worker does."""

from dataclasses import asdict
from typing import Any

from figleaf.classify.looking import Recipe, look_isolated
from figleaf.classify.moving import FrameRules
from figleaf.images import Limits
from figleaf.models.card import Fit, Input, Resample


def job_of(data: bytes, recipe: Recipe) -> dict[str, Any]:
    """A worker's job: values that cross the process border. A reload may change the recipe."""
    inputs = [
        {**asdict(spec), "resample": str(spec.resample), "fit": str(spec.fit)}
        for spec in recipe.inputs
    ]
    return {**asdict(recipe), "inputs": inputs, "data": data}


def look_at(job: dict[str, Any], *, limits: Limits) -> dict[str, Any]:
    """Decode an image and prepare it for a model. Runs in a worker.

    Args:
        job: from `job_of`.
        limits: how many bytes and pixels are too many.

    Raises:
        ImageError: the bytes are no usable image.
    """
    return look_isolated(job["data"], recipe=_recipe(job), limits=limits)


def _recipe(job: dict[str, Any]) -> Recipe:
    frames, at_least = job["frames"], job["at_least"]
    return Recipe(
        inputs=tuple(map(_input, job["inputs"])),
        frames=None if frames is None else FrameRules(**frames),
        at_least=None if at_least is None else tuple(at_least),
        with_pdq=job["with_pdq"],
        with_further=job["with_further"],
    )


def _input(raw: dict[str, Any]) -> Input:
    pairs: dict[str, Any] = {name: tuple(raw[name]) for name in ("size", "resize", "background")}
    choices = {"resample": Resample(raw["resample"]), "fit": Fit(raw["fit"])}
    return Input(**{**raw, **pairs, **choices})


def memory_for(limits: Limits) -> int:
    """Bytes of address space that a worker needs beyond its start, for the largest image.

    16 a pixel and 3 a byte of the file (see `IsolatedPool`), and 8 a pixel of the hash and the
    preparation, which take the picture as floats.
    """
    return 24 * limits.max_pixels + 3 * limits.max_bytes + 2**29
