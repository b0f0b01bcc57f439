"""How a classifier is trained, as a value."""

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeVar

from figleaf.errors import InputError
from figleaf.training.class_weights import ClassWeights

E = TypeVar("E", bound=StrEnum)

DEFAULT_BACKBONE = "resnet50_thin+efficientnet_lite0"
AUTO = "auto"


class Mode(StrEnum):
    """What is trained."""

    PROBE = "probe"
    """A head on the features of a frozen backbone."""
    FINETUNE = "finetune"
    """The backbone as well; needs the extra `train`."""


@dataclass(frozen=True, slots=True)
class TrainRules:
    """How a classifier is trained.

    ::

        figleaf.train("my-data", "my-model", rules=TrainRules(class_weights="balanced"))

    Attributes:
        mode: "probe" or "finetune".
        backbone: an embedded model's name, several joined by "+", "auto" for the embedded choice
            that is best in validation, a bundle's folder, a TOML file that describes an ONNX graph,
            "resnet50", or a name that timm knows.
        weights: a file of the weights of "resnet50" or of timm's net.
        sha256: of that file, in hex, if it is to be checked.
        download: let timm download the net's published weights.
        fast: of a probe: bf16 where the processor has it, and JPEGs decoded at a fraction of their
            size.
        class_weights: "none", "sqrt", "balanced", "power".
        power: the exponent of "power".
        l2: the penalty of the probe's head; None to choose it in validation.
        validation: the share of train that is held out where the split has no validation part and
            folds would take too long, or to fine-tune.
        seed: of all that is drawn by lot.

    Raises:
        InputError: values that make no sense.
    """

    mode: Mode = Mode.PROBE
    backbone: str = DEFAULT_BACKBONE
    weights: str | None = None
    sha256: str | None = None
    download: bool = False
    fast: bool = False
    class_weights: ClassWeights = ClassWeights.NONE
    power: float = 0.5
    l2: float | None = None
    validation: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        object.__setattr__(self, "mode", _one_of(Mode, self.mode, "mode"))
        kind = _one_of(ClassWeights, self.class_weights, "class_weights")
        object.__setattr__(self, "class_weights", kind)
        if not self.backbone:
            raise InputError("backbone is empty: name one; `figleaf models` lists the embedded")
        if self.l2 is not None and not (math.isfinite(self.l2) and self.l2 >= 0):
            raise InputError(f"l2 must be a number from 0, not {self.l2}")
        if not 0 < self.validation < 1:
            raise InputError(f"validation must be a share above 0 and below 1: {self.validation}")
        if not 0 <= self.power <= 2:
            raise InputError(f"power must be in 0..2, not {self.power}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"seed must be a whole number from 0, not {self.seed!r}")
        if self.mode is Mode.FINETUNE and (self.fast or self.l2 is not None):
            raise InputError("fast and l2 are a probe's: leave them out, or mode='finetune'")
        if self.sha256 and not self.weights:
            raise InputError("sha256 is that of a weights file: give weights as well")
        if self.download and self.weights:
            raise InputError("weights are read from a file or downloaded: give one of the two")

    def as_dict(self) -> dict[str, Any]:
        """For cards and the ledger's runs, in JSON's types."""
        return asdict(self)


def _one_of(kind: type[E], value: str, name: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise InputError(f"{name} must be one of {', '.join(kind)}, not {value!r}") from None
