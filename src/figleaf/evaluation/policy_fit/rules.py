"""How a policy is fitted, as a value."""

from dataclasses import dataclass

from figleaf.classify.prediction import Decision
from figleaf.errors import InputError
from figleaf.metrics.intervals import LEVEL, REPEATS
from figleaf.models.runtime import Precision, RuntimeName


@dataclass(frozen=True, slots=True)
class FitRules:
    """How a policy is fitted.

    ::

        rules = FitRules(fpr=(0.02, 0.002), assured=True)
        figleaf.fit_policy("safe", model="my-model", rules=rules).save("policy.toml")

    Attributes:
        fpr: false-positive rates, 0..1 each: review at the highest, block at the lowest, those
            between are only looked at. Of a single one there is review alone.
        recall: review from where so much of the unsafe pictures is found, above 0, up to 1, and not
            from the highest rate; needs unsafe pictures. A single rate is block's then.
        assured: keep to a rate with the upper end of its interval, and not with what was observed.
        unsafe_classes: of the model, those whose probabilities sum; none for figleaf's own.
        base_rate: the share of unsafe pictures that counts per 10,000 are given for, 0..1.
        name: of the policy.
        version: of the policy, to be raised with every change.
        unreadable: the policy's decision for what cannot be classified.
        fast: bf16 where the processor has it, and large JPEGs decoded at a fraction of their size.
        precision: "f32" or "bf16"; None for what `fast` says.
        runtime: "openvino" or "onnxruntime".
        threads: batches at work at once; None for one a core.
        repeats: draws of the bootstrap.
        level: of the intervals, above 0, below 1.
        seed: of the draws.

    Raises:
        InputError: a value out of its range.
    """

    fpr: tuple[float, ...] = (0.01, 0.001)
    recall: float | None = None
    assured: bool = False
    unsafe_classes: tuple[str, ...] = ()
    base_rate: float = 0.01
    name: str = "fitted"
    version: int = 1
    unreadable: Decision = Decision.REVIEW
    fast: bool = False
    precision: Precision | str | None = None
    runtime: RuntimeName | str = RuntimeName.OPENVINO
    threads: int | None = None
    repeats: int = REPEATS
    level: float = LEVEL
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        object.__setattr__(self, "fpr", tuple(sorted(set(self.fpr), reverse=True)))
        object.__setattr__(self, "unsafe_classes", tuple(dict.fromkeys(self.unsafe_classes)))
        for name, values in (("fpr", self.fpr), ("base_rate", (self.base_rate,))):
            for value in values:
                if not 0 <= value <= 1:
                    raise InputError(f"{name} must be a share, 0..1, not {value}")
        if not self.fpr:
            raise InputError("fpr must be at least one rate: there is nothing to fit to")
        if self.recall is not None and not 0 < self.recall <= 1:
            raise InputError(f"recall must be a share above 0, up to 1, not {self.recall}")
        if not 0 < self.level < 1:
            raise InputError(f"level must be above 0 and below 1, not {self.level}")
        if not self.name.strip():
            raise InputError("name must be something: results show it")
        for name, least in (("version", 1), ("repeats", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, not {getattr(self, name)}")
