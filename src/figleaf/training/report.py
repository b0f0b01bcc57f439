"""What a training came to."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from figleaf.training.backbones.opening import split_names
from figleaf.training.finetune.tuned import Epoch
from figleaf.training.probe import Tried
from figleaf.training.results import Calibration, Results
from figleaf.training.rules import TrainRules

if TYPE_CHECKING:
    from figleaf.models.summary import GraphSummary


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of a training.

    Attributes:
        loading: reading the ledger and checking the split.
        features: decoding, preparing and running the backbone; none of it for cached images.
        computed: how many images had their features computed.
        training: the head, or the net and the head, with the choice of the penalty; what runs that
            were killed took of it included.
        testing: the temperature and the test.
        writing: the bundle, and checking that it gives what was trained.
    """

    loading: float
    features: float
    computed: int
    training: float
    testing: float
    writing: float

    @property
    def total(self) -> float:
        """Of all."""
        return self.loading + self.features + self.training + self.testing + self.writing


@dataclass(frozen=True, slots=True)
class BackboneSummary:
    """A backbone in a few words.

    Attributes:
        name: of it.
        sha256: of its graph as it was trained upon, in hex.
        width: of the features.
        input: height and width.
    """

    name: str
    sha256: str
    width: int
    input: tuple[int, int]


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a training came to.

    Attributes:
        name: of the model.
        rules: how it was trained.
        finetuning: the rules of fine-tuning, in JSON's types; None for a probe.
        classes: class -> part of the split -> images.
        trained: images that were learnt from.
        unreadable: images whose files cannot be read any more.
        left_out: images in use that are of no part, or of a class that train has not.
        backbones: whose features it uses.
        precision: that training and features were computed in.
        l2: the penalty of the head; None for a fine-tuned one.
        shares: what each backbone's features are multiplied by; () for a fine-tuned one.
        of_roots: whether the head takes square roots of the features first.
        iterations: of the head's last fit, or steps of fine-tuning.
        converged: False where the head's iterations ran out.
        tried: the penalties that were tried.
        epochs: of fine-tuning; the first is the head's start.
        chosen: "auto" backbones that were compared -> their log-loss in validation.
        held_out: what validation was: "5 folds", "validation part", "10% of train".
        calibration: the temperature.
        validation: the figures on what training has not seen, each image calibrated without it.
        test: the figures on the test part; None where it is empty.
        detail: the layers of the graph.
        timing: in seconds.
        data_hash: SHA-256 of every image's hash, class and part.
        split: the split's fingerprint.
        split_seed: its seed.
        versions: of what it was trained with.
        bundle_hash: SHA-256 of the bundle's card, which names the hash of its other files.
        note: what whoever is given the model has to know first; "" for nothing.
    """

    name: str
    rules: TrainRules
    finetuning: Mapping[str, Any] | None
    classes: Mapping[str, Mapping[str, int]]
    trained: int
    unreadable: int
    left_out: int
    backbones: Sequence[BackboneSummary]
    precision: str
    l2: float | None
    shares: tuple[float, ...]
    of_roots: bool
    iterations: int
    converged: bool
    tried: Sequence[Tried]
    epochs: Sequence[Epoch]
    chosen: Mapping[str, float]
    held_out: str
    calibration: Calibration
    validation: Results
    test: Results | None
    detail: "GraphSummary"
    timing: Timing
    data_hash: str
    split: str
    split_seed: int
    versions: Mapping[str, str]
    bundle_hash: str = ""
    note: str = ""

    @property
    def backbone(self) -> str:
        """The backbones' names, joined by "+"."""
        return "+".join(one.name for one in self.backbones)

    @property
    def width(self) -> int:
        """Of the features of all backbones."""
        return sum(one.width for one in self.backbones)

    def facts(self) -> dict[str, Any]:
        """What a card says of the training: the same for the same training, so without times."""
        return {
            "mode": str(self.rules.mode),
            "rules": _for_others(self.rules),
            "finetuning": dict(self.finetuning) if self.finetuning else None,
            "backbones": [asdict(one) for one in self.backbones],
            "classes": {label: dict(parts) for label, parts in self.classes.items()},
            "trained": self.trained,
            "unreadable": self.unreadable,
            "left_out": self.left_out,
            "precision": self.precision,
            "l2": self.l2,
            "shares": list(self.shares),
            "of_roots": self.of_roots,
            "iterations": self.iterations,
            "converged": self.converged,
            "held_out": self.held_out,
            "calibration": asdict(self.calibration),
            "validation": self.validation.to_dict(),
            "test": self.test.to_dict() if self.test else None,
            "data_hash": self.data_hash,
            "split": self.split,
            "split_seed": self.split_seed,
            "versions": dict(self.versions),
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, in JSON's types."""
        macs, flops = self.detail.macs, self.detail.flops
        return {
            "name": self.name,
            **self.facts(),
            "tried": [asdict(one) for one in self.tried],
            "epochs": [_in_json(asdict(one)) for one in self.epochs],
            "chosen": dict(self.chosen),
            "timing": asdict(self.timing) | {"total": self.timing.total},
            "parameters": self.detail.parameters,
            "macs": macs,
            "flops": flops,
            "layers": [asdict(layer) for layer in self.detail.layers],
            "bundle_hash": self.bundle_hash,
        }


def _in_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """With None for what is not finite, which JSON has no number for: a net that fell apart."""
    odd = {name for name, one in values.items() if isinstance(one, float) and not isfinite(one)}
    return {name: None if name in odd else value for name, value in values.items()}


def _for_others(rules: TrainRules) -> dict[str, Any]:
    """The rules with files and folders by their names alone: a bundle is given to others, and is
    the same wherever they lay.
    """
    backbones = [
        Path(one).name if Path(one).exists() else one for one in split_names(rules.backbone)
    ]
    weights = Path(rules.weights).name if rules.weights else None
    return rules.as_dict() | {"backbone": "+".join(backbones), "weights": weights}
