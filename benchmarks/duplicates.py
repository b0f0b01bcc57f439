"""Near duplicates among up to 1.3 million hashes: figleaf's clusters beside faiss's flat search.

    python -m benchmarks.duplicates --photos DIR                      about 20 minutes, 2 GB
    python -m benchmarks.duplicates --photos DIR --most 125000        a quicker look

The hashes are made up, and like those of pictures: as many bits are set, and bits go together as
often, as in the PDQ hashes of the photos in DIR (four fifths) and of smooth random pictures (one
fifth). Every measurement is a process of its own. The exit code is 1 where a target was missed.
Linux only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine, report
from benchmarks.runners.duplicates_runner import Answer
from figleaf.classify.source import walk
from figleaf.errors import FigleafError
from figleaf.images import decode, phash

Bits = NDArray[np.uint8]
"""Of shape (n, 256), each 0 or 1."""

SIZES = (1_000, 10_000, 125_000, 400_000, 1_300_000)
DISTANCES = (15, 23, 31)
DISTANCES_AT = (125_000, 1_300_000)
TARGETS = {125_000: 15.0, 1_300_000: 720.0}
"""Seconds, at distance 31, mirrored hashes or not."""
MOST_BYTES = 4_000_000_000

_DEFAULT = phash.MATCH_DISTANCE
_ROUNDS = 3
_ONCE_FROM = 400_000  # images; there, one round says enough
_PART_FROM = 400_000  # there, faiss looks up a sixteenth
_COPIES = 0.2  # of the images are near another, beside those that are equal
_MIRRORED = 0.1  # of the copies are of the mirrored picture
_MOST_EQUAL = 20_000
_TAIL = 1.2  # Pareto's exponent of how often a picture is copied
_SMOOTH = 0.2  # of the hashes are like those of smooth pictures
_SMOOTH_PICTURES = 1_000
_CHUNK = 20_000
_CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Learned:
    """What hashes of some pictures are like.

    Attributes:
        means: shape (256,), what to add to each normal number, so that it is positive as often as
            the bit is set.
        mixing: float32 of shape (256, 256): normal numbers times it go together as the bits do.
        mirroring: shape (256,), how often each bit differs in the hash of the mirrored picture.
        pictures: how many were looked at.
    """

    means: NDArray[np.float32]
    mixing: NDArray[np.float32]
    mirroring: NDArray[np.float64]
    pictures: int


@dataclass(frozen=True, slots=True)
class Search:
    """One search: medians over the rounds, the memory is the most.

    `peer_seconds` are faiss's for finding the same pairs, without clusters; `ratio` the median of
    each round's own, by the clock; None where it was not asked. Seconds of processors are those of
    the whole process.
    """

    images: int
    distance: int
    mirrored: bool
    duplicates: int
    seconds: float
    rounds: list[float]
    cpu_seconds: float
    peak_rss_bytes: int
    peer_seconds: float | None
    peer_cpu_seconds: float | None
    peer_in_part: bool
    ratio: float | None
    target_seconds: float | None
    passed: bool


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/duplicates.json`."""

    machine: machine.Machine
    commit: str
    photos: int
    smooth_pictures: int
    most_bytes: int
    searches: list[Search]


def learned(photos: Path) -> list[tuple[Learned, float]]:
    """What hashes are made like: the photos of a folder, and smooth pictures; the share of each."""
    return [(learn(_photos(photos)), 1 - _SMOOTH), (learn(_smooth()), _SMOOTH)]


def learn(pixels: Iterator[Bits]) -> Learned:
    """Learn from pictures, uint8 RGB each, and their mirrored hashes.

    Bits that are signs of normal numbers agree as often as the arcsine of those numbers'
    correlation says, so its sine is what mixes them.
    """
    pairs = [(_bits(one), _bits(np.ascontiguousarray(one[:, ::-1]))) for one in pixels]
    whole, mirrored = (np.array(side, np.uint8) for side in zip(*pairs, strict=True))
    both = np.concatenate([whole, mirrored]).astype(np.float64)
    shares = both.mean(axis=0).clip(0.01, 0.99)
    means = np.array([NormalDist().inv_cdf(share) for share in shares.tolist()], np.float32)
    values, vectors = np.linalg.eigh(np.sin(np.pi / 2 * np.corrcoef(both.T)))
    mixing = (vectors * np.sqrt(np.maximum(values, 1e-4))).astype(np.float32)
    return Learned(means, mixing, (whole != mirrored).mean(axis=0), len(whole))


