"""The moving average of weights, which does better than the last of them.

Polyak and Juditsky 1992; exponential, with the warm-up of TensorFlow's ExponentialMovingAverage.
"""

import copy

import torch

from figleaf.training.finetune.network import Network


class Average:
    """A network whose weights are the moving average of another's.

    Args:
        network: the other one.
        decay: how much of the average a step keeps, 0..1; less in the first steps.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, network: Network, step: int) -> None:
        """Take in the weights after a step, 1 for the first of all."""
        decay = min(self._decay, (1 + step) / (10 + step))
        averaged = self.network.state_dict(keep_vars=True)
        for name, value in network.state_dict(keep_vars=True).items():
            if value.is_floating_point():
                averaged[name].lerp_(value, 1 - decay)
            else:
                averaged[name].copy_(value)
