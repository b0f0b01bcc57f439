from dataclasses import replace

import pytest
import torch

from figleaf.errors import ModelError
from figleaf.models.runtime import has_bf16
from figleaf.training.finetune.compute import compute_for, torch_set

from .tiny import QUICK


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("f16", torch.float16)])
def test_products_are_of_that_precision(precision: str, dtype: torch.dtype) -> None:
    compute = compute_for(replace(QUICK, precision=precision))
    weight = torch.ones(4, 4)
    with compute.mixed():
        assert (weight @ weight).dtype is dtype
        with compute.exact():
            assert (weight @ weight).dtype is torch.float32


def test_f32_is_left_alone() -> None:
    compute = compute_for(replace(QUICK, precision="f32"))
    with compute.mixed():
        assert (torch.ones(4, 4) @ torch.ones(4, 4)).dtype is torch.float32
    assert not compute.scaler().is_enabled()


def test_auto_is_what_the_processor_has() -> None:
    expected = "bf16" if has_bf16() else "f32"
    assert compute_for(replace(QUICK, precision="auto")).precision == expected
    assert compute_for(replace(QUICK, precision="auto", deterministic=True)).precision == "f32"


def test_gradients_of_f16_are_scaled() -> None:
    assert compute_for(replace(QUICK, precision="f16")).scaler().is_enabled()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModelError, match="no GPU"):
        compute_for(replace(QUICK, device="cuda"))


def test_torch_is_left_as_it_was() -> None:
    before = torch.get_num_threads(), torch.get_rng_state().tolist()
    with torch_set(replace(QUICK, deterministic=True, threads=1)) as threads:
        assert threads == torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
        torch.manual_seed(3)
    assert not torch.are_deterministic_algorithms_enabled()
    assert (torch.get_num_threads(), torch.get_rng_state().tolist()) == before
