"""How a data set is audited, as a value."""

from dataclasses import asdict, dataclass
from typing import Any

from figleaf.errors import InputError
from figleaf.training.class_weights import ClassWeights
from figleaf.training.rules import AUTO, DEFAULT_BACKBONE, TrainRules

RECOMMENDED = 0.8
"""The doubt to relabel from: it wins most of the lost accuracy back (benchmarks/README.md)."""
LEAST_TO_APPLY = 0.5
"""The doubt below which the model itself takes an image for the class that it has."""
_MOST_FOLDS = 100


@dataclass(frozen=True, slots=True)
class AuditRules:
    """How a data set is audited.

    ::

        figleaf.audit("my-data", rules=AuditRules(apply=0.8))

    Attributes:
        backbone: whose features are judged by: an embedded model's name, several joined by "+", a
            bundle's folder, or a TOML file that describes an ONNX graph.
        fast: bf16 where the processor has it, and JPEGs decoded at a fraction of their size.
        class_weights: "none", "sqrt", "balanced", "power".
        power: the exponent of "power".
        seed: of the folds.
        folds: into how many train is divided: each is judged by what the others have taught.
        apply: relabel images of train and validation from this doubt on, 0.5..1; None to relabel
            none.

    Raises:
        InputError: values that make no sense.
    """

    backbone: str = DEFAULT_BACKBONE
    fast: bool = False
    class_weights: ClassWeights = ClassWeights.NONE
    power: float = 0.5
    seed: int = 0
    folds: int = 5
    apply: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if self.backbone == AUTO:
            raise InputError("backbone=auto is for training: name the one that it chose")
        object.__setattr__(self, "class_weights", self.training.class_weights)
        if self.folds not in range(2, _MOST_FOLDS + 1):
            raise InputError(f"folds must be in 2..{_MOST_FOLDS}, not {self.folds}")
        if self.apply is not None and not LEAST_TO_APPLY <= self.apply <= 1:
            raise InputError(
                f"apply must be a doubt in {LEAST_TO_APPLY:g}..1, not {self.apply:g}: below, the"
                " model itself takes an image for the class that it has"
            )

    @property
    def training(self) -> TrainRules:
        """How the heads are trained that judge."""
        return TrainRules(
            backbone=self.backbone,
            fast=self.fast,
            class_weights=self.class_weights,
            power=self.power,
            seed=self.seed,
        )

    def as_dict(self) -> dict[str, Any]:
        """For the ledger's runs, in JSON's types."""
        return asdict(self)
