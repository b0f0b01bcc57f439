"""Learning rates: over time, and over the depth of the net."""

import math
from collections.abc import Sequence


def rate_factor(step: int, steps: int, warm_up: float) -> float:
    """The share of the highest rate that a step has: a linear rise, then half a cosine down to 0.

    Cosine: Loshchilov and Hutter, "SGDR", 2017 (arXiv 1608.03983), without restarts.

    Args:
        step: 0 for the first of all.
        steps: how many there are.
        warm_up: the share of them in which the rate rises, 0..1.
    """
    rising = round(warm_up * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    falling = max(1, steps - rising)
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / falling))


def stage_rates(stages: int, rate: float, decay: float) -> Sequence[float]:
    """The highest rate of each stage, from the picture to the features.

    The head has `rate`, the last stage rate * decay, the one before it rate * decay ** 2 and so on
    (Howard and Ruder, "ULMFiT", 2018, arXiv 1801.06146, section 3.2).
    """
    return [rate * decay ** (stages - stage) for stage in range(stages)]
