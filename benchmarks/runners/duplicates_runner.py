"""One search for near-duplicate hashes, in a process of its own.

    python -m benchmarks.runners.duplicates_runner STEP FILE --distance 31 [--mirrored]

cluster    figleaf's: equal hashes collapsed, pairs found, clusters and groups made
flat       faiss's IndexBinaryFlat.range_search: everything against everything
flat-part  the same for the first sixteenth of the queries; the time is multiplied
multihash  faiss's IndexBinaryMultiHash, 16 words of 16 bits, one of them flipped (exact up to 31)

FILE is an .npz with `whole` and `mirrored`. faiss gets each hash once: it would answer 20,000 equal
ones with 400 million results. What is timed is the step without the imports; the last line of
standard output is JSON.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from figleaf.curate.duplicates.clusters import Hashed, cluster

Hashes = NDArray[np.uint8]

_SLICE = 4096
"""Queries at once: all the results of a call stay in memory until it returns."""
_PART = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step did.

    `seconds` are those of the whole step, multiplied where only a part was done; `duplicates` how
    many images have a better one near by, where the step can tell.
    """

    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    duplicates: int | None


def _cluster(whole: Hashes, mirrored: Hashes | None, distance: int) -> int:
    found = cluster(Hashed(whole, mirrored=mirrored), distance=distance)
    return int((found.representative != np.arange(len(whole))).sum())


def _flat(whole: Hashes, mirrored: Hashes | None, distance: int) -> None:
    index = faiss.IndexBinaryFlat(256)
    _look_up(index, *_distinct(whole, mirrored), distance)


def _flat_part(whole: Hashes, mirrored: Hashes | None, distance: int) -> None:
    index = faiss.IndexBinaryFlat(256)
    hashes, queries = _distinct(whole, mirrored)
    _look_up(index, hashes, queries[: len(queries) // _PART], distance)


def _multihash(whole: Hashes, mirrored: Hashes | None, distance: int) -> None:
    index = faiss.IndexBinaryMultiHash(256, 16, 16)
    index.nflip = 1
    _look_up(index, *_distinct(whole, mirrored), distance)


def _distinct(whole: Hashes, mirrored: Hashes | None) -> tuple[Hashes, Hashes]:
    rows = np.ascontiguousarray(whole).view("V32").ravel()
    first = np.sort(np.unique(rows, return_index=True)[1])
    queries = [whole[first]] if mirrored is None else [whole[first], mirrored[first]]
    return whole[first], np.concatenate(queries)


def _look_up(index: Any, hashes: Hashes, queries: Hashes, distance: int) -> None:
    index.add(hashes)
    for start in range(0, len(queries), _SLICE):
        # faiss finds what is nearer than the radius.
        index.range_search(queries[start : start + _SLICE], distance + 1)


STEPS: dict[str, Callable[[Hashes, Hashes | None, int], int | None]] = {
    "cluster": _cluster,
    "flat": _flat,
    "flat-part": _flat_part,
    "multihash": _multihash,
}
_TIMES = {"flat-part": _PART}


def _peak_rss_bytes() -> int:
    # Not getrusage's, which also counts what the process was before it became this program.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("file", type=Path)
    parser.add_argument("--distance", type=int, default=31)
    parser.add_argument("--mirrored", action="store_true")
    options = parser.parse_args(arguments)
    with np.load(options.file) as file:
        whole = file["whole"]
        mirrored = file["mirrored"] if options.mirrored else None
    begun = time.perf_counter()
    duplicates = STEPS[options.step](whole, mirrored, options.distance)
    seconds = (time.perf_counter() - begun) * _TIMES.get(options.step, 1)
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds = (used.ru_utime + used.ru_stime) * _TIMES.get(options.step, 1)
    print(json.dumps(asdict(Answer(seconds, cpu_seconds, _peak_rss_bytes(), duplicates))))


if __name__ == "__main__":
    main()
