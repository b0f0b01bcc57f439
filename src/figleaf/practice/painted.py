"""Scenes that look like photos: landscapes, and round things that lie about in the light."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from figleaf.practice.canvas import (
    Colour,
    Pixels,
    any_colour,
    any_size,
    developed,
    gradient,
    half_of,
    smooth_noise,
)

_RIDGES = (2, 5)
_STONES = (7, 16)


def landscape(random: np.random.Generator) -> Image.Image:
    """Clouds, a sun, and ridges one behind the other."""
    size = half_of(any_size(random))
    width, height = size
    sky = gradient(size, (any_colour(random, 60, 200), any_colour(random, 150, 255)), np.pi / 2)
    sky += 45 * smooth_noise(random, size, int(random.integers(3, 7)))[..., None]
    _add_sun(random, sky)
    rows = np.arange(height, dtype=np.float32)[:, None]
    texture = smooth_noise(random, size, int(random.integers(8, 20)))[..., None]
    ridges = int(random.integers(*_RIDGES))
    tint = np.array(any_colour(random, 30, 150), np.float32)
    for number in range(ridges):
        level = height * (0.35 + 0.55 * (number + random.uniform(0, 0.6)) / ridges)
        edge = level + height * random.uniform(0.05, 0.22) * _profile(random, width)
        tint = 0.75 * tint + 0.25 * np.array(any_colour(random, 0, 140), np.float32)
        ground = tint + random.uniform(12, 40) * texture
        sky = np.where((rows > edge)[..., None], ground, sky)
    return developed(random, sky, 5)


def _profile(random: np.random.Generator, width: int) -> Pixels:
    """A line of hills: float32 of shape (width,), about -1..1."""
    line = np.zeros(width, np.float32)
    for points, share in ((4, 0.6), (9, 0.3), (40, 0.1)):
        heights = random.uniform(-1, 1, points)
        line += share * np.interp(np.linspace(0, points - 1, width), range(points), heights)
    return line


def _add_sun(random: np.random.Generator, sky: Pixels) -> None:
    height, width = sky.shape[:2]
    x, y = random.uniform(0, width), random.uniform(0, height / 2)
    across = (np.arange(width, dtype=np.float32) - x) ** 2
    down = (np.arange(height, dtype=np.float32) - y) ** 2
    spread = (random.uniform(0.04, 0.12) * width) ** 2
    sky += 150 * np.exp(-(across + down[:, None]) / spread)[..., None]


@dataclass(frozen=True, slots=True)
class Stones:
    """What lies there.

    Attributes:
        flatness: the shorter axis to the longer, drawn evenly from this range for each picture.
        gloss: strength of the light's reflection, likewise.
        veins: strength of the stone's pattern, likewise.
    """

    flatness: tuple[float, float]
    gloss: tuple[float, float]
    veins: tuple[float, float]


MARBLES = Stones(flatness=(0.9, 1.0), gloss=(0.45, 0.9), veins=(0.0, 0.3))
PEBBLES = Stones(flatness=(0.5, 0.85), gloss=(0.0, 0.4), veins=(0.2, 0.7))
"""Near each other on purpose: flat marbles and round pebbles are told apart by little."""


def stones(random: np.random.Generator, kind: Stones) -> Image.Image:
    """Stones on a table, lit from one side."""
    size = half_of(any_size(random))
    angle = random.uniform(0, np.pi)
    pixels = gradient(size, (any_colour(random, 20, 235), any_colour(random, 20, 235)), angle)
    pixels += random.uniform(4, 18) * smooth_noise(random, size, 6)[..., None]
    light = random.uniform(0, 2 * np.pi)
    drawn = {
        name: float(random.uniform(*getattr(kind, name))) for name in ("flatness", "gloss", "veins")
    }
    veins = drawn["veins"] * smooth_noise(random, size, 18)
    for _ in range(int(random.integers(*_STONES))):
        flatness = min(1.0, drawn["flatness"] * float(random.uniform(0.95, 1.05)))
        _lay(random, pixels, veins, light, flatness, drawn["gloss"])
    return developed(random, pixels, 4)


def _lay(
    random: np.random.Generator,
    pixels: Pixels,
    veins: Pixels,
    light: float,
    flatness: float,
    gloss: float,
) -> None:
    """Draw one stone, and its shadow, into the pixels: an ellipsoid, with Phong's shading."""
    height, width = pixels.shape[:2]
    radius = float(random.uniform(0.06, 0.2)) * min(width, height) * 1.4
    x, y = random.uniform(0, width), random.uniform(0, height)
    reach = int(radius * 1.3)
    top, left = max(0, int(y) - reach), max(0, int(x) - reach)
    window = (slice(top, int(y) + reach), slice(left, int(x) + reach))
    rows = np.arange(top, min(height, int(y) + reach), dtype=np.float32)[:, None] - np.float32(y)
    columns = np.arange(left, min(width, int(x) + reach), dtype=np.float32) - np.float32(x)
    turn = random.uniform(0, np.pi)
    cos, sin = np.float32(np.cos(turn) / radius), np.float32(np.sin(turn) / radius)
    u = columns * cos + rows * sin
    v = (rows * cos - columns * sin) / np.float32(flatness)
    squared = u * u + v * v
    depth = np.sqrt(np.clip(1 - squared, 0, 1))
    # The light's direction, in the stone's own axes; it comes from above at 45 degrees.
    towards = 0.7 * (u * np.float32(np.cos(light - turn)) + v * np.float32(np.sin(light - turn)))
    facing = np.clip(towards + 0.7 * depth, 0, 1)
    colour: Colour = any_colour(random, 30, 245)
    shade = (0.35 + 0.75 * facing) * (1 + veins[window])
    body = shade[..., None] * np.array(colour, np.float32) + gloss * 200 * facing[..., None] ** 24
    edge = np.clip((1 - squared) * (radius / 2), 0, 1)[..., None]
    shadow = 1 - 0.4 * np.clip(1.5 - squared, 0, 0.5)[..., None]
    pixels[window] = edge * body + (1 - edge) * pixels[window] * shadow
