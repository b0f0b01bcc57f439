"""NudeNet, file to detections: `detect` in a loop, or `detect_batch`.

Its licence text is the AGPL: it is installed in an environment of its own to be measured, and
nothing of figleaf imports it.
"""

import time
from importlib import import_module

from benchmarks.runners import passes


def main() -> None:
    arguments = passes.parser(__doc__ or "")
    arguments.add_argument("--batch", type=int, default=1, help="1 for single pictures")
    options = arguments.parse_args()
    paths = passes.read_list(options.list)
    detector = import_module("nudenet").NudeDetector()  # only there, and untyped
    load_seconds = passes.since_start()

    def run(batch: list[str]) -> int:
        if options.batch == 1:
            return len([detector.detect(path) for path in batch])
        return len(detector.detect_batch(batch, batch_size=options.batch))

    run((paths * passes.WARM_UP)[: max(passes.WARM_UP, options.batch)])
    begun = passes.wait_for_start()
    batches = passes.in_batches(passes.whole_passes(paths, options.seconds), options.batch)
    done = sum(run(batch) for batch in batches)
    seconds = time.perf_counter() - begun
    versions = passes.versions("nudenet", "onnxruntime", "numpy", "opencv-python-headless")
    passes.answer(passes.Answer(done, seconds, load_seconds, passes.peak_rss(), versions))


if __name__ == "__main__":
    main()
