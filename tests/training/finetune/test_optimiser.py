from dataclasses import replace

import numpy as np
import pytest
import torch

from figleaf.training.finetune.network import Network
from figleaf.training.finetune.optimiser import Schedule, freeze, make_optimiser
from figleaf.training.head import Head

from .tiny import QUICK, TinyNet

RULES = replace(QUICK, rate=0.8, decay=0.5, weight_decay=0.3)


@pytest.fixture
def network() -> Network:
    random = np.random.default_rng(0)
    mean, deviation = random.normal(0, 1, (2, 8)).astype(np.float32)
    weight = random.normal(0, 1, (8, 3)).astype(np.float32)
    return Network(TinyNet(), Head(mean, np.exp(deviation), weight, weight[0]))


def rates(network: Network, optimiser: torch.optim.Optimizer) -> dict[str, tuple[float, float]]:
    """Name of each parameter -> its rate and its decay."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    return {
        names[parameter]: (group["lr"], group["weight_decay"])
        for group in optimiser.param_groups
        for parameter in group["params"]
    }


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_rates_by_stage_and_no_decay_of_biases(network: Network, kind: str) -> None:
    optimiser = make_optimiser(network, replace(RULES, optimiser=kind))
    assert rates(network, optimiser) == {
        "net.conv1.weight": (0.2, 0.3),
        "net.conv1.bias": (0.2, 0.0),
        "net.conv2.weight": (0.4, 0.3),
        "net.conv2.bias": (0.4, 0.0),
        "head.weight": (0.8, 0.3),
        "head.bias": (0.8, 0.0),
    }


def test_the_schedule_keeps_their_proportions(network: Network) -> None:
    optimiser = make_optimiser(network, RULES)
    assert Schedule(10, 0.0).apply(optimiser, 5) == pytest.approx(0.4)
    assert rates(network, optimiser)["net.conv1.weight"][0] == pytest.approx(0.1)


def test_frozen_stages_are_not_trained(network: Network) -> None:
    freeze(network, 1)
    assert "net.conv1.weight" not in rates(network, make_optimiser(network, RULES))
    assert "net.conv2.weight" in rates(network, make_optimiser(network, RULES))


def test_a_folded_head_gives_the_same_logits(network: Network) -> None:
    features = np.random.default_rng(1).normal(0, 1, (5, 8)).astype(np.float32)
    with torch.no_grad():
        standardised = (torch.from_numpy(features) - network.mean) / network.deviation
        expected = network.head(standardised).numpy()
    head = network.folded_head()
    assert not head.mean.any()
    assert (head.deviation == 1).all()
    np.testing.assert_allclose(head.logits(features), expected, rtol=1e-4, atol=1e-5)
