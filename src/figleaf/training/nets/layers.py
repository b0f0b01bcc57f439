"""The layers that torch lacks, for nets whose padding is that of TensorFlow or Caffe."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from figleaf.models.graph import Pads

NO_PADS: Pads = (0, 0, 0, 0)


class Normalise(nn.Module):
    """Pictures to what the first layer takes: (x - mean) / deviation.

    From float32 RGB in 0..255 of shape (batch, height, width, 3) to (batch, 3, height, width).
    The numbers are part of the architecture, and of no state dict.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float], deviation: Sequence[float] = (1, 1, 1)) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("deviation", deviation)):
            tensor = torch.tensor(values, dtype=torch.float32).reshape(3, 1, 1)
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class. The result lies in memory as the picture did, channels last."""
        return (x.permute(0, 3, 1, 2) - self.mean) / self.deviation


class PaddedConv2d(nn.Conv2d):
    """A convolution whose padding may differ from side to side: top, left, bottom, right."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        stride: int = 1,
        pads: Pads = NO_PADS,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        even = pads[:2] == pads[2:]
        super().__init__(
            inputs,
            outputs,
            size,
            stride=stride,
            padding=pads[:2] if even else 0,
            groups=groups,
            bias=bias,
        )
        self.pads = pads
        self._margin = (0, 0, 0, 0) if even else _margin(pads)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, height, width) to (batch, outputs, height', width')."""
        return super().forward(functional.pad(x, self._margin) if any(self._margin) else x)


class PaddedMaxPool2d(nn.Module):
    """The largest value of each window; what the padding adds is never the largest."""

    def __init__(self, size: int, *, stride: int, pads: Pads = NO_PADS) -> None:
        super().__init__()
        self.size = size
        self.stride = stride
        self.pads = pads

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to (batch, channels, height', width')."""
        padded = functional.pad(x, _margin(self.pads), value=-torch.inf)
        return functional.max_pool2d(padded, self.size, self.stride)


class GlobalAverage(nn.Module):
    """The mean over height and width: (batch, channels, height, width) to (batch, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x.mean((2, 3))


def _margin(pads: Pads) -> tuple[int, int, int, int]:
    """As torch.nn.functional.pad has it, the last axis first."""
    top, left, bottom, right = pads
    return left, right, top, bottom
