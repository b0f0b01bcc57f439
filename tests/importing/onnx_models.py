"""A folder in Hugging Face's layout with a graph that is made here, without torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 8
CONFIG: dict[str, Any] = {
    "model_type": "vit",
    "architectures": ["ViTForImageClassification"],
    "id2label": {"0": "normal", "1": "nsfw"},
    "label2id": {"normal": 0, "nsfw": 1},
}
PREPROCESSOR: dict[str, Any] = {
    "image_processor_type": "ViTImageProcessor",
    "size": {"height": SIDE, "width": SIDE},
}
README = "---\nlicense: mit\n---\n# Red\n"


def red_model(
    *,
    batch: int | str = "batch",
    layout: str = "NCHW",
    kind: int = TensorProto.FLOAT,
    end: str | None = None,
    opset: int = 17,
    classes: int = 2,
) -> onnx.ModelProto:
    """How green and how red a picture is: the mean, a matrix, and what `end` says behind it."""
    dtype = np.float16 if kind == TensorProto.FLOAT16 else np.float32
    matrix = np.zeros((3, classes), dtype)
    matrix[1, 0] = matrix[0, 1] = 3
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values"], ["pooled"], axes=axes, keepdims=0),
        helper.make_node("Gemm", ["pooled", "matrix", "bias"], ["logits" if not end else "raw"]),
    ]
    if end:
        nodes.append(helper.make_node(end, ["raw"], ["logits"]))
    shape = [batch, 3, SIDE, SIDE] if layout == "NCHW" else [batch, SIDE, SIDE, 3]
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("pixel_values", kind, shape)],
        [helper.make_tensor_value_info("logits", kind, [batch, classes])],
        [
            numpy_helper.from_array(matrix, "matrix"),
            numpy_helper.from_array(np.zeros(classes, dtype), "bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def lay_out(
    folder: Path,
    model: onnx.ModelProto | None = None,
    *,
    name: str = "onnx/model.onnx",
    config: dict[str, Any] | None = None,
    preprocessor: dict[str, Any] | None = None,
    readme: str = README,
) -> Path:
    """A whole folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | (config or {})))
    (folder / "preprocessor_config.json").write_text(
        json.dumps(PREPROCESSOR | (preprocessor or {}))
    )
    if readme:
        (folder / "README.md").write_text(readme)
    (folder / name).parent.mkdir(exist_ok=True)
    onnx.save(model or red_model(), folder / name)
    return folder
