"""Memory over a long stream: 100,000 inputs through one classifier, resident size every thousand.

    python -m benchmarks.memory                    some minutes
    python -m benchmarks.memory --inputs 20000     a shorter look

The files of one folder come again and again. The resident size at the end is to be within 5 % of
what it was after the first tenth, when every buffer and pool has its size.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import figleaf
from benchmarks import machine, report
from benchmarks.corpus import Corpus, CorpusError, default_corpus, read

_TOLERANCE = 0.05
_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Sample:
    """The resident size after so many inputs."""

    inputs: int
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Record:
    """All of `results/memory.json`; `ratio` is the end's resident size to the settled one's."""

    machine: machine.Machine
    commit: str
    model: str
    pictures: int
    settled: Sample
    end: Sample
    ratio: float
    tolerance: float
    passed: bool
    seconds: float
    samples: list[Sample]


def resident_bytes() -> int:
    """This process's resident size, now.

    Raises:
        OSError: there is no /proc here.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def sample(predictions: Iterable[figleaf.Prediction]) -> Iterator[Sample]:
    """Take the predictions one by one, and the resident size at every thousandth.

    Raises:
        RuntimeError: an input could not be classified.
    """
    for count, prediction in enumerate(predictions, 1):
        if not prediction.ok:
            raise RuntimeError(f"{prediction.input}: {prediction.status}: {prediction.reason}")
        if count % _EVERY == 0:
            yield Sample(count, resident_bytes())


def run(corpus: Corpus, model: str, inputs: int) -> Record:
    before, begun = machine.describe(), time.perf_counter()
    with figleaf.load(model) as classifier:
        predictions = classifier.stream(islice(cycle(corpus.photos), inputs))
        samples = list(_shown(sample(predictions)))
    settled, end = samples[max(len(samples) // 10, 1) - 1], samples[-1]
    ratio = end.resident_bytes / settled.resident_bytes
    return Record(
        machine=before,
        commit=machine.commit(),
        model=model,
        pictures=len(corpus.photos),
        settled=settled,
        end=end,
        ratio=ratio,
        tolerance=_TOLERANCE,
        passed=abs(ratio - 1) <= _TOLERANCE,
        seconds=time.perf_counter() - begun,
        samples=samples,
    )


def markdown(record: Record) -> str:
    """The section of the README."""
    rows = [
        (f"after {one.inputs:,} inputs", f"{one.resident_bytes / 1e6:.0f} MB")
        for one in (record.settled, record.end)
    ]
    verdict = "pass" if record.passed else "**fail**"
    rows.append(("ratio", f"{record.ratio:.3f}"))
    rows.append((f"within {record.tolerance:.0%}", verdict))
    text = report.table((f"`{record.model}`, f32", "resident"), rows)
    rate = record.end.inputs / record.seconds
    return f"{machine.sentence(record.machine)}\n\n{text}\n\n{report.number(rate)} pictures/s."


def _shown(samples: Iterable[Sample]) -> Iterator[Sample]:
    for one in samples:
        if one.inputs % (10 * _EVERY) == 0:
            print(f"{one.inputs}: {one.resident_bytes / 1e6:.0f} MB", file=sys.stderr, flush=True)
        yield one


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="at least 1,000")
    parser.add_argument("--model", default="mobilenet_v2")
    parser.add_argument("--folder", type=Path, help="pictures; photos are made if none is given")
    default = Path(tempfile.gettempdir(), "figleaf-benchmarks")
    parser.add_argument("--work", type=Path, default=default, help="for the photos that are made")
    parser.add_argument("--update-readme", action="store_true", help="put the table there too")
    options = parser.parse_args(arguments)
    if options.inputs < _EVERY:
        parser.error(f"--inputs must be at least {_EVERY}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        corpus = read(options.folder) if options.folder else default_corpus(options.work, None)
        record = run(corpus, options.model, options.inputs)
    except (CorpusError, RuntimeError, OSError, figleaf.FigleafError) as error:
        print(f"memory: {error}", file=sys.stderr)
        return 1
    report.write_json("memory", record)
    print(markdown(record))
    if options.update_readme:
        report.update_readme("memory", markdown(record))
    return 0 if record.passed else 1


if __name__ == "__main__":
    sys.exit(main())
