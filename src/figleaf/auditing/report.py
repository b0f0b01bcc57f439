"""What an audit came to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


class _Row:
    """What is found of an image, or of two classes."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        return asdict(self)  # type: ignore[call-overload,no-any-return]  # all are dataclasses

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` has made."""
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Suspect(_Row):
    """An image whose label is likely wrong.

    Attributes:
        path: of its file.
        sha256: in hex.
        label: its class.
        suggested: the class that it rather is.
        part: of the split: "train", "validation" or "test".
        doubt: how much its label is doubted, 0..1: (1 - (p[label] - p[most likely other])) / 2.
            From .5 on the model takes it for another class.
        given: the probability of its class, 0..1.
        chance: the probability of the suggested one, 0..1.
        listed: whether confident learning finds the label wrong; else the model is only unsure.
        relabelled: whether the image has the suggested class now.
    """

    path: str
    sha256: str
    label: str
    suggested: str
    part: str
    doubt: float
    given: float
    chance: float
    listed: bool
    relabelled: bool = False


@dataclass(frozen=True, slots=True)
class Outlier(_Row):
    """An image that is far from every class.

    Attributes:
        path: of its file.
        sha256: in hex.
        label: its class.
        part: of the split.
        distance: how far it lies from where images usually lie, in robust standard deviations.
        nearest: the class that it is least far from.
    """

    path: str
    sha256: str
    label: str
    part: str
    distance: float
    nearest: str


@dataclass(frozen=True, slots=True)
class Overlap(_Row):
    """Two classes, and how well the model tells them apart.

    Attributes:
        one: a class.
        other: another, behind it in the order of names.
        auc: Hand and Till's A of the two, 0..1: how often an image of the one is taken for the one
            rather than an image of the other is; .5 by chance.
        images: how many images of either class are of the other, as the confident joint estimates.
    """

    one: str
    other: str
    auc: float
    images: int


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit came to.

    Attributes:
        backbone: whose features it judged by.
        precision: that they were computed in.
        images: that were judged.
        unreadable: images whose files cannot be read any more.
        left_out: images in use that are of no part, or of a class that train has not.
        classes: in the order of `joint`.
        estimated: label errors in all, as the confident joint estimates.
        joint: estimated images by the class that they are of (rows) and that they have (columns).
        accuracy: of the judgements by images that the judge had not seen, 0..1.
        temperature: that calibrated them.
        l2: the penalty of the heads that judged.
        suspects: the most doubtful first: all that are listed, and besides the most doubtful ones.
        outliers: images far from every class, the farthest first.
        overlaps: classes that the model can't tell apart, the worst first.
        hardest: the two classes that it tells apart worst, whether it can or not; None where no two
            have images.
        apply: the doubt from which on images were relabelled; None where none was to be.
        applied: how many were.
        standing: how many images have a class that an audit gave them, this one or one before.
        settled: how many suspects were left alone since a person has labelled them.
        data_hash: SHA-256 of every image's hash, class and part, as they were judged.
        split: the split's fingerprint.
        versions: of what it was done with.
        spared: classes whose images were not relabelled, as train would have none of them left.
    """

    backbone: str
    precision: str
    images: int
    unreadable: int
    left_out: int
    classes: tuple[str, ...]
    estimated: int
    joint: tuple[tuple[int, ...], ...]
    accuracy: float
    temperature: float
    l2: float
    suspects: tuple[Suspect, ...]
    outliers: tuple[Outlier, ...]
    overlaps: tuple[Overlap, ...]
    hardest: Overlap | None
    apply: float | None
    applied: int
    settled: int
    data_hash: str
    split: str
    versions: Mapping[str, str]
    spared: tuple[str, ...] = ()
    standing: int = 0

    @property
    def listed(self) -> int:
        """How many labels confident learning finds wrong."""
        return sum(one.listed for one in self.suspects)

    def to_dict(self) -> dict[str, Any]:
        """All of it, in JSON's types."""
        return asdict(self) | {
            "classes": list(self.classes),
            "joint": [list(row) for row in self.joint],
            "suspects": [one.to_dict() for one in self.suspects],
            "outliers": [one.to_dict() for one in self.outliers],
            "overlaps": [one.to_dict() for one in self.overlaps],
            "versions": dict(self.versions),
            "spared": list(self.spared),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `to_dict` has made, also by way of JSON."""
        hardest = values["hardest"]
        return cls(
            **{
                **values,
                "classes": tuple(values["classes"]),
                "joint": tuple(map(tuple, values["joint"])),
                "suspects": tuple(map(Suspect.from_dict, values["suspects"])),
                "outliers": tuple(map(Outlier.from_dict, values["outliers"])),
                "overlaps": tuple(map(Overlap.from_dict, values["overlaps"])),
                "spared": tuple(values.get("spared", ())),
                "hardest": None if hardest is None else Overlap.from_dict(hardest),
            }
        )
