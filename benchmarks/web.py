"""figleaf-web beside nsfwjs in the same Chromium: images a second, the same models and photos.

    python -m benchmarks.web --photos DIR [--seconds 10] [--rounds 5] [--webgl] [--update-readme]

The photos are decoded before the clock starts, and both sides get them as ImageData. Every
measurement has a page of its own; sides take turns, and turn round every time. Writes
`results/web.json`. Needs `chromium` and npm.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Browser, Error, sync_playwright

from benchmarks import machine, report
from benchmarks.measure import evenly_spaced
from benchmarks.peers import PeerUnavailableError
from benchmarks.web_sides import MODELS, PINS, Side, packed, served, sides, site

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
_RESULT = "web"


@dataclass(frozen=True, slots=True)
class Run:
    """One side with one model in one round."""

    model: str
    side: str
    round: int
    pictures: int
    seconds: float
    load_seconds: float
    notes: dict[str, str | int | bool]

    @property
    def rate(self) -> float:
        """Pictures a second."""
        return self.pictures / self.seconds


@dataclass(frozen=True, slots=True)
class Rate:
    """A side with a model over its rounds: pictures a second, and seconds to the first answer."""

    model: str
    side: str
    pictures_per_second: float
    slowest: float
    fastest: float
    load_seconds: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """figleaf-web's rate over nsfwjs's with as many threads: the median of the rounds' own."""

    model: str
    name: str
    value: float
    rounds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/web.json`. `furthest`: the greatest difference of two sides' scores."""

    machine: machine.Machine
    commit: str
    chromium: str
    pins: tuple[str, ...]
    photos: int
    runs: list[Run]
    rates: list[Rate]
    ratios: list[Ratio]
    furthest: dict[str, float]
    failed: dict[str, str]


class Bench:
    """Measures sides in pages of one browser."""

    def __init__(self, browser: Browser, plain: str, isolated: str, photos: Sequence[str]) -> None:
        self._browser = browser
        self._sites = (plain, isolated)
        self._photos = photos
        self.answers: dict[tuple[str, str], list[dict[str, float]]] = {}
        self.failed: dict[str, str] = {}

    def run(self, side: Side, model: str, number: int, seconds: float) -> Run | None:
        """Measure a side in a page of its own; where it cannot run, None and a word in `failed`."""
        given = {
            "side": side.module,
            "model": model,
            "backend": side.backend,
            "threads": side.threads,
            "photos": [f"/photos/{quote(name)}" for name in self._photos],
            "seconds": seconds,
        }
        try:
            told = self._measure(self._sites[side.threads > 1], side.cores, given)
        except Error as error:  # of the page, too
            self.failed[f"{side.name}, {model}"] = str(error).splitlines()[0]
            return None
        self.answers[side.name, model] = told.pop("answers")
        return Run(model=model, side=side.name, round=number, **told)

    def _measure(self, url: str, cores: int, given: dict[str, Any]) -> dict[str, Any]:
        context = self._browser.new_context()
        try:
            if cores:
                told = f"{{ get: () => {cores} }}"
                context.add_init_script(
                    f"Object.defineProperty(navigator, 'hardwareConcurrency', {told})"
                )
            page = context.new_page()
            page.goto(url)
            page.wait_for_function("globalThis.ready")
            answer: dict[str, Any] = page.evaluate("given => measure(given)", given)
            return answer
        finally:
            context.close()


def measure(options: argparse.Namespace) -> Record:
    """Every side with every model, in rounds."""
    before = machine.describe()
    found = sorted(one for one in options.photos.rglob("*") if one.suffix.lower() in _SUFFIXES)
    if not found:
        raise PeerUnavailableError(f"{options.photos} holds no picture")
    chosen = evenly_spaced(found, options.pictures)
    photos = [one.relative_to(options.photos).as_posix() for one in chosen]
    folders = site(packed(options.work), options.photos)
    all_sides = sides(machine.cores(), webgl=options.webgl)
    runs: list[Run] = []
    with (
        served(folders, isolated=False) as plain,
        served(folders, isolated=True) as isolated,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=_chromium(), args=_flags()) as browser,
    ):
        bench = Bench(browser, plain, isolated, photos)
        for number in range(1, options.rounds + 1):
            for model in options.models:
                for side in all_sides if number % 2 else all_sides[::-1]:
                    if side.backend == "webgl" and model == "inception_v3":
                        continue  # in software it takes minutes
                    run = bench.run(side, model, number, options.seconds)
                    runs += [_shown(run)] if run else []
        return Record(
            machine=before,
            commit=machine.commit(),
            chromium=browser.version,
            pins=PINS,
            photos=len(photos),
            runs=runs,
            rates=_rates(runs),
            ratios=_ratios(runs, machine.cores()),
            furthest={model: _furthest(bench, model) for model in options.models},
            failed=bench.failed,
        )


def _chromium() -> str:
    found = shutil.which("chromium")
    if found is None:
        raise PeerUnavailableError("chromium is not on the PATH: apt-get install chromium")
    return found


def _flags() -> list[str]:
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _shown(run: Run) -> Run:
    rate = report.number(run.rate)
    print(f"{run.round}: {run.model}, {run.side}: {rate} images/s", file=sys.stderr)
    return run


def _rates(runs: Sequence[Run]) -> list[Rate]:
    names = dict.fromkeys((run.model, run.side) for run in runs)
    return [_rate([run for run in runs if (run.model, run.side) == name]) for name in names]


def _rate(runs: Sequence[Run]) -> Rate:
    rates = [run.rate for run in runs]
    return Rate(
        model=runs[0].model,
        side=runs[0].side,
        pictures_per_second=median(rates),
        slowest=min(rates),
        fastest=max(rates),
        load_seconds=median(run.load_seconds for run in runs),
    )


def _ratios(runs: Sequence[Run], threads: int) -> list[Ratio]:
    found = []
    for model in dict.fromkeys(run.model for run in runs):
        for words in dict.fromkeys(("1 thread", f"{threads} threads")):
            ours, theirs = f"figleaf-web, {words}", f"nsfwjs, wasm, {words}"
            of = {(run.side, run.round): run.rate for run in runs if run.model == model}
            rounds = sorted({number for side, number in of if (theirs, number) in of})
            values = tuple(of[ours, n] / of[theirs, n] for n in rounds if (ours, n) in of)
            if values:
                found.append(Ratio(model, words, median(values), values))
    return found


def _furthest(bench: Bench, model: str) -> float:
    answers = [told for (_, of), told in bench.answers.items() if of == model]
    return max(
        (
            abs(one[name] - other[name])
            for told in answers
            for one, other in zip(told, answers[0], strict=True)
            for name in one
        ),
        default=0.0,
    )


def markdown(record: Record) -> str:
    """The tables for README.md."""
    heading = ("model", "side", "images/s", "slowest to fastest", "first answer after, s")
    rows = [
        (
            rate.model,
            rate.side,
            report.number(rate.pictures_per_second),
            f"{report.number(rate.slowest)} to {report.number(rate.fastest)}",
            f"{rate.load_seconds:.2f}",
        )
        for rate in record.rates
    ]
    ratios = [
        (ratio.model, ratio.name, f"{ratio.value:.2f}", ", ".join(f"{x:.2f}" for x in ratio.rounds))
        for ratio in record.ratios
    ]
    parts = [
        f"{machine.sentence(record.machine)} Chromium {record.chromium}; "
        f"{', '.join(record.pins)}; {record.photos} photos, decoded before the clock starts.",
        report.table(heading, rows),
        report.table(("model", "threads", "figleaf-web over nsfwjs", "rounds"), ratios),
        "Greatest difference of any two sides' scores: "
        + ", ".join(f"{model} {value:.1e}" for model, value in record.furthest.items())
        + ".",
        *(f"Not measured: {name} ({why})." for name, why in record.failed.items()),
    ]
    return "\n\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the record."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photos")
    parser.add_argument("--pictures", type=int, default=20, help="how many of them")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--webgl", action="store_true", help="nsfwjs on WebGL too, in software")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="where nsfwjs is kept")
    parser.add_argument("--update-readme", action="store_true")
    options = parser.parse_args(arguments)
    try:
        record = measure(options)
    except PeerUnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    report.write_json(_RESULT, record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme(_RESULT, markdown(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())
