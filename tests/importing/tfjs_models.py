"""Small TensorFlow.js models, written as files, and their answers in plain NumPy."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.importing.imported import Imported
from figleaf.models.runtime import Precision, RuntimeName, compile_graph

Floats = NDArray[np.float32]
CLASSES = ("drawings", "neutral", "porn")
SIDES = (20, 24)


def pictures(count: int = 3, sides: tuple[int, int] = SIDES) -> Floats:
    """Noise in 0..1, from dark to bright, float32 (count, *sides, 3)."""
    noise = np.random.default_rng(0).uniform(0, 1, (count, *sides, 3))
    bright = np.linspace(0.2, 1, count)[:, None, None, None]
    return np.asarray(noise * bright, np.float32)


def answers(imported: Imported, x: Floats, output: str = "probabilities") -> Floats:
    """What an imported model gives for pictures in 0..1."""
    runtime = compile_graph(
        imported.graph, runtime=RuntimeName.ONNXRUNTIME, precision=Precision.F32, streams=1
    )
    return runtime.infer({"image": x * 255}, [output])[output]


def quantised(array: Floats, dtype: str) -> tuple[NDArray[Any], dict[str, Any], Floats]:
    """As TensorFlow.js' converter stores an array: what lies in the file, what the manifest says
    of it, and what it stands for."""
    if dtype == "float16":
        half = array.astype(np.float16)
        return half, {"dtype": dtype}, half.astype(np.float32)
    low, high = float(min(array.min(), 0)), float(max(array.max(), 0))
    levels = np.iinfo(dtype).max
    scale = (high - low) / levels
    nudged = -round(-low / scale) * scale
    values = np.rint((array - nudged) / scale).clip(0, levels).astype(dtype)
    told = {"dtype": dtype, "scale": scale, "min": nudged}
    return values, told, (values * scale + nudged).astype(np.float32)


def write_model(
    folder: Path,
    topology: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    *,
    dtype: str = "",
    shards: int = 2,
    **more: Any,
) -> dict[str, Floats]:
    """Write a model's folder; gives what its arrays stand for once they are stored."""
    folder.mkdir(parents=True, exist_ok=True)
    weights: list[dict[str, Any]] = []
    blobs: list[bytes] = []
    meant: dict[str, Floats] = {}
    for name, array in arrays.items():
        whole = array.dtype.kind != "f"
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape)}
        stored: NDArray[Any] = array.astype("int32" if whole else "float32")
        entry["dtype"] = str(stored.dtype)
        meant[name] = array.astype(np.float32)
        if dtype and not whole:
            stored, entry["quantization"], meant[name] = quantised(meant[name], dtype)
        weights.append(entry)
        blobs.append(np.ascontiguousarray(stored).tobytes())
    blob = b"".join(blobs)
    cut = -(-len(blob) // shards)
    names = [f"group1-shard{n}of{shards}.bin" for n in range(1, shards + 1)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(blob[number * cut : (number + 1) * cut])
    manifest = [{"paths": names, "weights": weights}] if arrays else []
    model = {"modelTopology": topology, "weightsManifest": manifest, **more}
    (folder / "model.json").write_text(json.dumps(model))
    return meant


def sequential(layers: Sequence[tuple[str, Mapping[str, Any]]], **model: Any) -> dict[str, Any]:
    """The topology of a Sequential model, as Keras 2 writes it."""
    first = {"batch_input_shape": [None, *SIDES, 3]}
    entries = [
        {"class_name": kind, "config": {**(first if number == 0 else {}), **config}}
        for number, (kind, config) in enumerate(layers)
    ]
    return {"model_config": {"class_name": "Sequential", "config": {"layers": entries}}, **model}


def small_net(folder: Path, *, dtype: str = "", shards: int = 2, **model: Any) -> dict[str, Floats]:
    """Convolution, batch norm, ReLU6, flatten, two dense layers, softmax; gives its arrays."""
    random = np.random.default_rng(1)

    def normal(*shape: int) -> Floats:
        return random.normal(0, 0.3, shape).astype(np.float32)

    arrays = {
        "conv/kernel": normal(3, 3, 3, 4),
        "conv/bias": normal(4),
        "norm/gamma": 1 + normal(4),
        "norm/beta": normal(4),
        "norm/moving_mean": normal(4),
        "norm/moving_variance": 1 + np.abs(normal(4)),
        "dense/kernel": normal(9 * 11 * 4, 5),
        "dense/bias": normal(5),
        "last/kernel": normal(5, 3),
        "last/bias": normal(3),
    }
    conv = {"name": "conv", "filters": 4, "kernel_size": [3, 3], "strides": [2, 2]}
    topology = sequential(
        [
            ("Conv2D", {**conv, "padding": "valid", "activation": "linear"}),
            ("BatchNormalization", {"name": "norm", "axis": [3], "epsilon": 0.01}),
            ("ReLU", {"name": "relu", "max_value": 6.0}),
            ("Flatten", {"name": "flat"}),
            ("Dense", {"name": "dense", "units": 5, "activation": "tanh"}),
            ("Dropout", {"name": "drop", "rate": 0.5}),
            ("Dense", {"name": "last", "units": 3, "activation": "softmax"}),
        ],
        **model,
    )
    return write_model(folder, topology, arrays, dtype=dtype, shards=shards)


def small_net_answers(arrays: Mapping[str, Floats], x: Floats) -> Floats:
    """The same net in NumPy, in TensorFlow's order of axes."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2]
    mapped = np.einsum("nhwcij,ijco->nhwo", windows, arrays["conv/kernel"]) + arrays["conv/bias"]
    spread = np.sqrt(arrays["norm/moving_variance"] + 0.01)
    normed = (mapped - arrays["norm/moving_mean"]) / spread * arrays["norm/gamma"]
    flat = (normed + arrays["norm/beta"]).clip(0, 6).reshape(len(x), -1)
    hidden = np.tanh(flat @ arrays["dense/kernel"] + arrays["dense/bias"])
    return softmax(hidden @ arrays["last/kernel"] + arrays["last/bias"])


def softmax(logits: Floats) -> Floats:
    """Over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)
