"""A net and its head, as one module to be trained."""

import numpy as np
import torch
from torch import Tensor, nn

from figleaf.training.finetune.compute import Compute
from figleaf.training.head import Head
from figleaf.training.nets.net import Net


class Network(nn.Module):
    """From pictures to logits: a net, and a linear head on its standardised features.

    The mean and the deviation are those of the net's features before it was touched, and stay: they
    give the head's weights one scale, so that one rate suits them all.

    Args:
        net: the backbone.
        head: where the head starts from.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, net: Net, head: Head) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mean", torch.from_numpy(head.mean.copy()))
        self.register_buffer("deviation", torch.from_numpy(head.deviation.copy()))
        self.head = nn.Linear(*head.weight.shape)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(head.weight.T.copy()))
            self.head.bias.copy_(torch.from_numpy(head.bias.copy()))

    def logits(self, pixels: Tensor, compute: Compute) -> Tensor:
        """Float32 of shape (batch, classes), of float32 RGB of shape (batch, height, width, 3)."""
        with compute.mixed():
            features = self.net(pixels)
        with compute.exact():
            standardised = (features.float() - self.mean) / self.deviation
            result: Tensor = self.head(standardised)
        return result

    def folded_head(self) -> Head:
        """The head on the features as they are: of mean 0 and deviation 1."""
        mean, deviation, weight, bias = (
            tensor.detach().cpu().double().numpy()
            for tensor in (self.mean, self.deviation, self.head.weight, self.head.bias)
        )
        folded = weight.T / deviation[:, None]
        width = len(mean)
        return Head(
            mean=np.zeros(width, np.float32),
            deviation=np.ones(width, np.float32),
            weight=folded.astype(np.float32),
            bias=(bias - mean @ folded).astype(np.float32),
        )
