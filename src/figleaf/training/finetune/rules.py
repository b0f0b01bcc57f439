"""How a net is fine-tuned, as a value."""

from dataclasses import asdict, dataclass
from typing import Any

from figleaf.errors import InputError
from figleaf.training.class_weights import ClassWeights

OPTIMISERS = ("adamw", "sgd")
PRECISIONS = ("auto", "f32", "bf16", "f16")
DEVICES = ("auto", "cpu", "cuda")

_OPERATIONAL = ("checkpoint_seconds", "tensorboard", "memory", "threads")
"""What changes how a run is carried out, and not what comes of it."""


@dataclass(frozen=True, slots=True)
class FinetuneRules:
    """How a net is fine-tuned.

    ::

        rules = FinetuneRules(epochs=20, batch=64, frozen_stages=0)

    Attributes:
        epochs: the most passes over the training images, each after the head's own start; 0 for the
            head alone.
        batch: pictures that one process holds at once.
        accumulate: so many batches make one step.
        optimiser: "adamw" (Loshchilov and Hutter 2019) or "sgd" (Nesterov momentum of .9).
        rate: the highest learning rate, of the head's weights.
        decay: each stage of the net learns at this much of the rate of what is above it, 0..1.
        frozen_stages: so many stages, from the picture on, are not trained at all.
        weight_decay: of weights; biases and scales have none.
        warm_up: the share of all steps in which the rate rises, before it falls as a cosine.
        clip: the largest norm of a step's gradient; 0 for any.
        mixup: both parameters of the Beta distribution that pictures are mixed by; 0 for none.
        smoothing: the share of each label that is spread over all classes, 0..1.
        average: how much of the moving average of the weights (EMA) a step keeps; 0 for none.
        patience: so many epochs without a lower validation loss than other epochs end the training;
            0 for all epochs. The head's start is none of them.
        class_weights: "none", "sqrt", "balanced", "power", or a weight for each class.
        power: the exponent of class_weights="power".
        head_penalty: of the head's start, times half of the sum of its squared weights; the others
            are the losses of the examples, summed. 1/C of scikit-learn's LogisticRegression.
        least_area: a random crop has at least this share of the picture.
        stretch: a crop is at most so many times wider or higher than the picture; 1 for never.
        flip: whether pictures are mirrored at random.
        jitter: brightness, contrast and saturation change by at most this share.
        precision: "f32", "bf16", "f16"; "auto" is bf16 where the processor computes in it, else f16
            on a GPU and f32 on a CPU.
        deterministic: f32, and torch's deterministic algorithms: one seed gives the same bytes.
        device: "auto" is the GPU where there is one.
        checkpoint_seconds: the most time between two checkpoints within an epoch.
        tensorboard: whether to write TensorBoard's event files too.
        memory: bytes that decoded pictures may take; the others are decoded in each epoch anew.
        threads: of torch and of decoding; by default one for each core.

    Raises:
        InputError: a value out of its range.
    """

    epochs: int = 8
    batch: int = 32
    accumulate: int = 1
    optimiser: str = "adamw"
    rate: float = 1e-3
    decay: float = 0.5
    frozen_stages: int = 0
    weight_decay: float = 0.05
    warm_up: float = 0.1
    clip: float = 1.0
    mixup: float = 0.0
    smoothing: float = 0.1
    average: float = 0.98
    patience: int = 4
    class_weights: str | tuple[float, ...] = ClassWeights.NONE
    power: float = 0.5
    head_penalty: float = 100.0
    least_area: float = 0.5
    stretch: float = 1.2
    flip: bool = True
    jitter: float = 0.1
    precision: str = "auto"
    deterministic: bool = False
    device: str = "auto"
    checkpoint_seconds: float = 120.0
    tensorboard: bool = False
    memory: int = 2 * 2**30
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:  # NaN is refused, too
                raise InputError(f"{name} must be in {least:g}..{most:g}, not {value}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                known = ", ".join(choices)
                raise InputError(f"no {name} {getattr(self, name)!r}: there are {known}")
        if self.deterministic and self.precision not in ("auto", "f32"):
            raise InputError(f"deterministic is f32, not {self.precision}: leave precision out")
        if self.mixup and self.batch % 2:
            raise InputError(f"mixup takes pairs: batch must be even, not {self.batch}")
        self._check_weights()

    def as_dict(self) -> dict[str, Any]:
        """All of it, in JSON's types."""
        return asdict(self) | {"class_weights": self._plain_weights()}

    def decisive(self) -> dict[str, Any]:
        """What the trained weights depend on: all but how often to save and the like."""
        return {name: value for name, value in self.as_dict().items() if name not in _OPERATIONAL}

    def _plain_weights(self) -> str | list[float]:
        weights = self.class_weights
        return str(weights) if isinstance(weights, str) else [float(each) for each in weights]

    def _check_weights(self) -> None:
        if isinstance(self.class_weights, str):
            if self.class_weights not in list(ClassWeights):
                known = ", ".join(ClassWeights)
                raise InputError(f"no class_weights {self.class_weights!r}: they are {known}")
        elif not all(0 < weight < 1e6 for weight in self.class_weights):
            raise InputError(f"class_weights must be above 0, not {self.class_weights}")


_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (0, 10_000),
    "batch": (1, 65_536),
    "accumulate": (1, 65_536),
    "rate": (0, 10),
    "decay": (0, 1),
    "frozen_stages": (0, 10_000),
    "weight_decay": (0, 10),
    "warm_up": (0, 1),
    "clip": (0, 1e6),
    "mixup": (0, 100),
    "smoothing": (0, 0.99),
    "average": (0, 0.99999),
    "patience": (0, 10_000),
    "power": (0, 2),
    "head_penalty": (0, 1e9),
    "least_area": (0.01, 1),
    "stretch": (1, 4),
    "jitter": (0, 0.9),
    "checkpoint_seconds": (0, 1e9),
    "memory": (0, 2**50),
    "threads": (1, 4096),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "optimiser": OPTIMISERS,
    "precision": PRECISIONS,
    "device": DEVICES,
}
