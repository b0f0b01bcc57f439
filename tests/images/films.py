"""Small films of known colours at known times."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figleaf.images.frames import Frame

COLOURS = {
    "red": (230, 20, 20),
    "green": (20, 200, 20),
    "blue": (20, 20, 230),
    "yellow": (230, 230, 20),
    "white": (250, 250, 250),
    "black": (5, 5, 5),
}


def animation(colours: Sequence[str], kind: str, milliseconds: Any = 500, **options: Any) -> bytes:
    images = [Image.new("RGB", (40, 30), COLOURS[colour]) for colour in colours]
    with io.BytesIO() as stream:
        images[0].save(
            stream,
            kind,
            save_all=True,
            append_images=images[1:],
            duration=milliseconds,
            **options,
        )
        return stream.getvalue()


def video(
    colours: Sequence[str],
    container: str = "mp4",
    codec: str = "libx264",
    *,
    rate: int = 10,
    frames: int = 10,
    size: tuple[int, int] = (64, 48),
    stamps: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    rotation: int | None = None,
) -> bytes:
    """`frames` frames of each colour, `rate` a second; or one of each at `stamps`, in 1/rate s."""
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format=container, container_options=container_options or {}) as out:
        track = out.add_stream(codec, rate=rate, options=options or {})
        assert isinstance(track, av.VideoStream)
        track.width, track.height = size
        track.pix_fmt = "yuv420p"
        track.codec_context.time_base = Fraction(1, rate)
        if rotation is not None:
            track.set_display_rotation(rotation)
        shots = [colour for colour in colours for _ in range(1 if stamps else frames)]
        for stamp, colour in zip(stamps or range(len(shots)), shots, strict=True):
            picture = np.full((size[1], size[0], 3), COLOURS[colour], np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, rate)
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    return stream.getvalue()


def sound(container: str = "mp4", codec: str = "aac") -> bytes:
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as out:
        track = out.add_stream(codec, rate=48_000)
        assert isinstance(track, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        for count in range(20):
            frame.pts = count * 1024
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    return stream.getvalue()


def colour_of(pixels: NDArray[np.uint8]) -> str:
    """The name of the colour that the middle has."""
    middle = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2].astype(int)
    return min(COLOURS, key=lambda name: int(abs(middle - COLOURS[name]).sum()))


def told(frames: Sequence[Frame]) -> list[tuple[float, str]]:
    return [(round(frame.seconds, 3), colour_of(frame.picture.pixels)) for frame in frames]


def shared(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES]


_SUFFIXES = {".mp4", ".mkv", ".webm", ".mov", ".gif"}
