"""One step of curating a large ledger, in a process of its own.

    python -m benchmarks.runners.curate_runner STEP FOLDER [--hashes FILE]

measure  write what examining would, with the hashes of FILE (`whole` and `mirrored`)
clean    judge all images, find their near duplicates, set aside
again    the same, which changes nothing
split    .85/.15, stratified, five folds
check    look for leaks
stats    count everything

The ledger is one that `ledger_runner` made; its images have no files, and none of these steps looks
for one. What is timed is the step without the imports; the last line of standard output is JSON.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

import figleaf
from benchmarks.runners.ledger_runner import Answer, peak_rss_bytes
from figleaf.dataset.ledger import Ledger

_QUALITY = 90
_SPREAD = 60.0


def _measure(folder: Path, hashes: Path | None) -> int:
    assert hashes is not None, "--hashes"
    with np.load(hashes) as file:
        whole, mirrored = file["whole"], file["mirrored"]
    with Ledger(folder, write=True) as ledger:
        images = [image for (image,) in ledger.read("SELECT id FROM images ORDER BY id")]
        rows = list(zip(images, map(bytes, whole), map(bytes, mirrored), strict=False))
        with ledger.transaction() as db:
            db.executemany(
                "UPDATE images SET pdq = ?, pdq_quality = ? WHERE id = ?",
                ((upright, _QUALITY, image) for image, upright, _ in rows),
            )
            db.executemany(
                "INSERT INTO examinations (image_id, status, detail, spread, mirrored, at)"
                " VALUES (?, 'ok', '', ?, ?, 0)",
                ((image, _SPREAD, other) for image, _, other in rows),
            )
    return len(rows)


def _clean(folder: Path, hashes: Path | None) -> int:
    return figleaf.clean(folder).images


def _split(folder: Path, hashes: Path | None) -> int:
    return sum(figleaf.split(folder, rules=figleaf.SplitRules(folds=5)).counts.values())


def _check(folder: Path, hashes: Path | None) -> int:
    return sum(figleaf.check_split(folder).counts.values())


def _stats(folder: Path, hashes: Path | None) -> int:
    return figleaf.stats(folder).status.total.images


STEPS: dict[str, Callable[[Path, Path | None], int]] = {
    "measure": _measure,
    "clean": _clean,
    "again": _clean,
    "split": _split,
    "check": _check,
    "stats": _stats,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hashes", type=Path)
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    count = STEPS[options.step](options.folder, options.hashes)
    seconds = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    answer = Answer(count, seconds, used.ru_utime + used.ru_stime, peak_rss_bytes())
    print(json.dumps(asdict(answer)))


if __name__ == "__main__":
    main()
