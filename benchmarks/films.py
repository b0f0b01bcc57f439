"""Memory over many films: 1,000 through one classifier, resident size every fiftieth.

    python -m benchmarks.films                  some minutes
    python -m benchmarks.films --films DIR      one's own in place of those that are made
    python -m benchmarks.films --inputs 200     a shorter look
    python -m benchmarks.films --update-readme

Films of several containers, sizes and lengths come again and again, a damaged one among them. The
resident size at the end is to be within 5 % of what it was after the first three tenths, when every
buffer and pool has its size.
"""

import argparse
import io
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

import figleaf
from benchmarks import machine, report
from benchmarks.memory import Sample, resident_bytes

_TOLERANCE = 0.05
_EVERY = 50


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/films.json`; `ratio` is the end's resident size to the settled one's."""

    machine: machine.Machine
    commit: str
    model: str
    films: int
    frames: int
    settled: Sample
    end: Sample
    ratio: float
    tolerance: float
    passed: bool
    seconds: float
    samples: list[Sample]


def pictures(count: int, width: int, height: int, seed: int) -> Iterator[Image.Image]:
    """Smooth noise that drifts: frames that differ, and compress as films do."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8 + count, 3), np.uint8)
    for number in range(count):
        part = Image.fromarray(noise[:, number : number + 8])
        yield part.resize((width, height), Image.Resampling.BICUBIC)


def animation(kind: str, count: int, width: int, height: int, seed: int) -> bytes:
    """An animation of 10 frames a second."""
    first, *others = pictures(count, width, height, seed)
    with io.BytesIO() as stream:
        first.save(stream, kind, save_all=True, append_images=others, duration=100, loop=0)
        return stream.getvalue()


def video(container: str, codec: str, count: int, width: int, height: int, seed: int) -> bytes:
    """A video of 10 frames a second."""
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as out:
        track = out.add_stream(codec, rate=10)
        assert isinstance(track, av.VideoStream)
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        for picture in pictures(count, width, height, seed):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    return stream.getvalue()


def made() -> list[bytes]:
    """Films of several kinds; the last one ends too early."""
    films = [
        animation("GIF", 20, 320, 240, 0),
        animation("PNG", 10, 200, 300, 1),
        animation("WEBP", 15, 640, 480, 2),
        video("mp4", "libx264", 100, 640, 360, 3),
        video("mp4", "libx264", 30, 1280, 720, 4),
        video("webm", "libvpx", 50, 426, 240, 5),
        video("matroska", "mpeg4", 40, 320, 240, 6),
    ]
    return [*films, films[3][: len(films[3]) // 2]]


def run(films: Sequence[bytes | Path], model: str, inputs: int) -> Record:
    """Send the films through one classifier, again and again."""
    before, begun = machine.describe(), time.perf_counter()
    samples: list[Sample] = []
    frames = 0
    with figleaf.load(model) as classifier:
        stream = classifier.stream(islice(cycle(films), inputs))
        for count, prediction in enumerate(stream, 1):
            frames += len(prediction.frames)
            if count % _EVERY == 0:
                samples.append(Sample(count, resident_bytes()))
                shown = f"{count}: {samples[-1].resident_bytes / 1e6:.0f} MB"
                print(shown, file=sys.stderr, flush=True)
    settled, end = samples[max(3 * len(samples) // 10, 1) - 1], samples[-1]
    ratio = end.resident_bytes / settled.resident_bytes
    return Record(
        machine=before,
        commit=machine.commit(),
        model=model,
        films=len(films),
        frames=frames,
        settled=settled,
        end=end,
        ratio=ratio,
        tolerance=_TOLERANCE,
        passed=ratio - 1 <= _TOLERANCE,
        seconds=time.perf_counter() - begun,
        samples=samples,
    )


def markdown(record: Record) -> str:
    """What is printed."""
    rows = [
        (f"after {one.inputs:,} films", f"{one.resident_bytes / 1e6:.0f} MB")
        for one in (record.settled, record.end)
    ]
    rows.append(("ratio", f"{record.ratio:.3f}"))
    verdict = "pass" if record.passed else "**fail**"
    rows.append((f"no more than {record.tolerance:.0%} above", verdict))
    text = report.table((f"`{record.model}`, f32", "resident"), rows)
    rate = f"{report.number(record.frames / record.seconds)} frames/s"
    return f"{machine.sentence(record.machine)}\n\n{text}\n\n{rate}."


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=1000, help=f"at least {_EVERY}")
    parser.add_argument("--model", default="mobilenet_v2")
    parser.add_argument("--films", type=Path, help="a folder of films; some are made without it")
    parser.add_argument("--update-readme", action="store_true", help="put the table there too")
    options = parser.parse_args(arguments)
    if options.inputs < _EVERY:
        parser.error(f"--inputs must be at least {_EVERY}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 where memory grew, or could not be measured."""
    options = _parse(arguments)
    try:
        films: list[bytes] | list[Path] = made()
        if options.films:
            films = sorted(path for path in options.films.rglob("*.*") if path.is_file())
        record = run(films, options.model, options.inputs)
    except (OSError, ImportError, figleaf.FigleafError) as error:
        print(f"films: {error}", file=sys.stderr)
        return 1
    report.write_json("films", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("films", markdown(record))
    return 0 if record.passed else 1


if __name__ == "__main__":
    sys.exit(main())
