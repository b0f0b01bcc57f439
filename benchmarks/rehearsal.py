"""The reference's job in its proportions, in one go, on pictures that are safe.

    python -m benchmarks.rehearsal                      1,252 pictures of 2,204 URLs, a few minutes
    python -m benchmarks.rehearsal --factor 50 --update-readme

As many pictures of each class as the reference's data set had, divided by a factor: generated, of
some 360 KB, five safe kinds in place of the classes (`figleaf.practice`). Lists that are 1.76 times
as long, as the reference's were, whose surplus fails as theirs did. They are served on the loopback
interface, and `figleaf run` does the rest. What came of each URL is held to what was planted; the
time of each stage is multiplied by the factor and set beside the reference's 3 h 30. The exit code
is 1 where a target was missed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

import figleaf
from benchmarks import machine, report
from benchmarks.report import Check
from figleaf.errors import LeakError
from figleaf.practice.faults import MOVED, Answer, whole
from figleaf.practice.listing import Entry, Listing, Recipe, Site, listed
from figleaf.practice.pictures import Scene, picture
from figleaf.practice.serving import Ports, serving
from figleaf.practice.truth import planted, surprises

REFERENCE: Mapping[str, int] = {
    "drawings": 15_205,
    "hentai": 4_248,
    "neutral": 34_910,
    "porn": 56_968,
    "sexy": 13_883,
}
"""Images of the reference's data set."""
LISTED = 220_000
"""URLs of its lists."""
HOURS = 3.5
"""What it took to load, to compute features and to train."""

SURPLUS: Mapping[str, float] = {
    "gone": 0.33,
    "dead host": 0.10,
    "forbidden": 0.04,
    "broken host": 0.01,
    "circle": 0.01,
    "page": 0.16,
    "notice": 0.08,
    "placeholder": 0.06,
    "empty": 0.02,
    "truncated": 0.03,
    "tiny": 0.02,
    "plain": 0.01,
    "again": 0.04,
    "recompressed": 0.03,
    "resized": 0.03,
    "mirrored": 0.01,
    "two classes": 0.02,
}
"""Fault -> its share of the URLs that come to no picture of their own. How the reference's 94,786
failed is told in words alone, "failed to download or had wrong extensions"; most links of such
lists are dead, and hosts send placeholders and pages in place of pictures."""
AMONG_SOUND: Mapping[str, float] = {"misnamed": 0.03, "moved": 0.02, "mislabelled": 0.02}
"""Fault -> its share of the pictures that are of use all the same. What is misnamed has a wrong
extension: the reference lost it."""

_LONGER_SIDE = 1440
_GRAIN = 5.0
"""Makes files as large as the reference's, 360 KB; of 255."""
_CONFIG = """format = 1
sources = ["lists"]
out = "run"
name = "rehearsal"
note = "rehearsal"
[collect.fetch]
allow_loopback = true
per_host = 16
retries = 1
backoff = 0.05
[screen]
model = "efficientnet_lite0"
"""


@dataclass(frozen=True, slots=True)
class Fate:
    """URLs that have the same fault: what was planted, and what came of them."""

    fault: str
    urls: int
    planted: str
    as_planted: int


