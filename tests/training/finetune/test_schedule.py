import numpy as np
import pytest

from figleaf.training.finetune.schedule import rate_factor, stage_rates


def test_it_rises_in_a_line_and_falls_as_a_cosine() -> None:
    factors = [rate_factor(step, 100, 0.1) for step in range(100)]
    np.testing.assert_allclose(np.diff(factors[:11]), 1 / 11)
    assert factors[10] == max(factors) == 1
    assert factors[10 + 45] == pytest.approx(0.5)
    assert (np.diff(factors[10:]) < 0).all()
    assert 0 < factors[-1] < 1e-3


def test_without_warm_up_it_begins_at_the_top() -> None:
    assert rate_factor(0, 10, 0) == 1


def test_a_single_step_has_a_rate() -> None:
    assert rate_factor(0, 1, 0.1) == 1


def test_stages_near_the_picture_learn_least() -> None:
    np.testing.assert_allclose(stage_rates(3, 0.8, 0.5), [0.1, 0.2, 0.4])
