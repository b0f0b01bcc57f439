"""How models are evaluated, as a value."""

from dataclasses import dataclass
from pathlib import Path

from figleaf.classify.policy import Policy
from figleaf.errors import InputError
from figleaf.evaluation.labelled import PARTS
from figleaf.metrics.intervals import LEVEL, REPEATS
from figleaf.models.runtime import Precision, RuntimeName


@dataclass(frozen=True, slots=True)
class EvaluateRules:
    """How models are evaluated.

    ::

        rules = EvaluateRules(base_rate=0.05, target_fpr=(0.02,), robustness=True)
        figleaf.evaluate("my-data", model="my-model", rules=rules)

    Attributes:
        part: "train", "validation", "test" or "all"; None for test, or for all where a folder has
            no parts.
        policy: a preset's name, a TOML file or a Policy: which classes sum is the unsafe score, and
            what is reviewed and blocked; None for what each model's card suggests.
        fast: bf16 where the processor has it, and large JPEGs decoded at a fraction of their size.
        precision: "f32" or "bf16"; None for what `fast` says.
        runtime: "openvino" or "onnxruntime".
        threads: batches at work at once; None for one a core.
        base_rate: the share of unsafe images that counts per 10,000 are given for, 0..1.
        target_fpr: false-positive rates to find a threshold for, 0..1 each.
        target_recall: recalls to find a threshold for, above 0, up to 1 each.
        threshold: the unsafe score from which on an image counts as called unsafe, where nothing
            else is said.
        top_k: the accuracies of the 2, 3 and so on up to so many most probable classes are given,
            as far as a model has more classes than that.
        robustness: also change the pictures, and see what becomes of the answers.
        robustness_images: of how many images at most, chosen by hash.
        repeats: draws of the bootstrap.
        level: of the intervals, above 0, below 1.
        seed: of the draws, and of the images for robustness.
        least: images that a slice has to have, not to be called too small.

    Raises:
        InputError: a value out of its range.
    """

    part: str | None = None
    policy: str | Path | Policy | None = None
    fast: bool = False
    precision: Precision | str | None = None
    runtime: RuntimeName | str = RuntimeName.OPENVINO
    threads: int | None = None
    base_rate: float = 0.01
    target_fpr: tuple[float, ...] = (0.001, 0.01)
    target_recall: tuple[float, ...] = (0.9, 0.95, 0.99)
    threshold: float = 0.5
    top_k: int = 3
    robustness: bool = False
    robustness_images: int = 500
    repeats: int = REPEATS
    level: float = LEVEL
    seed: int = 0
    least: int = 30

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.part is not None and self.part not in PARTS:
            raise InputError(f"part must be one of {', '.join(PARTS)}, not {self.part!r}")
        for name in ("base_rate", "threshold"):
            _check_share(name, getattr(self, name))
        for name in ("target_fpr", "target_recall"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
            for value in getattr(self, name):
                _check_share(name, value)
        if 0 in self.target_recall:
            raise InputError(
                "target_recall must be above 0: a threshold of no recall flags nothing"
            )
        if not 0 < self.level < 1:
            raise InputError(f"level must be above 0 and below 1, not {self.level}")
        for name in ("top_k", "robustness_images", "repeats", "least"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.seed < 0:
            raise InputError(f"seed must be at least 0, not {self.seed}")


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InputError(f"{name} must be a share, 0..1, not {value}")
