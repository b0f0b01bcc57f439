"""ResNet-50 in plain functions, as torchvision has it, and made-up weights for it."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, max_pool2d, relu

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Channels in the middle, blocks, stride."""
PARAMETERS_WITH_LAST_LAYER = 25_557_032  # as torchvision states


def made_up_state(seed: int = 0) -> dict[str, Tensor]:
    """A state dict under torchvision's names, with the last layer; features stay within a few."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def convolution(name: str, outputs: int, inputs: int, size: int) -> None:
        shape = (outputs, inputs, size, size)
        scale = (2 / (inputs * size * size)) ** 0.5
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * scale

    def norm(name: str, channels: int, gain: float) -> None:
        noise = torch.rand((4, channels), generator=generator)
        state[f"{name}.weight"] = gain * (0.5 + noise[0])
        state[f"{name}.bias"] = noise[1] - 0.5
        state[f"{name}.running_mean"] = noise[2] - 0.5
        state[f"{name}.running_var"] = 0.5 + noise[3]
        state[f"{name}.num_batches_tracked"] = torch.tensor(1)

    convolution("conv1", 64, 3, 7)
    norm("bn1", 64, 1)
    inputs = 64
    for stage, (middle, blocks, _) in enumerate(STAGES, 1):
        for block in range(blocks):
            prefix = f"layer{stage}.{block}"
            for number, (outputs, taken, size) in enumerate(
                ((middle, inputs, 1), (middle, middle, 3), (4 * middle, middle, 1)), 1
            ):
                convolution(f"{prefix}.conv{number}", outputs, taken, size)
                norm(f"{prefix}.bn{number}", outputs, 0.3 if number == 3 else 1)
            if block == 0:
                convolution(f"{prefix}.downsample.0", 4 * middle, inputs, 1)
                norm(f"{prefix}.downsample.1", 4 * middle, 0.7)
            inputs = 4 * middle
    state["fc.weight"] = torch.randn((1000, 2048), generator=generator)
    state["fc.bias"] = torch.zeros(1000)
    return state


def reference_features(state: Mapping[str, Tensor], pictures: Tensor) -> Tensor:
    """Features (batch, 2048) of float32 RGB in 0..255 of shape (batch, height, width, 3)."""

    def normed(x: Tensor, name: str) -> Tensor:
        mean, variance, weight, bias = (
            state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return batch_norm(x, mean, variance, weight, bias, training=False, eps=1e-5)

    def step(x: Tensor, conv: str, norm: str, stride: int = 1, padding: int = 0) -> Tensor:
        return normed(conv2d(x, state[f"{conv}.weight"], None, stride, padding), norm)

    x = pictures.permute(0, 3, 1, 2) / 255
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    x = (x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(deviation).view(3, 1, 1)
    x = max_pool2d(relu(step(x, "conv1", "bn1", 2, 3)), 3, 2, 1)
    for stage, (_, blocks, first) in enumerate(STAGES, 1):
        for block in range(blocks):
            stride = 1 if block else first
            here = f"layer{stage}.{block}"
            y = relu(step(x, f"{here}.conv1", f"{here}.bn1"))
            y = relu(step(y, f"{here}.conv2", f"{here}.bn2", stride, 1))
            y = step(y, f"{here}.conv3", f"{here}.bn3")
            if block == 0:
                x = step(x, f"{here}.downsample.0", f"{here}.downsample.1", stride)
            x = relu(x + y)
    return x.mean((2, 3))
