"""From safetensors to ONNX: transformers or timm knows the architecture, torch exports it."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figleaf.errors import ImportModelError, MissingExtraError, first_line
from figleaf.importing.huggingface.timm_layout import is_timm
from figleaf.importing.huggingface.timm_weights import load_timm

if TYPE_CHECKING:
    import onnx
    from torch import nn

_OPSET = 18  # the lowest that torch's exporter writes
_ADAPTER = "adapter_config.json"


def export(folder: Path, config: Mapping[str, Any], size: tuple[int, int]) -> "onnx.ModelProto":
    """The graph of a model from `pixel_values`, NCHW, to `logits`.

    Only the architectures that transformers and timm themselves have are made, of weights in
    safetensors; nothing of the folder is run, and nothing is fetched.

    Args:
        folder: with `config.json` and the weights.
        config: that file's content.
        size: (height, width) of the pictures.

    Raises:
        MissingExtraError: transformers or timm, torch or what they need is not installed.
        ImportModelError: transformers or timm has no such model, weights are missing or do not fit,
            or torch cannot export it.
    """
    if (folder / _ADAPTER).exists():
        raise ImportModelError(f"{folder}: has {_ADAPTER}: these are changes to a model, not one")
    _check_installed(config)
    with _quietly():
        if is_timm(config):
            return _exported(load_timm(folder, config), size)
        return _exported(_logits(_loaded(folder)), size)


def _check_installed(config: Mapping[str, Any]) -> None:
    from importlib.util import find_spec

    if is_timm(config):
        needed, extra, what = ("timm", "torch", "onnxscript"), "timm", "a model of timm's"
    else:
        needed, extra, what = ("transformers", "torch", "onnxscript"), "transformers", "a model"
    if any(find_spec(name) is None for name in needed):
        raise MissingExtraError(
            extra, f"{what} without an ONNX file, whose safetensors are to be exported,"
        )


def _loaded(folder: Path) -> Any:
    from transformers import AutoModelForImageClassification

    try:
        model, found = AutoModelForImageClassification.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="eager",
            dtype="float32",
            output_loading_info=True,
        )
    except Exception as error:  # of transformers and what it loads, with no common base
        raise ImportModelError(f"transformers cannot load {folder}: {first_line(error)}") from error
    # Weights that are not there it makes up by lot, with a warning; a head of them is a guess.
    for kind in ("missing_keys", "mismatched_keys"):
        if names := sorted(map(str, found.get(kind, ()))):
            raise ImportModelError(
                f"{folder}: the weights have no {names[0]!r} that fits the architecture of"
                " config.json: what the model would say there is not what it was trained to"
            )
    return model.eval()


def _logits(model: Any) -> "nn.Module":
    """The one output of a model of transformers that is wanted, as a tensor."""
    import torch

    class Logits(torch.nn.Module):
        """The classes' scores before the softmax."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixel_values: torch.Tensor) -> Any:
            """From pixels, NCHW."""
            return self.model(pixel_values=pixel_values).logits

    return Logits().eval()


def _exported(model: "nn.Module", size: tuple[int, int]) -> "onnx.ModelProto":
    import torch

    # A batch of 1 would be taken as a constant.
    example = torch.zeros(2, 3, *size)
    try:
        with torch.inference_mode():
            program = torch.onnx.export(
                model,
                (example,),
                dynamo=True,
                input_names=["pixel_values"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                opset_version=_OPSET,
                verbose=False,
            )
    except Exception as error:  # whatever torch's exporter meets in a model
        raise ImportModelError(f"torch cannot export it to ONNX: {first_line(error)}") from error
    if program is None:
        raise ImportModelError("torch exports nothing of it")
    return program.model_proto


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what transformers and torch say on standard error of their own affairs."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stderr(io.StringIO()),  # bars of progress
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
