"""The head's start is scikit-learn's logistic regression; features are computed once."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from figleaf.train.class_weights import class_weights
from figleaf.train.finetune.start import start_head


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
