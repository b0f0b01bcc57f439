"""Pictures that are safe, generated, and distinct: any number, the same for the same seed.

They stand in for the five classes, so that everything that is done with these can be tried and
shown. Nothing unsafe is in any of them: a picture of the class "porn" shows marbles.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from PIL import Image

from figleaf.practice.drawn import floor, motifs
from figleaf.practice.painted import MARBLES, PEBBLES, landscape, stones


class Scene(StrEnum):
    """What a picture shows."""

    INK = "ink"
    """Motifs drawn in ink on paper, hardly any of them coloured in."""
    COMIC = "comic"
    """The same motifs, most of them coloured in."""
    LANDSCAPE = "landscape"
    """Clouds, a sun, and ridges."""
    MARBLES = "marbles"
    """Round stones with gloss."""
    PEBBLES = "pebbles"
    """Oval stones, rather matt."""
    FLOOR = "floor"
    """Chequered floors: no class's scene, to be found as outliers."""


STAND_INS: Mapping[str, Scene] = MappingProxyType(
    {
        "drawings": Scene.INK,
        "hentai": Scene.COMIC,
        "neutral": Scene.LANDSCAPE,
        "porn": Scene.MARBLES,
        "sexy": Scene.PEBBLES,
    }
)
"""Class -> the scene that stands in for it. Ink and comic are near each other, and so are marbles
and pebbles, as the classes are that they stand for."""

_PAINTERS: Mapping[Scene, Callable[[np.random.Generator], Image.Image]] = MappingProxyType(
    {
        Scene.INK: lambda random: motifs(random, (0.0, 0.2)),
        Scene.COMIC: lambda random: motifs(random, (0.35, 0.95)),
        Scene.LANDSCAPE: landscape,
        Scene.MARBLES: lambda random: stones(random, MARBLES),
        Scene.PEBBLES: lambda random: stones(random, PEBBLES),
        Scene.FLOOR: floor,
    }
)


def picture(scene: Scene, number: int, seed: int = 0) -> Image.Image:
    """One picture, RGB, 320..640 pixels a side.

    Args:
        scene: what it shows.
        number: which of them, from 0; each is another picture, further than 31 bits of PDQ from
            all others.
        seed: another one gives other pictures, from 0.

    Returns:
        the same for the same arguments and releases of NumPy and Pillow.
    """
    place = tuple(Scene).index(scene)
    return _PAINTERS[scene](np.random.default_rng((seed, place, number)))
