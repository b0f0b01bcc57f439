"""Random views of a picture, as the net sees pictures: squashed to its input's shape."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figleaf.models.card import Fit, Input, Resample
from figleaf.models.preprocess import prepare
from figleaf.training.finetune.rules import FinetuneRules

_GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601's luma."""


@dataclass(frozen=True, slots=True)
class View:
    """What to make of a picture.

    Attributes:
        box: left, top, right, bottom of the part that is seen, in shares of the picture.
        mirrored: whether it is mirrored.
        brightness, contrast, saturation: factors; 1 leaves it as it is.
    """

    box: tuple[float, float, float, float]
    mirrored: bool
    brightness: float
    contrast: float
    saturation: float


def random_view(rules: FinetuneRules, random: np.random.Generator) -> View:
    """Draw a view; always the same number of draws, whatever the rules are.

    The crop's area is uniform between the least and the whole, its shape log-uniform, as in
    Szegedy et al. 2015 (arXiv 1409.4842), but relative to the picture's own: a net that squashes
    pictures in use is to see them squashed in training.
    """
    area, shape, x, y, mirrored, *tones = random.random(8)
    size = math.sqrt(rules.least_area + (1 - rules.least_area) * area)
    stretch = math.exp((2 * shape - 1) * math.log(rules.stretch) / 2)
    width, height = min(1.0, size * stretch), min(1.0, size / stretch)
    left, top = x * (1 - width), y * (1 - height)
    brightness, contrast, saturation = (1 + rules.jitter * (2 * tone - 1) for tone in tones)
    box = (left, top, left + width, top + height)
    return View(box, rules.flip and mirrored < 0.5, brightness, contrast, saturation)


def seen(pixels: NDArray[np.uint8], spec: Input, view: View) -> NDArray[np.float32]:
    """A view of a picture, resized, and prepared as the card says from there on.

    Args:
        pixels: uint8 RGB of shape (height, width, 3).
        spec: the net's input.
        view: what to make of it.

    Returns:
        float32 RGB in 0..255 of shape (*spec.size, 3).
    """
    height, width = pixels.shape[:2]
    left, top, right, bottom = view.box
    box = (left * width, top * height, right * width, bottom * height)
    bicubic = spec.resample is Resample.BICUBIC
    how = Image.Resampling.BICUBIC if bicubic else Image.Resampling.BILINEAR
    resized = Image.fromarray(pixels).resize((spec.size[1], spec.size[0]), how, box=box)
    shown = np.asarray(resized)[:, ::-1] if view.mirrored else np.asarray(resized)
    toned = _toned(shown, view)
    asis = replace(spec, resize=spec.size, fit=Fit.SQUASH)
    return prepare(np.ascontiguousarray(toned), asis)


def _toned(pixels: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Saturation, contrast and brightness changed at once: all three are linear."""
    if view.brightness == view.contrast == view.saturation == 1:
        return pixels
    values = pixels.astype(np.float32)
    grey = values @ _GREY
    mean = grey.mean()
    # b * (m + c * (g + s * (v - g) - m)), multiplied out
    values *= view.brightness * view.contrast * view.saturation
    grey *= view.brightness * view.contrast * (1 - view.saturation)
    grey += view.brightness * (1 - view.contrast) * mean
    values += grey[..., None]
    return np.clip(np.rint(values, out=values), 0, 255, out=values).astype(np.uint8)
