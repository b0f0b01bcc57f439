"""What changes the weights, and how fast each of them."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from figleaf.training.finetune.network import Network
from figleaf.training.finetune.rules import FinetuneRules
from figleaf.training.finetune.schedule import rate_factor, stage_rates

_MOMENTUM = 0.9


def freeze(network: Network, stages: int) -> None:
    """Leave the first stages of the net as they are; no gradients are computed for them."""
    for number, part in enumerate(network.net.stages()):
        for parameter in part:
            parameter.requires_grad_(number >= stages)


def make_optimiser(network: Network, rules: FinetuneRules) -> torch.optim.Optimizer:
    """The optimiser of the rules, with each stage's highest rate under `highest`."""
    parts = network.net.stages()
    rates = stage_rates(len(parts), rules.rate, rules.decay)
    groups: list[dict[str, Any]] = []
    for part, rate in zip(
        [*parts, list(network.head.parameters())], [*rates, rules.rate], strict=True
    ):
        groups += _groups([each for each in part if each.requires_grad], rate, rules.weight_decay)
    if rules.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=rules.rate, momentum=_MOMENTUM, nesterov=True)
    return torch.optim.AdamW(groups, lr=rules.rate)


def _groups(
    parameters: list[nn.Parameter], rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Kernels, which decay, and biases and scales, which do not; without empty ones."""
    kernels = [each for each in parameters if each.ndim > 1]
    others = [each for each in parameters if each.ndim <= 1]
    kinds = ((kernels, weight_decay), (others, 0.0))
    return [
        {"params": kind, "lr": rate, "highest": rate, "weight_decay": decay}
        for kind, decay in kinds
        if kind
    ]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rates of each step.

    Attributes:
        steps: of the whole training.
        warm_up: the share of them in which rates rise.
    """

    steps: int
    warm_up: float

    def apply(self, optimiser: torch.optim.Optimizer, step: int) -> float:
        """Set all rates for a step, 0 for the first of all; gives the head's."""
        factor = rate_factor(step, self.steps, self.warm_up)
        for group in optimiser.param_groups:
            group["lr"] = group["highest"] * factor
        return float(optimiser.param_groups[-1]["lr"])
