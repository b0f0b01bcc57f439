"""Data sets that a classifier learns in a blink, and nets that are as quick."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import figleaf
from figleaf.curate.splitting.rules import SplitRules

from ..sources.collecting import collected

KINDS = {"고양이 그림": (60, 0, 0), "dots & lines": (0, 60, 0), "neutral": (0, 0, 60)}
"""Class -> what its pictures have more of; names with spaces, and with what HTML marks."""
SIDE = 32


def tinted(tint: tuple[int, int, int], seed: int, side: int = 72) -> bytes:
    """A JPEG of smooth noise with more of a colour, which some pictures hardly have."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 196, (8, 8, 3)) + np.array(tint) * random.uniform(-0.2, 1)
    small = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    small.resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


def source(folder: Path, counts: Mapping[str, int], start: int = 0) -> Path:
    """A folder a class, of so many pictures each."""
    for number, (label, count) in enumerate(counts.items()):
        tint = KINDS.get(label, (20 * number, 30, 90 - 20 * number))
        (folder / label).mkdir(parents=True, exist_ok=True)
        for seed in range(start, start + count):
            data = tinted(tint, 10_000 * number + seed)
            (folder / label / f"{seed:05}.jpg").write_bytes(data)
    return folder


def data_set(root: Path, counts: Mapping[str, int], **rules: Any) -> Path:
    """Collected, cleaned and split."""
    folder = root / "data"
    collected(source(root / "source", counts), folder)
    figleaf.clean(folder, workers=1)
    figleaf.split(folder, rules=SplitRules(**rules))
    return folder


def files_of(folder: Path) -> list[Path]:
    """The pictures of a data set, in the order of their hashes."""
    return sorted((folder / "images").glob("*/*.jpg"), key=lambda path: path.name)


def small_net(
    path: Path,
    *,
    batch: int | str = "batch",
    layout: str = "NCHW",
    opset: int = 17,
    channels: int = 12,
    seed: int = 0,
) -> Path:
    """An ONNX graph: convolution "map", its mean "pooled", and classes that nobody needs."""
    random = np.random.default_rng(seed)
    arrays = {
        "kernel": random.normal(0, 0.2, (channels, 3, 5, 5)),
        "bias": random.normal(0, 0.1, channels),
        "last": random.normal(0, 1, (channels, 7)),
    }
    nodes = [
        helper.make_node("Conv", ["chw", "kernel", "bias"], ["raw"], strides=[3, 3]),
        helper.make_node("Relu", ["raw"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["pooled"]),
        helper.make_node("MatMul", ["pooled", "last"], ["classes"]),
    ]
    entry = "hwc" if layout == "NHWC" else "chw"
    if layout == "NHWC":
        nodes.insert(0, helper.make_node("Transpose", ["hwc"], ["chw"], perm=[0, 3, 1, 2]))
    shape = [batch, SIDE, SIDE, 3] if layout == "NHWC" else [batch, 3, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(entry, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [batch, 7])],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


TOML = """
graph = "{graph}"
output = "{output}"
[input]
size = [32, 32]
mean = [120, 110, 100]
deviation = [60, 50, 40]
"""


def described(folder: Path, name: str = "small", output: str = "pooled", **net: Any) -> Path:
    """A small net, and the TOML file that makes a backbone of it."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = small_net(folder / f"{name}.onnx", **net)
    path = folder / f"{name}.toml"
    path.write_text(TOML.format(graph=graph.name, output=output), "utf-8")
    return path