@dataclass(frozen=True, slots=True)
class Timed:
    """A stage, and what it would take for the reference's 125,214 images."""

    stage: str
    seconds: float
    minutes_in_full: float


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/rehearsal.json`."""

    machine: machine.Machine
    commit: str
    factor: int
    fast: bool
    pictures: dict[str, int]
    urls: int
    mean_bytes: int
    fates: list[Fate]
    unexpected: list[dict[str, str]]
    sound: int
    sound_in_use: int
    figures: dict[str, object]
    stages: list[Timed]
    again_seconds: float
    checks: list[Check]


def recipe(factor: int) -> Recipe:
    """The reference's data set and lists, so many times smaller."""
    images = {label: round(count / factor) for label, count in REFERENCE.items()}
    surplus = round(LISTED / factor) - sum(images.values())
    faults = {name: round(share * surplus) for name, share in SURPLUS.items()}
    # A picture in two classes takes a sound one with it, as neither list can be believed; and
    # rounding has left some.
    faults["gone"] += surplus - sum(faults.values()) - faults["two classes"]
    among = {name: round(share * sum(images.values())) for name, share in AMONG_SOUND.items()}
    shares = {label: count / sum(images.values()) for label, count in images.items()}
    # What has a fault and is of use takes the place of a sound one.
    more = faults["two classes"] - sum(among.values())
    sound = {label: count + round(more * shares[label]) for label, count in images.items()}
    return Recipe(sound, faults | among)


def grown(image: Image.Image, seed: Sequence[int]) -> Image.Image:
    """A picture as large as a photo of the reference's, with some grain."""
    by = _LONGER_SIDE / max(image.size)
    size = (round(image.width * by), round(image.height * by))
    pixels = np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.float32)
    grain = np.random.default_rng(seed).normal(0, _GRAIN, (*pixels.shape[:2], 1))
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


def _rendered(entry: Entry, seed: int, folder: Path) -> int:
    """Write what is answered to a request for an entry; gives the bytes of its body."""
    # By its picture alone: URLs with the same scene and number show the same.
    of_picture = (seed, entry.number, tuple(Scene).index(entry.scene))
    image = grown(picture(entry.scene, entry.number, seed), of_picture)
    answer = entry.answer(image, entry.path)
    name = entry.path.strip("/").replace("/", "_")
    (folder / name).write_bytes(answer.body)
    values = asdict(answer) | {"body": None}
    (folder / f"{name}.json").write_text(json.dumps(values))
    if answer.location == f"{MOVED}{entry.path}":
        (folder / f"{name}.moved").write_bytes(whole(image).body)
    return len(answer.body)


class Rendered:
    """Answers that were made before: no time of theirs is measured.

    Args:
        listing: the URLs.
        folder: where they were written.
    """

    def __init__(self, listing: Listing, folder: Path) -> None:
        self._site, self._folder = Site.of(listing), folder

    def __call__(self, path: str) -> Answer:
        """What is said to a request for a path."""
        name = path.strip("/").replace("/", "_")
        moved = self._folder / f"{name.removeprefix('moved_')}.moved"
        if name.startswith("moved_") and moved.is_file():
            return Answer(body=moved.read_bytes())
        facts = self._folder / f"{name}.json"
        if not facts.is_file():
            return self._site.answer(path)
        return Answer(
            **json.loads(facts.read_text()) | {"body": (self._folder / name).read_bytes()}
        )


def rehearse(factor: int, work: Path, *, fast: bool) -> Record:
    """Do it, in a folder."""
    before = machine.describe()
    listing = listed(recipe(factor))
    (work / "served").mkdir(parents=True)
    _say(f"making {len(listing.entries):,} answers")
    with ThreadPoolExecutor(machine.cores()) as pool:
        render = partial(_rendered, seed=listing.seed, folder=work / "served")
        sizes = list(pool.map(render, listing.entries))
    sound = [size for one, size in zip(listing.entries, sizes, strict=True) if not one.fault]
    with serving(Rendered(listing, work / "served")) as ports:
        listing.write(work / "lists", ports.origin, ports.dead_origin)
        (work / "run.toml").write_text(_CONFIG)
        _run(work, fast=fast)
        again = _run(work, fast=fast)
        return _record(before, factor, listing, ports, work, sound, again, fast=fast)


def _run(work: Path, *, fast: bool) -> float:
    """`figleaf run`, as a user types it; gives its seconds."""
    command = [sys.executable, "-m", "figleaf", "run", "run.toml", *(["--fast"] if fast else [])]
    variables = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    begun = time.perf_counter()
    subprocess.run(command, cwd=work, env=variables, check=True)
    return time.perf_counter() - begun


def _record(
    before: machine.Machine,
    factor: int,
    listing: Listing,
    ports: Ports,
    work: Path,
    sizes: Sequence[int],
    again: float,
    *,
    fast: bool,
) -> Record:
    data = work / "run" / "data"
    odd = surprises(data, listing, ports)
    wrong = {one.entry.path for one in odd}
    stages = json.loads((work / "run" / "run.json").read_text())["stages"]
    timed = [
        Timed(name, round(one["seconds"], 2), round(one["seconds"] * factor / 60, 1))
        for name, one in stages.items()
    ]
    sound = [one for one in listing.entries if one.in_use]
    figures = {
        "collect": stages["collect"]["figures"],
        "clean": stages["clean"]["figures"],
        "split": stages["split"]["figures"],
        "accuracy": stages["evaluate"]["figures"]["accuracy"],
        "audit": stages["audit"]["figures"],
    }
    return Record(
        machine=before,
        commit=machine.commit(),
        factor=factor,
        fast=fast,
        pictures=dict(sorted(Counter(one.label for one in sound).items())),
        urls=len(listing.entries),
        mean_bytes=round(sum(sizes) / len(sizes)),
        fates=_fates(listing, wrong),
        unexpected=[
            {"path": one.entry.path, "planted": one.planted, "found": one.found} for one in odd
        ],
        sound=len(sound),
        sound_in_use=sum(one.path not in wrong for one in sound),
        figures=figures,
        stages=timed,
        again_seconds=round(again, 2),
        checks=_checks(data, sound, wrong, timed),
    )


def _fates(listing: Listing, wrong: set[str]) -> list[Fate]:
    kinds: dict[tuple[str, str], list[bool]] = {}
    for one in listing.entries:
        key = (one.fault.name if one.fault else "sound", planted(one))
        kinds.setdefault(key, []).append(one.path not in wrong)
    return [
        Fate(fault, len(found), end, sum(found)) for (fault, end), found in sorted(kinds.items())
    ]


def _checks(
    data: Path, sound: Sequence[Entry], wrong: set[str], timed: Sequence[Timed]
) -> list[Check]:
    lost = sum(one.path in wrong for one in sound)
    leaks = _leaks(data)
    hours = sum(one.minutes_in_full for one in timed) / 60
    return [
        Check("URLs with another end than was planted", len(wrong), "0", not wrong),
        Check("sound pictures that were lost", lost, "0", not lost),
        Check("leaks between train and test", leaks, "0", not leaks),
        Check("hours for 125,214 images", round(hours, 2), f"< {HOURS}", hours < HOURS),
    ]


def _leaks(data: Path) -> int:
    try:
        figleaf.check_split(data)
    except LeakError as error:
        return len(error.leaks)
    return 0


def markdown(record: Record) -> str:
    """The section of the README."""
    pictures = ", ".join(f"{label} {count:,}" for label, count in record.pictures.items())
    fates = [
        (one.fault, f"{one.urls:,}", one.planted, f"{one.as_planted:,}") for one in record.fates
    ]
    stages = [
        (one.stage, f"{one.seconds:.1f}", f"{one.minutes_in_full:.0f}") for one in record.stages
    ]
    total = sum(one.minutes_in_full for one in record.stages)
    stages.append(("in all", f"{sum(one.seconds for one in record.stages):.1f}", f"{total:.0f}"))
    checks = [
        (one.name, f"{one.value:g}", one.target, "pass" if one.passed else "**fail**")
        for one in record.checks
    ]
    return "\n\n".join(
        [
            machine.sentence(record.machine),
            f"One in {record.factor} of the reference: {record.urls:,} URLs, pictures in use as"
            f" planted: {pictures}; {record.mean_bytes / 1000:.0f} KB each. `figleaf run`"
            f"{' --fast' if record.fast else ''}, figleaf at commit {record.commit or 'unknown'};"
            f" the same command again, with nothing to do: {record.again_seconds:.1f} s.",
            report.table(("fault", "URLs", "planted end", "of them as planted"), fates),
            report.table(("stage", "seconds", f"minutes, times {record.factor}"), stages),
            report.table(("what", "found", "target", "verdict"), checks),
        ]
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--factor", type=int, default=100, help="how much smaller, 10..1000")
    parser.add_argument("--exact", action="store_true", help="f32 and whole decoding: no --fast")
    parser.add_argument("--keep", type=Path, help="a new folder for the run, which stays")
    parser.add_argument("--update-readme", action="store_true", help="put the tables there too")
    options = parser.parse_args(arguments)
    if not 10 <= options.factor <= 1000:
        parser.error("--factor must be in 10..1000")
    work = options.keep or Path(tempfile.mkdtemp(prefix="figleaf-rehearsal-"))
    try:
        record = rehearse(options.factor, work, fast=not options.exact)
    finally:
        if options.keep is None:
            shutil.rmtree(work, ignore_errors=True)
    report.write_json("rehearsal", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("rehearsal", markdown(record))
    return 0 if all(check.passed for check in record.checks) else 1


if __name__ == "__main__":
    sys.exit(main())
