"""figleaf in streaming use, file to verdict; and its two halves alone, on as many threads.

verdict   `classifier.stream` over the files
prepare   read, decode and prepare them, nothing more
model     run the model on pictures that were prepared before
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

import figleaf
from benchmarks.runners import passes
from figleaf.classify.source import read_bytes
from figleaf.images import Limits, decode
from figleaf.models.model import Model, Prepared

T = TypeVar("T")
Stage = Callable[[float], int]
"""Goes over its pictures for at least so many seconds, and returns how many it did."""

_WARM_UP = 16  # pictures; some for each thread
_PREPARED = 64  # pictures held for the model alone: more than a processor's cache


def stage(name: str, classifier: figleaf.Classifier, paths: list[str], *, scaled: bool) -> Stage:
    """One of the three things that are measured, on these files."""
    model = classifier.model

    def verdict(seconds: float) -> int:
        predictions = classifier.stream(passes.whole_passes(paths, seconds))
        return sum(_checked(prediction) for prediction in predictions)

    def prepare(seconds: float) -> int:
        def task(path: str) -> Prepared:
            return _prepared(model, path, scaled=scaled)

        return _on_threads(task, passes.whole_passes(paths, seconds), model.streams)

    if name != "model":
        return verdict if name == "verdict" else prepare
    batches = [[_prepared(model, path, scaled=scaled)] for path in paths[:_PREPARED]]
    return lambda seconds: _on_threads(
        model.run, passes.whole_passes(batches, seconds), model.streams
    )


def _prepared(model: Model, path: str, *, scaled: bool) -> Prepared:
    """Read, decode and prepare, as the classifier does."""
    inputs = model.card.inputs
    height = max(spec.resize[0] for spec in inputs)
    width = max(spec.resize[1] for spec in inputs)
    picture = decode(
        read_bytes(path, Limits()),
        background=inputs[0].background,
        at_least=(height, width) if scaled else None,
    )
    return model.prepare(picture.pixels)


def _checked(prediction: figleaf.Prediction) -> int:
    if prediction.status is not figleaf.Status.OK or not prediction.scores:
        raise SystemExit(f"{prediction.input}: {prediction.status}: {prediction.reason}")
    return 1


def _on_threads(function: Callable[[T], object], items: Iterator[T], threads: int) -> int:
    """Call the function on every item, so many at a time; returns how many."""
    taking = Lock()

    def work() -> int:
        done = 0
        while True:
            with taking:
                item = next(items, None)
            if item is None:
                return done
            function(item)
            done += 1

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
        stage(options.stage, classifier, paths[:_WARM_UP], scaled=fast)(0.0)
        work = stage(options.stage, classifier, paths, scaled=fast)
        begun = passes.wait_for_start()
        done = work(options.seconds)
        seconds = time.perf_counter() - begun
        model = classifier.model
    notes: dict[str, str | int] = {"precision": str(model.precision), "threads": model.streams}
    versions = {"figleaf": figleaf.__version__}
    versions |= passes.versions("openvino", "numpy", "pillow", "simplejpeg")
    answer = passes.Answer(done, seconds, load_seconds, passes.peak_rss(), versions, notes)
    passes.answer(answer)


if __name__ == "__main__":
    main()
