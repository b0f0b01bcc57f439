"""The memory of a loaded server and of all its processes, second by second, and its trend."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.load import Generator
from benchmarks.process import memory_of

SETTLED = 60.0
"""Seconds of load after which caches are full and every worker has seen large pictures."""
_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Of a server and all below it, so many seconds after the first look."""

    second: float
    rss_bytes: int
    pss_bytes: int


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through the resident sizes after `settled` seconds, by least squares.

    Attributes:
        settled: seconds left out.
        seconds: that the line covers.
        start_bytes, end_bytes: the line's ends.
        bytes_a_minute: its slope.
        growth: what it rises by over the whole, by its start; negative where it falls.
        peak_rss_bytes, peak_pss_bytes: the most, from the first second on.
    """

    settled: float
    seconds: float
    start_bytes: float
    end_bytes: float
    bytes_a_minute: float
    growth: float
    peak_rss_bytes: int
    peak_pss_bytes: int


def watch(process: int, generator: Generator) -> list[Sample]:
    """Look once a second, until the generator has ended."""
    begun, samples = time.monotonic(), list[Sample]()
    while generator.runs:
        memory = memory_of(process)
        samples.append(Sample(time.monotonic() - begun, memory.rss_bytes, memory.pss_bytes))
        time.sleep(_EVERY)
    return samples


def trend(samples: Sequence[Sample], settled: float, until: float) -> Trend:
    """The line through what comes from `settled` seconds on; there must be two samples at least."""
    late = [one for one in samples if settled <= one.second <= until]
    seconds = np.array([one.second for one in late])
    slope, constant = np.polyfit(seconds, [one.rss_bytes for one in late], 1)
    start, end = (float(slope * at + constant) for at in (seconds[0], seconds[-1]))
    return Trend(
        settled=settled,
        seconds=float(seconds[-1] - seconds[0]),
        start_bytes=start,
        end_bytes=end,
        bytes_a_minute=float(60 * slope),
        growth=(end - start) / start,
        peak_rss_bytes=max(one.rss_bytes for one in samples),
        peak_pss_bytes=max(one.pss_bytes for one in samples),
    )
