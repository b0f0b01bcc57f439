"""Features of photos in one way, in a process of its own.

    python -m benchmarks.runners.features_runner WAY NET LIST [--fast] [--seconds S] [--nets FOLDER]

stage     `figleaf.training.features`: from files into a fresh cache, the graph's loading included
prepare   its half: read, decode, prepare, on as many threads
model     its other half: the model on pictures that were prepared before, likewise
naive     a loop: Pillow, one by one, ONNX Runtime as it comes, on the same graphs
export    write NET's graph and input into FOLDER, from seeded weights; needs torch

NET is what `figleaf train --backbone` takes, or "resnet50", which `export` has to have written: its
weights are random, and only its speed means anything. LIST is a JSON file of paths. The last line
of standard output is JSON.
"""

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.runners import passes
from benchmarks.runners.figleaf_runner import on_threads
from figleaf.classify.decoding import decoder_for, prepared_for
from figleaf.classify.source import Reader
from figleaf.images import Limits
from figleaf.models.card import Input, Resample
from figleaf.models.model import Model, Prepared
from figleaf.models.preprocess import prepare
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.backbones.opening import open_backbones
from figleaf.training.examples import Examples
from figleaf.training.features import Features, computing, joined_model

FULL = "resnet50"
KEPT = 32
"""Pictures whose features are in the answer's file, so that ways can be compared."""

_BATCH = 16  # as FeatureExtractor's
_PREPARED = 64  # pictures held for the model alone: more than a processor's cache
_SEED = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What was done: pictures, in how many seconds, and the most memory."""

    pictures: int
    seconds: float
    peak_rss_bytes: int
    precision: str


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments, whichever way they are for."""

    backbones: tuple[Backbone, ...]
    paths: list[Path]
    fast: bool
    seconds: float
    out: Path | None


def _stage(options: Options) -> Answer:
    count = len(options.paths)
    # As the ledger has them since collecting: the stage compares, as it reads each file.
    hashes = [hashlib.sha256(path.read_bytes()).digest() for path in options.paths]
    numbers = np.arange(count)
    examples = Examples(options.paths, hashes, np.zeros(count, np.int64), numbers)
    how = computing(fast=options.fast)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        features = Features(Path(folder), options.backbones, how)
        done = features.compute(examples, lambda count: None)
        seconds, memory = time.perf_counter() - begun, passes.peak_rss()
        if done != count:
            raise SystemExit(f"{count - done} pictures cannot be read")
        _keep(options.out, features.matrix(examples.take(numbers[:KEPT])))
    return Answer(count, seconds, memory, str(how.precision))


def _prepare(options: Options) -> Answer:
    model, one = _halves(options)

    def work(batch: list[Path]) -> int:
        return len([one(path) for path in batch])

    return _half(options, model, work, options.paths)


def _model(options: Options) -> Answer:
    model, one = _halves(options)

    def work(batch: list[Prepared]) -> int:
        return len(model.run(batch, features=True).features)

    return _half(options, model, work, [one(path) for path in options.paths[:_PREPARED]])


def _halves(options: Options) -> tuple[Model, Callable[[Path], Prepared]]:
    """The model of the stage, and how the stage prepares a picture for it."""
    model, limits = joined_model(options.backbones, computing(fast=options.fast)), Limits()
    decoder = decoder_for(model, limits, scaled=options.fast)
    reader = Reader(decoder, limits, model.card.background)
    return model, lambda path: prepared_for(model, reader, path)


def _half(
    options: Options, model: Model, work: Callable[[list[Any]], int], items: Sequence[Any]
) -> Answer:
    work(list(items[:_BATCH]))
    begun = time.perf_counter()
    batches = passes.in_batches(passes.whole_passes(items, options.seconds), _BATCH)
    done = on_threads(work, batches, model.streams)
    seconds = time.perf_counter() - begun
    return Answer(done, seconds, passes.peak_rss(), str(model.precision))


def _naive(options: Options) -> Answer:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    # Else the way in which figleaf stores kernels would halve its speed: that is not its fault.
    settings.add_session_config_entry("session.disable_quant_qdq", "1")
    providers = ["CPUExecutionProvider"]
    sessions = [
        (onnxruntime.InferenceSession(one.graph, settings, providers=providers), one.input)
        for one in options.backbones
    ]

    def features(path: Path) -> NDArray[np.float32]:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        found = [
            session.run(["features"], {spec.name: prepare(pixels, spec)[None]})[0][0]
            for session, spec in sessions
        ]
        return np.concatenate(found)

    features(options.paths[0])
    begun = time.perf_counter()
    rows = np.stack([features(path) for path in options.paths])
    seconds, memory = time.perf_counter() - begun, passes.peak_rss()
    _keep(options.out, rows[:KEPT])
    return Answer(len(rows), seconds, memory, "f32")


WAYS: dict[str, Callable[[Options], Answer]] = {
    "stage": _stage,
    "prepare": _prepare,
    "model": _model,
    "naive": _naive,
}


def _keep(out: Path | None, rows: NDArray[np.float32]) -> None:
    if out:
        np.save(out, rows)


def _export(folder: Path) -> None:
    """Full ResNet-50 from a file of weights, as a user's would be: its path, its speed."""
    import torch

    from figleaf.training.nets import Facts, as_backbone, open_net
    from figleaf.training.nets.opening import RESNET50_INPUT
    from figleaf.training.nets.resnet import ResNet50

    torch.manual_seed(_SEED)
    net = ResNet50(Facts(FULL, RESNET50_INPUT, 2048, "", "", {}))
    for name, tensor in net.named_parameters():
        if name.endswith("bn3.weight"):  # else sixteen blocks each double what they are given
            torch.nn.init.constant_(tensor, 0.2)
    file = folder / f"{FULL}.pth"
    torch.save(net.state_dict(), file)
    backbone = as_backbone(open_net(FULL, file))
    (folder / f"{FULL}.onnx").write_bytes(backbone.graph)
    (folder / f"{FULL}.json").write_text(json.dumps(asdict(backbone.input)))


def _opened(net: str, nets: Path | None) -> tuple[Backbone, ...]:
    if net != FULL:
        return open_backbones(net)
    assert nets is not None, "--nets"
    graph = (nets / f"{FULL}.onnx").read_bytes()
    raw: dict[str, Any] = json.loads((nets / f"{FULL}.json").read_text())
    pairs = {key: tuple(value) for key, value in raw.items() if isinstance(value, list)}
    spec = Input(**(raw | pairs | {"resample": Resample(raw["resample"])}))
    return (Backbone(FULL, replace(spec, name="image"), graph, 2048, "", "", {}),)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("way", choices=[*WAYS, "export"])
    parser.add_argument("net")
    parser.add_argument("list", type=Path)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.0, help="of a half, at least")
    parser.add_argument("--nets", type=Path, help="where resnet50 is, or is to be written")
    parser.add_argument("--out", type=Path, help="a .npy file for the first features")
    given = parser.parse_args(arguments)
    if given.way == "export":
        _export(given.nets)
        return
    paths = [Path(path) for path in passes.read_list(given.list)]
    backbones = _opened(given.net, given.nets)
    options = Options(backbones, paths, given.fast, given.seconds, given.out)
    print(json.dumps(asdict(WAYS[given.way](options))))


if __name__ == "__main__":
    main()
