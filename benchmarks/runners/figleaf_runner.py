"""figleaf in streaming use, file to verdict; and its two halves alone, on as many threads.

verdict   `classifier.stream` over the files
prepare   read, decode and prepare them, nothing more
model     run the model on pictures that were prepared before

The halves take pictures as the stream does: a thread has a batch of `classifier.batch_size`.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

import figleaf
from benchmarks.runners import passes
from figleaf.models.model import Prepared

T = TypeVar("T")
Stage = Callable[[float], int]
"""Goes over its pictures for at least so many seconds, and returns how many it did."""

_WARM_UP = 16  # pictures; some for each thread
_PREPARED = 64  # pictures held for the model alone: more than a processor's cache


def stage(name: str, classifier: figleaf.Classifier, paths: list[str]) -> Stage:
    """One of the three things that are measured, on these files."""
    model, size = classifier.model, classifier.batch_size

    def verdict(seconds: float) -> int:
        predictions = classifier.stream(passes.whole_passes(paths, seconds))
        return sum(_checked(prediction) for prediction in predictions)

    def prepare(batch: list[str]) -> int:
        return len([classifier.prepare(path) for path in batch])

    def run(batch: list[Prepared]) -> int:
        return len(model.run(batch).probabilities)

    def half(function: Callable[[list[T]], int], items: list[T]) -> Stage:
        def go_over(seconds: float) -> int:
            batches = passes.in_batches(passes.whole_passes(items, seconds), size)
            return on_threads(function, batches, model.streams)

        return go_over

    if name == "verdict":
        return verdict
    if name == "prepare":
        return half(prepare, paths)
    return half(run, [classifier.prepare(path) for path in paths[:_PREPARED]])


def _checked(prediction: figleaf.Prediction) -> int:
    if prediction.status is not figleaf.Status.OK or not prediction.scores:
        raise SystemExit(f"{prediction.input}: {prediction.status}: {prediction.reason}")
    return 1


def on_threads(function: Callable[[T], int], items: Iterator[T], threads: int) -> int:
    """Call the function on every item, so many at a time; returns the sum of its answers."""
    taking = Lock()

    def work() -> int:
        done = 0
        while True:
            with taking:
                item = next(items, None)
            if item is None:
                return done
            done += function(item)

    with ThreadPoolExecutor(threads) as executor:
        return sum(future.result() for future in [executor.submit(work) for _ in range(threads)])


def main() -> None:
    arguments = passes.parser(__doc__ or "")
    arguments.add_argument("--model", required=True)
    arguments.add_argument("--precision", choices=["f32", "fast"], required=True)
    arguments.add_argument("--stage", choices=["verdict", "prepare", "model"], required=True)
    options = arguments.parse_args()
    paths, fast = passes.read_list(options.list), options.precision == "fast"
    with figleaf.load(options.model, fast=fast) as classifier:
        load_seconds = passes.since_start()
        stage(options.stage, classifier, paths[:_WARM_UP])(0.0)
        work = stage(options.stage, classifier, paths)
        begun = passes.wait_for_start()
        done = work(options.seconds)
        seconds = time.perf_counter() - begun
        model = classifier.model
    notes: dict[str, str | int] = {
        "precision": str(model.precision),
        "threads": model.streams,
        "batch_size": classifier.batch_size,
    }
    versions = {"figleaf": figleaf.__version__}
    versions |= passes.versions("openvino", "numpy", "pillow", "simplejpeg")
    answer = passes.Answer(done, seconds, load_seconds, passes.peak_rss(), versions, notes)
    passes.answer(answer)


if __name__ == "__main__":
    main()
