"""Weights from a file: a torch state dict, read without executing anything in it."""

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from figleaf.errors import ModelError
from figleaf.training.nets.safetensors import read_safetensors

_TORCH = (".pth", ".pt", ".bin")
_WRAPPERS = ("state_dict", "model")
_PREFIX = "module."
_NAMED = 5


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """What a file of weights holds.

    Attributes:
        name: of the file, without its folder.
        sha256: of its bytes, in hex.
        state: every tensor by name.
    """

    name: str
    sha256: str
    state: Mapping[str, Tensor]

    def as_source(self) -> dict[str, Any]:
        """Where weights come from, as a card has it."""
        return {"file": self.name, "integrity": f"sha256:{self.sha256}"}


def read_weights_file(path: Path, sha256: str | None = None) -> WeightsFile:
    """Read a state dict.

    `.pth`, `.pt` and `.bin` are torch's formats, of which tensors alone are read; `.safetensors` is
    the other. {"state_dict": ...} or {"model": ...} around it and "module." before every name, as
    training scripts leave them, are taken off.

    Args:
        path: the file.
        sha256: what its bytes have to hash to, in hex; checked before anything is parsed.

    Raises:
        ModelError: there is no such file, it has another hash, it is no state dict, or it would
            have to execute code; the message names the file.
    """
    data = _read(path)
    digest = hashlib.sha256(data).hexdigest()
    if sha256 is not None and digest != sha256.strip().lower():
        raise ModelError(f"{path}: SHA-256 is {digest}, not {sha256}: get the file again")
    try:
        state = read_safetensors(data) if path.suffix == ".safetensors" else _read_torch(data)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return WeightsFile(path.name, digest, state)


def _read(path: Path) -> bytes:
    if path.suffix not in (*_TORCH, ".safetensors"):
        known = ", ".join((*_TORCH, ".safetensors"))
        raise ModelError(f"{path}: weights are read from files that end in {known}")
    if not path.is_file():
        raise ModelError(f"{path}: no such file of weights")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from error


def _read_torch(data: bytes) -> dict[str, Tensor]:
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # damage shows in many ways, and they have no common base
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"not a state dict that can be read without executing code ({reason}); "
            "save the state_dict() of the model alone, or as .safetensors"
        ) from error
    return _unwrapped(content)


def _unwrapped(content: object) -> dict[str, Tensor]:
    """The state dict inside of what a training script saved."""
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise ModelError("not a state dict, which is a mapping of names to tensors")
    odd = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if odd:
        raise ModelError(f"not a state dict: {odd[0]!r} is not a tensor")
    return {str(name): value for name, value in content.items()}


def load_state(net: nn.Module, weights: WeightsFile, *, ignored: Iterable[str] = ()) -> None:
    """Give a module the weights of a file.

    Args:
        net: the module.
        weights: for all of its parameters and buffers; the counts of batches that batch norm keeps
            may be missing, they serve no purpose here.
        ignored: prefixes of names that the module has no use for, as a last layer's.

    Raises:
        ModelError: names are missing or unexpected, shapes differ, or there are numbers that are
            not finite; the message names them.
    """
    state = {
        name: value
        for name, value in _plain(weights.state).items()
        if not name.startswith(tuple(ignored))
    }
    expected = net.state_dict()
    counts = {name for name in expected if name.endswith(".num_batches_tracked")}
    problems = [
        _listed("missing", sorted(expected.keys() - state.keys() - counts)),
        _listed("unexpected", sorted(state.keys() - expected.keys())),
        _listed("of another shape", _misshaped(state, expected)),
        _listed("not finite", [name for name, value in state.items() if not _is_finite(value)]),
    ]
    if any(problems):
        told = "; ".join(filter(None, problems))
        raise ModelError(f"{weights.name} does not fit {type(net).__name__}: {told}")
    net.load_state_dict(state, strict=False)  # all but the counts are there


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The names without what torch's parallel wrappers put before them."""
    if all(name.startswith(_PREFIX) for name in state):
        return {name.removeprefix(_PREFIX): value for name, value in state.items()}
    return dict(state)


def _misshaped(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    return [
        f"{name} {list(state[name].shape)} for {list(value.shape)}"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]


def _is_finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value).all())


def _listed(problem: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{problem}: {', '.join(names[:_NAMED])}{more}"
