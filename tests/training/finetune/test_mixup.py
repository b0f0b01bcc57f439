import numpy as np
import pytest

from figleaf.training.finetune.mixup import draw_share, mix_pairs, smoothed


def test_neighbours_are_mixed() -> None:
    values = np.array([[0.0], [1.0], [10.0], [20.0], [7.0]])
    mixed = mix_pairs(values, np.array([0.75, 0.5], np.float32))
    assert mixed.ravel().tolist() == [0.25, 0.75, 15, 15, 7]
    assert values[0, 0] == 0


def test_pictures_and_targets_are_mixed_alike() -> None:
    pictures = np.random.default_rng(0).random((4, 3, 2, 3)).astype(np.float32)
    shares = np.array([0.9, 0.2], np.float32)
    mixed = mix_pairs(pictures, shares)
    np.testing.assert_allclose(mixed[3], 0.2 * pictures[3] + 0.8 * pictures[2], rtol=1e-6)
    targets = mix_pairs(np.eye(4, dtype=np.float32), shares)
    np.testing.assert_allclose(targets[0], [0.9, 0.1, 0, 0], rtol=1e-6)


def test_shares_are_of_the_beta_distribution() -> None:
    random = np.random.default_rng(0)
    shares = [draw_share(2.0, random) for _ in range(2000)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * 2 + 1)), abs=0.005)
    assert draw_share(0.0, random) == 1


def test_smoothing_spreads_a_share() -> None:
    rows = smoothed(np.array([2, 0]), 4, 0.2)
    np.testing.assert_allclose(rows[0], [0.05, 0.05, 0.85, 0.05], rtol=1e-6)
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-6)
    assert smoothed(np.array([1]), 2, 0).tolist() == [[0, 1]]
