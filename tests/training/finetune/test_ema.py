import numpy as np
import torch

from figleaf.training.finetune.ema import Average
from figleaf.training.finetune.network import Network
from figleaf.training.head import Head

from .tiny import TinyNet


def network() -> Network:
    zeros = np.zeros(8, np.float32)
    return Network(TinyNet(), Head(zeros, zeros + 1, np.zeros((8, 3), np.float32), zeros[:3]))


def test_it_follows_slowly_and_at_first_faster() -> None:
    followed = network()
    average = Average(followed, 0.9)
    expected = 0.0
    for step in (1, 2, 500):
        with torch.no_grad():
            followed.head.bias.add_(1.0)
        average.update(followed, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * float(followed.head.bias.detach()[0])
        np.testing.assert_allclose(average.network.head.bias.numpy(), expected, rtol=1e-6)


def test_without_one_it_is_the_network() -> None:
    followed = network()
    average = Average(followed, 0.0)
    with torch.no_grad():
        followed.head.bias.add_(1.0)
    average.update(followed, 1)
    assert (average.network.head.bias == 1).all()
    assert not average.network.head.bias.requires_grad
