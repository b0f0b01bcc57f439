"""Scenes that look drawn: motifs in ink, the same coloured in, and chequered floors."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from figleaf.practice.canvas import any_colour, any_size, developed, half_of, smooth_noise

Point = tuple[float, float]
Strokes = list[list[Point]]

_MOTIFS = (9, 19)
_CURVE = 24
"""Points of a round line."""
_SHADOW = 60
"""The darkest shadow on paper, of 255."""


def _around(x: float, y: float, radius: float, points: int, turn: float = 0.0) -> list[Point]:
    angles = np.linspace(0, 2 * np.pi, points + 1) + turn
    return [(x + radius * float(np.cos(a)), y + radius * float(np.sin(a))) for a in angles]


def _house(random: np.random.Generator, x: float, y: float, size: float) -> Strokes:
    wide, high = size * random.uniform(0.6, 1), size * random.uniform(0.5, 1)
    walls = [
        (x - wide, y),
        (x + wide, y),
        (x + wide, y + high),
        (x - wide, y + high),
        (x - wide, y),
    ]
    roof = [(x - wide * 1.2, y), (x, y - size * random.uniform(0.4, 1)), (x + wide * 1.2, y)]
    door = [
        (x, y + high),
        (x, y + high / 2),
        (x + wide / 3, y + high / 2),
        (x + wide / 3, y + high),
    ]
    return [walls, [*roof, roof[0]], door]


def _flower(random: np.random.Generator, x: float, y: float, size: float) -> Strokes:
    petals = int(random.integers(5, 9))
    middles = _around(x, y, size * 0.55, petals, random.uniform(0, np.pi))
    leaves = [_around(*middle, size * 0.33, _CURVE) for middle in middles[:-1]]
    stem = [(x, y + size), (x + size * random.uniform(-0.5, 0.5), y + 2 * size)]
    return [stem, *leaves, _around(x, y, size * 0.3, _CURVE)]


def _star(random: np.random.Generator, x: float, y: float, size: float) -> Strokes:
    points = int(random.integers(4, 9))
    turn = random.uniform(0, np.pi)
    outer = _around(x, y, size, points, turn)
    inner = _around(x, y, size * random.uniform(0.3, 0.7), points, turn + np.pi / points)
    line = [point for pair in zip(outer, inner, strict=True) for point in pair]
    return [line[:-1]]


def _spiral(random: np.random.Generator, x: float, y: float, size: float) -> Strokes:
    angles = np.linspace(0, random.uniform(4, 9) * np.pi, 3 * _CURVE)
    radii = np.linspace(0, size, len(angles))
    return [
        [
            (x + r * float(np.cos(a)), y + r * float(np.sin(a)))
            for a, r in zip(angles, radii.tolist(), strict=True)
        ]
    ]


def _fish(random: np.random.Generator, x: float, y: float, size: float) -> Strokes:
    high = size * random.uniform(0.3, 0.6)
    body = [
        (x + size * float(np.cos(a)), y + high * float(np.sin(a)))
        for a in np.linspace(0, 2 * np.pi, _CURVE)
    ]
    tail = [(x - size, y), (x - 1.5 * size, y - high), (x - 1.5 * size, y + high), (x - size, y)]
    return [body, tail, _around(x + size * 0.6, y - high * 0.2, size * 0.08, 8)]


def _tree(random: np.random.Generator, x: float, y: float, size: float) -> Strokes:
    tiers = int(random.integers(2, 5))
    trunk = [
        (x - size * 0.1, y + size),
        (x - size * 0.1, y + 1.4 * size),
        (x + size * 0.1, y + 1.4 * size),
        (x + size * 0.1, y + size),
    ]
    strokes = [trunk]
    for tier in range(tiers):
        base, wide = y + size * (1 - tier / tiers), size * (0.8 - 0.5 * tier / tiers)
        strokes.append(
            [(x - wide, base), (x, base - size * 0.9), (x + wide, base), (x - wide, base)]
        )
    return strokes


_ALL: tuple[Callable[[np.random.Generator, float, float, float], Strokes], ...] = (
    _house,
    _flower,
    _star,
    _spiral,
    _fish,
    _tree,
)


def motifs(random: np.random.Generator, coloured: tuple[float, float]) -> Image.Image:
    """Houses, flowers, stars, spirals, fish and trees in ink on paper.

    Args:
        random: a generator of this picture's own.
        coloured: which share of the shapes is coloured in, drawn evenly from this range.
    """
    width, height = any_size(random)
    paper = any_colour(random, 225, 255)
    image = Image.new("RGB", (width, height), _whole(paper))
    draw = ImageDraw.Draw(image)
    share = random.uniform(*coloured)
    if random.random() < share:
        _wash(random, draw, width, height)
    ink, pen = _whole(any_colour(random, 0, 70)), int(random.integers(2, 6))
    for _ in range(int(random.integers(*_MOTIFS))):
        motif = _ALL[int(random.integers(len(_ALL)))]
        size = min(width, height) * float(random.uniform(0.06, 0.2))
        for stroke in motif(random, random.uniform(0, width), random.uniform(0, height), size):
            if random.random() < share and stroke[0] == stroke[-1]:
                draw.polygon(stroke, fill=_whole(any_colour(random, 40, 255)))
            draw.line(stroke, fill=ink, width=pen, joint="curve")
    return _scanned(random, image)


def _scanned(random: np.random.Generator, image: Image.Image) -> Image.Image:
    """With the shadows of paper that is not quite flat: plain margins would be a border."""
    shadows = Image.fromarray(random.integers(0, _SHADOW, (9, 9), np.uint8))
    plane = shadows.resize(image.size, Image.Resampling.BICUBIC)
    return ImageChops.subtract(image, Image.merge("RGB", (plane, plane, plane)))


def _wash(random: np.random.Generator, draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Colour the paper in: sky and ground."""
    level = height * random.uniform(0.3, 0.8)
    draw.rectangle((0, 0, width, level), fill=_whole(any_colour(random, 120, 255)))
    draw.rectangle((0, level, width, height), fill=_whole(any_colour(random, 60, 220)))


def floor(random: np.random.Generator) -> Image.Image:
    """A chequered floor in perspective: like none of the classes' scenes."""
    size = half_of(any_size(random))
    width, height = size
    turn, lens = random.uniform(0, np.pi), random.uniform(0.6, 1.6)
    depth = lens / np.linspace(0.08, 1, height)[:, None]
    across = np.linspace(-1, 1, width) * depth
    tiles = random.uniform(2, 6)
    one = np.floor(tiles * (across * np.cos(turn) + depth * np.sin(turn)))
    other = np.floor(tiles * (depth * np.cos(turn) - across * np.sin(turn)))
    colours = np.array([any_colour(random, 0, 255), any_colour(random, 0, 255)], np.float32)
    pixels = colours[(one + other).astype(int) % 2]
    pixels += 30 * smooth_noise(random, size, 5)[..., None]
    return developed(random, pixels, 3)


def _whole(colour: tuple[float, float, float]) -> tuple[int, int, int]:
    red, green, blue = map(round, colour)
    return red, green, blue
