"""The head's start is scikit-learn's logistic regression; features are computed once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from figleaf.training.class_weights import class_weights
from figleaf.training.examples import Examples
from figleaf.training.finetune.compute import compute_for
from figleaf.training.finetune.outputs import Crew
from figleaf.training.finetune.pictures import Memory, Pictures
from figleaf.training.finetune.processes import Processes
from figleaf.training.finetune.start import FEATURES, features_of, forget_features, start_head

from .tiny import QUICK, SPEC, TinyNet


@pytest.mark.parametrize("kind", ["none", "balanced"])
def test_it_is_scikit_learns(kind: str) -> None:
    random = np.random.default_rng(0)
    labels = random.choice(3, 300, p=[0.6, 0.3, 0.1])
    features = (random.normal(0, 1, (300, 12)) * 5 + labels[:, None] + 3).astype(np.float32)
    head = start_head(features, labels, class_weights(labels, 3, kind), 10.0)

    scaled = StandardScaler().fit_transform(features)
    weight = None if kind == "none" else kind
    peer = LogisticRegression(C=0.1, class_weight=weight, tol=1e-8, max_iter=1000)
    expected = peer.fit(scaled, labels).predict_log_proba(scaled)
    logits = head.logits(features).astype(np.float64)
    got = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(got, expected, atol=2e-3)


def test_a_feature_that_is_always_the_same_does_no_harm() -> None:
    random = np.random.default_rng(1)
    features = random.normal(0, 1, (40, 3)).astype(np.float32)
    features[:, 1] = 4
    head = start_head(features, np.arange(40) % 2, np.ones(2, np.float32), 1.0)
    assert np.isfinite(head.logits(features)).all()
    assert head.deviation[1] > 0
    constant = start_head(np.ones((4, 2), np.float32), np.arange(4) % 2, np.ones(2, np.float32), 1)
    np.testing.assert_allclose(constant.deviation, 1)


@pytest.fixture
def crew() -> Iterator[Crew]:
    with ThreadPoolExecutor(1) as pool:
        yield Crew(compute_for(QUICK), Processes(), pool, 1, lambda: False)


class BrokenNet(TinyNet):
    """Computes nothing after so many batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches

    def forward(self, x: Tensor) -> Tensor:
        self.left -= 1
        if self.left < 0:
            raise BrokenPipeError
        return super().forward(x)


def computed(
    net: TinyNet, train: Examples, crew: Crew, folder: Path, fingerprint: str = "a"
) -> NDArray[np.float32]:
    pictures = Pictures(train, SPEC, Memory(0), "training")
    return features_of(net, pictures, 8, crew, folder, fingerprint, lambda images: None)


def test_features_are_computed_once(train: Examples, crew: Crew, tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError):
        computed(BrokenNet(3), train, crew, tmp_path)
    with (tmp_path / FEATURES).open("ab") as file:
        file.write(b"half a row")
    features = computed(BrokenNet(5), train, crew, tmp_path)  # eight in all
    assert features.shape == (60, 8)
    np.testing.assert_array_equal(features, computed(BrokenNet(0), train, crew, tmp_path))
    expected = computed(TinyNet(), train, crew, tmp_path, "b")
    np.testing.assert_array_equal(features, expected)


def test_features_of_another_net_are_computed_anew(
    train: Examples, crew: Crew, tmp_path: Path
) -> None:
    computed(TinyNet(), train, crew, tmp_path, "a")
    with pytest.raises(BrokenPipeError):
        computed(BrokenNet(7), train, crew, tmp_path, "b")


def test_they_are_forgotten_when_a_checkpoint_has_taken_their_place(
    train: Examples, crew: Crew, tmp_path: Path
) -> None:
    computed(TinyNet(), train, crew, tmp_path)
    forget_features(tmp_path)
    assert not list(tmp_path.iterdir())
