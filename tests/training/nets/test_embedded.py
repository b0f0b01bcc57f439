"""The project's modules with the embedded weights: the same features as the embedded graphs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from figleaf.models.bundle import open_bundle
from figleaf.models.runtime import RuntimeName
from figleaf.training.nets import open_net

from .prepared import batch, features


@pytest.mark.parametrize("name", ["resnet50_thin", "efficientnet_lite0"])
def test_features_are_those_of_the_graph(name: str, pictures: Path) -> None:
    bundle = open_bundle(name)
    net = open_net(name).eval()
    given = batch(pictures, net.input)
    with torch.inference_mode():
        ours = net(torch.from_numpy(given)).numpy()
    assert ours.shape == (len(given), net.width)
    for runtime in RuntimeName:
        expected = features(bundle.graph, given, runtime)
        np.testing.assert_allclose(ours, expected, atol=1e-4, rtol=0)