def make(kinds: Sequence[tuple[Learned, float]], count: int, file: Path) -> None:
    """Write hashes, and those of the mirrored pictures, in random order.

    Args:
        kinds: what to make hashes like, and the share of each.
        count: how many.
        file: an .npz to write.
    """
    random = np.random.default_rng(count)
    copies, equal = int(count * _COPIES), min(_MOST_EQUAL, count // 10)
    sizes = [int((count - copies - equal) * share) for _, share in kinds]
    sizes[0] += count - copies - equal - sum(sizes)
    bits = np.concatenate(
        [_sampled(kind, size, random) for (kind, _), size in zip(kinds, sizes, strict=True)]
    )
    mirroring = np.repeat(np.array([kind.mirroring for kind, _ in kinds]), sizes, axis=0)
    flips: Bits = (random.random(bits.shape, np.float32) < mirroring).astype(np.uint8)
    mirrored = bits ^ flips
    sources = random.permutation(len(bits))[
        (random.pareto(_TAIL, copies) * len(bits) / 50).astype(np.int64) % len(bits)
    ]
    order = random.permutation(count)
    turned = random.random((copies, 1)) < _MIRRORED
    both = []
    for one, other in ((bits, mirrored), (mirrored, bits)):
        copied = _changed(np.where(turned, other[sources], one[sources]), random)
        joined = [one, copied, np.repeat(one[:1], equal, axis=0)]
        both.append(np.packbits(np.concatenate(joined), axis=1)[order])
    np.savez(file, whole=both[0], mirrored=both[1])


def _bits(pixels: Bits) -> Bits:
    return np.unpackbits(np.frombuffer(phash.pdq(pixels).bits, np.uint8))


def _photos(folder: Path) -> Iterator[Bits]:
    for path in walk(folder):
        try:
            yield decode(Path(path).read_bytes()).pixels
        except FigleafError as error:
            print(f"duplicates: {path} left out: {error}", file=sys.stderr)


def _smooth() -> Iterator[Bits]:
    """Grey pictures of a few random waves each."""
    random = np.random.default_rng(0)
    places = np.linspace(0, np.pi, 128)
    for _ in range(_SMOOTH_PICTURES):
        waves = random.integers(2, 12)
        rows = np.cos(np.outer(np.arange(waves), places) + random.uniform(0, 6, (waves, 1)))
        columns = np.cos(np.outer(np.arange(waves), places) + random.uniform(0, 6, (waves, 1)))
        grey = rows.T @ random.normal(size=(waves, waves)) @ columns
        low, high = grey.min(), grey.max()
        scaled = ((grey - low) / (high - low) * 255).astype(np.uint8)
        yield np.repeat(scaled[:, :, None], 3, axis=2)


def _sampled(kind: Learned, count: int, random: np.random.Generator) -> Bits:
    """Bits above each row's median, half of them, as PDQ has it."""
    bits = np.empty((count, 256), np.uint8)
    for start in range(0, count, _CHUNK):
        rows = min(_CHUNK, count - start)
        numbers = random.standard_normal((rows, 256), np.float32) @ kind.mixing.T + kind.means
        bits[start : start + rows] = numbers > np.median(numbers, axis=1, keepdims=True)
    return bits


def _changed(bits: Bits, random: np.random.Generator) -> Bits:
    """Flip 0..31 bits of each row, in place."""
    for start in range(0, len(bits), _CHUNK):
        some = bits[start : start + _CHUNK]
        places = random.random(some.shape, np.float32).argsort(axis=1)
        some ^= places < random.integers(0, _DEFAULT + 1, (len(some), 1))
    return bits


class Bench:
    """Runs searches on the hashes of one file."""

    def __init__(self, file: Path, images: int) -> None:
        self._file = file
        self._images = images

    def beside_peer(self, mirrored: bool) -> Search:
        """figleaf and faiss in turn, at the default distance."""
        in_part = self._images >= _PART_FROM
        ours, theirs = [], []
        for _ in range(1 if self._images >= _ONCE_FROM else _ROUNDS):
            ours.append(self._answer("cluster", _DEFAULT, mirrored))
            theirs.append(self._answer("flat-part" if in_part else "flat", _DEFAULT, mirrored))
        return self._search(ours, theirs, _DEFAULT, mirrored)

    def alone(self, distance: int) -> Search:
        """figleaf at another distance."""
        return self._search([self._answer("cluster", distance, False)], [], distance, False)

    def _answer(self, step: str, distance: int, mirrored: bool) -> Answer:
        module = "benchmarks.runners.duplicates_runner"
        command = [sys.executable, "-m", module, step, str(self._file), f"--distance={distance}"]
        ended = subprocess.run(
            command + ["--mirrored"] * mirrored,
            cwd=_CHECKOUT,
            env=machine.environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return Answer(**json.loads(ended.stdout.splitlines()[-1]))

    def _search(
        self, ours: Sequence[Answer], theirs: Sequence[Answer], distance: int, mirrored: bool
    ) -> Search:
        seconds = median(one.seconds for one in ours)
        memory = max(one.peak_rss_bytes for one in ours)
        target = TARGETS.get(self._images) if distance == _DEFAULT else None
        pairs = zip(ours, theirs, strict=bool(theirs))
        return Search(
            images=self._images,
            distance=distance,
            mirrored=mirrored,
            duplicates=ours[0].duplicates or 0,
            seconds=seconds,
            rounds=[one.seconds for one in ours],
            cpu_seconds=median(one.cpu_seconds for one in ours),
            peak_rss_bytes=memory,
            peer_seconds=median(one.seconds for one in theirs) if theirs else None,
            peer_cpu_seconds=median(one.cpu_seconds for one in theirs) if theirs else None,
            peer_in_part=bool(theirs) and self._images >= _PART_FROM,
            ratio=median(two.seconds / one.seconds for one, two in pairs) if theirs else None,
            target_seconds=target,
            passed=memory < MOST_BYTES and (target is None or seconds <= target),
        )


def measure(folder: Path, photos: Path, most: int) -> Record:
    """Make hashes in a folder, and measure all searches among up to so many.

    Raises:
        CalledProcessError: a search failed.
    """
    before = machine.describe()
    kinds = learned(photos)
    file, searches = folder / "hashes.npz", []
    for size in (one for one in SIZES if one <= most):
        make(kinds, size, file)
        bench = Bench(file, size)
        searches += [_shown(bench.beside_peer(mirrored)) for mirrored in (False, True)]
        if size in DISTANCES_AT:
            searches += [_shown(bench.alone(one)) for one in DISTANCES if one != _DEFAULT]
    return Record(
        machine=before,
        commit=machine.commit(),
        photos=kinds[0][0].pictures,
        smooth_pictures=kinds[1][0].pictures,
        most_bytes=MOST_BYTES,
        searches=searches,
    )


def markdown(record: Record) -> str:
    """The section of the README."""
    rows = [
        (
            f"{one.images:,}{', mirrored too' if one.mirrored else ''}",
            str(one.distance),
            f"{one.duplicates:,}",
            report.number(one.seconds),
            "" if one.target_seconds is None else f"<= {one.target_seconds:g}",
            report.number(one.cpu_seconds),
            f"{one.peak_rss_bytes / 1e6:.0f}",
            "pass" if one.passed else "**fail**",
            _peer(one, one.peer_seconds),
            _peer(one, one.peer_cpu_seconds),
            "" if one.ratio is None else report.number(one.ratio),
        )
        for one in record.searches
    ]
    ours = ("duplicates", "s", "target, s", "CPU, s", "peak memory, MB", "verdict")
    head = ("images", "distance", *ours, "faiss flat, s", "CPU, s", "ratio of s")
    return "\n\n".join(
        [
            machine.sentence(record.machine),
            f"Hashes like those of {record.photos:,} photos and {record.smooth_pictures:,} smooth "
            f"pictures; figleaf at commit {record.commit or 'unknown'}. Memory is to stay under "
            f"{record.most_bytes / 1e9:.0f} GB.",
            report.table(head, rows),
        ]
    )


def _peer(search: Search, seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{'about ' if search.peer_in_part else ''}{report.number(seconds)}"


def _shown(search: Search) -> Search:
    mirrored = ", mirrored too" if search.mirrored else ""
    line = f"{search.images:,}{mirrored}, distance {search.distance}: "
    print(line + f"{report.number(search.seconds)} s", file=sys.stderr, flush=True)
    return search


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True, help="safe photos")
    parser.add_argument("--most", type=int, default=max(SIZES), help="images; larger are left out")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for the hashes")
    parser.add_argument("--update-readme", action="store_true", help="put the table there too")
    options = parser.parse_args(arguments)
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=options.work, prefix="duplicates-") as folder:
            record = measure(Path(folder), options.photos, options.most)
    except (subprocess.CalledProcessError, FigleafError, OSError) as error:
        print(f"duplicates: {error}", file=sys.stderr)
        return 1
    report.write_json("duplicates", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("duplicates", markdown(record))
    return 0 if all(one.passed for one in record.searches) else 1


if __name__ == "__main__":
    sys.exit(main())
