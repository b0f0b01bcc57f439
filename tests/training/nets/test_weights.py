"""Files of weights: what is read, what is refused, and how it is told."""

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from figleaf.errors import ModelError
from figleaf.training.nets.safetensors import read_safetensors
from figleaf.training.nets.weights import load_state, read_weights_file


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4))


@pytest.fixture
def state() -> dict[str, Tensor]:
    torch.manual_seed(3)
    module = small()
    nn.init.normal_(module.get_parameter("1.weight"))
    return dict(module.state_dict())


def safetensors(state: dict[str, Tensor], metadata: bool = False) -> bytes:
    """A file of the format, written by hand."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}} if metadata else {}
    body, names = b"", {torch.float32: "F32", torch.int64: "I64", torch.bfloat16: "BF16"}
    for name, tensor in state.items():
        values = bytes(tensor.contiguous().reshape(-1).view(torch.uint8).tolist())
        header[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(body), len(body) + len(values)],
        }
        body += values
    return made(header, body)


def made(header: Any, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


Wrap = Callable[[dict[str, Tensor]], object]


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin"])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state},
        lambda state: {f"module.{name}": value for name, value in state.items()},
        lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}},
        lambda state: {**state, "fc.weight": torch.ones(1), "fc.bias": torch.ones(1)},
        lambda state: {n: v for n, v in state.items() if n != "1.num_batches_tracked"},
    ],
    ids=["plain", "wrapped", "model", "module", "both", "last layer", "no counts"],
)
def test_a_torch_file_is_read(
    wrap: Wrap, suffix: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / f"weights{suffix}"
    torch.save(wrap(state), path)
    net = small()
    load_state(net, read_weights_file(path), ignored=("fc.",))
    torch.testing.assert_close(dict(net.state_dict()), state)


def test_a_safetensors_file_is_read(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors(state, metadata=True))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = read_weights_file(path, digest.upper())
    assert file.as_source() == {"file": "weights.safetensors", "integrity": f"sha256:{digest}"}
    net = small()
    load_state(net, file)
    torch.testing.assert_close(dict(net.state_dict()), state)


def test_half_precision_becomes_float32() -> None:
    state = {"a": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)}
    read = read_safetensors(safetensors(state))["a"]
    torch.testing.assert_close(read, state["a"])


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        struct.pack("<Q", 1 << 40) + b"{}",
        struct.pack("<Q", 2) + b"{]",
        made([], b""),
        made({"a": 3}, b""),
        made({"a": ENTRY}, b"\0" * 7),
        made({"a": ENTRY}, b"\0" * 9),
        made({"a": ENTRY | {"shape": [3]}}, b"\0" * 8),
        made({"a": ENTRY | {"shape": [-1, -2]}}, b"\0" * 8),
        made({"a": ENTRY | {"shape": [1] * 100 + [2]}}, b"\0" * 8),
        made({"a": ENTRY | {"shape": [2.0]}}, b"\0" * 8),
        made({"a": ENTRY | {"shape": [True, 2]}}, b"\0" * 8),
        made({"a": ENTRY | {"dtype": "F8_E4M3"}}, b"\0" * 8),
        made({"a": ENTRY | {"data_offsets": [8, 0]}}, b"\0" * 8),
        made({"a": ENTRY | {"data_offsets": [-8, 0]}}, b"\0" * 8),
        made({"a": ENTRY, "b": ENTRY}, b"\0" * 8),
        made({"a": ENTRY, "b": ENTRY | {"data_offsets": [12, 20]}}, b"\0" * 20),
        made({"a": ENTRY | {"shape": [0, 1 << 70], "data_offsets": [0, 0]}}, b""),
        struct.pack("<Q", 200_000) + b"[" * 200_000,
    ],
)
def test_a_broken_safetensors_file_is_refused(data: bytes) -> None:
    with pytest.raises(ModelError):
        read_safetensors(data)


class _Hostile:
    """What a pickle would run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_file_that_runs_code_is_refused(state: dict[str, Tensor], tmp_path: Path) -> None:
    path, mark = tmp_path / "weights.pth", tmp_path / "ran"
    torch.save({"state_dict": state, "more": _Hostile(mark)}, path)
    with pytest.raises(ModelError, match=r"weights\.pth: .*without executing code"):
        read_weights_file(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("weights.pth", b"no zip and no pickle", "not a state dict"),
        ("weights.pth", b"", "not a state dict"),
        ("weights.ckpt", b"", r"\.pth, \.pt, \.bin, \.safetensors"),
        ("weights.safetensors", b"\xff" * 9, "a header of"),
    ],
)
def test_what_is_no_file_of_weights_is_refused(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name}: .*{message}"):
        read_weights_file(tmp_path / name)


@pytest.mark.parametrize(
    "content", [[1, 2], {}, {"state_dict": {}}, {"a": torch.ones(1), "epoch": 4}, torch.ones(2)]
)
def test_what_is_no_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="not a state dict"):
        read_weights_file(tmp_path / "weights.pt")


def test_the_hash_is_checked_before_the_file_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"not to be parsed")
    with pytest.raises(ModelError, match=r"SHA-256 is [0-9a-f]{64}, not 00"):
        read_weights_file(path, "00")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0.weight": None}, "missing: 0.weight"),
        ({"extra": torch.ones(1)}, "unexpected: extra"),
        ({"1.bias": torch.ones(5)}, r"of another shape: 1.bias \[5\] for \[4\]"),
        ({"1.bias": torch.full((4,), torch.nan)}, "not finite: 1.bias"),
        ({f"extra.{n}": torch.ones(1) for n in range(7)}, "extra.4 and 2 more"),
    ],
)
def test_weights_that_do_not_fit_are_named(
    change: dict[str, Tensor | None], message: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    given = {name: value for name, value in (state | change).items() if value is not None}
    torch.save(given, tmp_path / "weights.pth")
    net = small()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ModelError, match=rf"weights.pth does not fit Sequential: .*{message}"):
        load_state(net, read_weights_file(tmp_path / "weights.pth"))
    torch.testing.assert_close(dict(net.state_dict()), before)
