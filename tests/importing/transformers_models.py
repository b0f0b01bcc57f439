"""Small models of transformers with weights by lot, saved as people save theirs."""

import contextlib
import io
import json
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before the library is imported
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

BINARY = ("normal", "nsfw")
FIVE = ("porn", "neutral", "sexy", "hentai", "drawings")
"""In no order of anybody's."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Warnings of transformers and torch are theirs, as are their bars of progress."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Kind:
    """A small architecture, and the processor that is saved with it."""

    model: str
    config: dict[str, Any]
    processor: str
    prepared: dict[str, Any]
    labels: Sequence[str] = BINARY


VIT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": 48,
    "patch_size": 16,
    "initializer_range": 0.3,
}
KINDS = {
    "vit": Kind(
        "ViT",
        VIT,
        "ViT",
        {"size": {"height": 48, "width": 48}},
        FIVE,
    ),
    # The shortest edge of 55 = int(48 / 0.87), and crops from it that leave odd numbers over.
    "resnet": Kind(
        "ResNet",
        {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"},
        "ConvNext",
        {"size": {"shortest_edge": 48}, "crop_pct": 0.87},
    ),
    "mobilenet_v2": Kind(
        "MobileNetV2",
        {"image_size": 64, "depth_multiplier": 0.25, "expand_ratio": 2},
        "MobileNetV2",
        {"size": {"shortest_edge": 73}, "crop_size": {"height": 64, "width": 64}},
    ),
    "convnext": Kind(
        "ConvNext",
        {"num_stages": 2, "hidden_sizes": [8, 16], "depths": [1, 1], "image_size": 384},
        "ConvNext",
        {"size": {"shortest_edge": 384}},
    ),
    "efficientnet": Kind(
        "EfficientNet",
        {
            "image_size": 40,
            "width_coefficient": 0.25,
            "depth_coefficient": 0.3,
            "hidden_dim": 320,
            "kernel_sizes": [3, 5],
            "in_channels": [32, 16],
            "out_channels": [16, 24],
            "depthwise_padding": [],
            "strides": [1, 2],
            "num_block_repeats": [1, 1],
            "expand_ratios": [1, 6],
        },
        "EfficientNet",
        {
            "size": {"height": 46, "width": 50},
            "do_center_crop": True,
            "crop_size": {"height": 41, "width": 43},
            "rescale_factor": 1 / 127.5,
            "rescale_offset": True,
            "image_mean": [0.1, 0.2, 0.3],
            "image_std": [0.7, 0.8, 0.9],
            "resample": 1,
        },
    ),
    # What stands in MobileViT's processor, BGR and no mean, before a model of another kind.
    "bgr": Kind(
        "ViT",
        VIT,
        "MobileViT",
        {"size": {"shortest_edge": 53}, "crop_size": {"height": 48, "width": 48}, "resample": 5},
    ),
}


def save(folder: Path, kind: str, pictures: Sequence[Path], seed: int = 0) -> Path:
    """A model and its processor, as `save_pretrained` writes them.

    The last layer is stretched until the scores of some pictures are all over 0..1: weights by lot
    say the same of every picture.
    """
    import torch
    import transformers

    spec = KINDS[kind]
    torch.manual_seed(seed)
    with quiet():
        id2label = dict(enumerate(spec.labels))
        config = getattr(transformers, f"{spec.model}Config")(
            **spec.config, id2label=id2label, label2id={name: i for i, name in id2label.items()}
        )
        model = getattr(transformers, f"{spec.model}ForImageClassification")(config).eval()
        processor = getattr(transformers, f"{spec.processor}ImageProcessorPil", None) or getattr(
            transformers, f"{spec.processor}ImageProcessor"
        )
        prepare = processor(**spec.prepared)
        _stretch(model, prepare, pictures)
        model.save_pretrained(folder)
        prepare.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n")
    return folder


def _stretch(model: Any, prepare: Any, pictures: Sequence[Path]) -> None:
    import torch

    images = [Image.open(path).convert("RGB") for path in pictures]
    layers = [one for one in model.modules() if isinstance(one, torch.nn.Linear)]
    last = layers[-1]
    with torch.no_grad():
        logits = model(**prepare(images, return_tensors="pt")).logits
        spread = logits.std(dim=0).mean()
        last.bias.copy_((last.bias - logits.mean(dim=0)) * (1.5 / spread))
        last.weight.mul_(1.5 / spread)


def answers(folder: Path, pictures: Sequence[Path]) -> list[dict[str, float]]:
    """What transformers' own pipeline says."""
    import transformers

    with quiet():
        classify = transformers.pipeline("image-classification", model=str(folder))
        found = [classify(str(path), top_k=99) for path in pictures]
    return [{one["label"]: one["score"] for one in rows} for rows in found]


def export(folder: Path, name: str = "onnx/model.onnx", *, batch: int | None = None) -> Path:
    """The model of a folder as ONNX, which then stands in it instead of its weights.

    Args:
        folder: from `save`.
        name: of the graph.
        batch: a fixed one; None for any.
    """
    import torch
    import transformers

    with quiet():
        model = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
        processors: Any = transformers.AutoImageProcessor
        prepare = processors.from_pretrained(folder)
        grey = prepare(Image.new("RGB", (80, 90)), return_tensors="pt")["pixel_values"]
        example = grey.repeat(batch or 2, 1, 1, 1)
        shapes = None if batch else ({0: torch.export.Dim("batch")},)
        program = torch.onnx.export(
            _Logits.of(model),
            (example,),
            dynamo=True,
            dynamic_shapes=shapes,
            opset_version=18,
            input_names=["pixel_values"],
            output_names=["logits"],
            verbose=False,
        )
    assert program is not None
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(program.model_proto.SerializeToString())
    (folder / "model.safetensors").unlink()
    return folder / name


class _Logits:
    """A module of one output."""

    @staticmethod
    def of(model: Any) -> Any:
        import torch

        class Logits(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = model

            def forward(self, pixels: Any) -> Any:
                return self.inner(pixels).logits

        return Logits().eval()


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a JSON file."""
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))


def odd_pictures(folder: Path, photos: Path) -> list[Path]:
    """Photos of several sizes, and cuttings of them in shapes that no camera makes."""
    found = [photos / name for name in ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg")]
    astronaut = np.asarray(Image.open(photos / "astronaut.png").convert("RGB"))
    for height, width in ((37, 451), (500, 61), (201, 200), (55, 56), (31, 30), (512, 33)):
        path = folder / f"{height}x{width}.png"
        Image.fromarray(
            astronaut[:height, 100 : 100 + width]
            if width < 400
            else astronaut[200 : 200 + height, :width]
        ).save(path)
        found.append(path)
    return found
