"""One step with a large ledger, in a process of its own.

    python -m benchmarks.runners.ledger_runner STEP FOLDER --rows 1600000

register  note that many URLs in 159 categories, every fiftieth of them in two
fill      write outcomes for all that are pending: images with PDQ hashes, and failures
open      open the ledger
status    open the data set and count
iterate   open the data set and go over all its rows

The URLs, hashes and outcomes are made up from their numbers: the same with every run. What is timed
is the step without the imports; the last line of standard output is JSON.
"""

import argparse
import hashlib
import json
import random
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, islice
from pathlib import Path

from figleaf import labels
from figleaf.dataset.dataset import Dataset
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.outcomes import apply
from figleaf.dataset.records import Decision, Item, Kind, Outcome, Reason, Stored, Task
from figleaf.dataset.register import register

CATEGORIES = 159
IMAGES = 13 / 16  # of the rows
_TWICE = 50
_BATCH = 5_000  # outcomes a transaction: the collecting stage writes them as they come
_HOSTS = 4000
_FAILURES = (
    (Reason.GONE, 404, 60),
    (Reason.NO_SUCH_HOST, None, 15),
    (Reason.NOT_AN_IMAGE, 200, 15),
    (Reason.TIMEOUT, None, 5),
    (Reason.FORBIDDEN, 403, 4),
    (Reason.SERVER_ERROR, 503, 1),
)
"""Reason, HTTP status, and how many of a hundred."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a step did: how many of what it is about, in how long, and with how much memory."""

    count: int
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int


def entries(rows: int) -> Iterator[tuple[Item, Decision]]:
    """Items of a made-up list repository, and what the rules might say of each."""
    chance = random.Random(1)
    # A few large categories and many small ones, as in the public lists.
    bounds = list(accumulate(1 / (10 + number) for number in range(CATEGORIES)))
    for number, category in enumerate(
        chance.choices(range(CATEGORIES), cum_weights=bounds, k=rows)
    ):
        yield _entry(number, category)
        if number % _TWICE == 0:
            yield _entry(number, (category + 20) % CATEGORIES)


def _entry(number: int, category: int) -> tuple[Item, Decision]:
    digest = hashlib.blake2b(number.to_bytes(8), digest_size=12).hexdigest()
    host = number * 7919 % _HOSTS
    url = f"http://img{host % 9}.host-{host}.example/gallery/{digest[:6]}/{digest[6:]}_{number}.jpg"
    name = f"topic-{category % 12}_kind-{category}"
    item = Item(Kind.URL, url, url, "lists", f"{name}/forum", category=name)
    return item, _decision(category)


def _decision(category: int) -> Decision:
    if category % 20 == 7:
        return Decision(None, Reason.DENIED, "a word of tier one")
    if category % 20 == 13:
        return Decision(None, Reason.UNMAPPED, "no class")
    return Decision(labels.FIVE[category % len(labels.FIVE)].name)


def outcomes(tasks: Iterable[Task], share: float) -> Iterator[Outcome]:
    """What might have become of them: this share gave an image each."""
    chance = random.Random(2)
    reasons, weights = [one[:2] for one in _FAILURES], [one[2] for one in _FAILURES]
    for task in tasks:
        if chance.random() < share:
            yield _fetched(task)
        else:
            reason, status = chance.choices(reasons, weights)[0]
            yield Outcome(task.id, reason, "as the tests of failures have it", status)


def _fetched(task: Task) -> Outcome:
    sha256 = hashlib.sha256(task.locator.encode()).digest()
    pdq = hashlib.blake2b(task.locator.encode(), digest_size=32).digest()
    size = 20_000 + pdq[0] * 1_000
    stored = Stored(sha256, "jpeg", 400 + pdq[1], 300 + pdq[2], size, pdq, pdq[3] % 101)
    return Outcome(task.id, http_status=200, size=size, sha256=sha256, stored=(stored,))


def _register(folder: Path, rows: int) -> int:
    with Ledger(folder, write=True) as ledger:
        return register(ledger, entries(rows))


def _fill(folder: Path, rows: int) -> int:
    with Ledger(folder, write=True) as ledger, Ledger(folder) as reader:
        share = rows * IMAGES / ledger.count_pending()
        made = outcomes(reader.pending(Kind.URL), share)
        total = 0
        while batch := list(islice(made, _BATCH)):
            apply(ledger, batch)
            total += len(batch)
        return total


def _open(folder: Path, rows: int) -> int:
    with Ledger(folder):
        return rows


def _status(folder: Path, rows: int) -> int:
    with Dataset(folder) as data:
        total = data.status().total
    assert sum(total.items.values()) == rows
    return total.images


def _iterate(folder: Path, rows: int) -> int:
    with Dataset(folder) as data:
        return sum(1 for _ in data)


STEPS: dict[str, Callable[[Path, int], int]] = {
    "register": _register,
    "fill": _fill,
    "open": _open,
    "status": _status,
    "iterate": _iterate,
}


def peak_rss_bytes() -> int:
    # Not getrusage's, which also counts what the process was before it became this program.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    count = STEPS[options.step](options.folder, options.rows)
    seconds = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    answer = Answer(count, seconds, used.ru_utime + used.ru_stime, peak_rss_bytes())
    print(json.dumps(asdict(answer)))


if __name__ == "__main__":
    main()
