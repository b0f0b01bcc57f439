"""What screening looks for, as a value."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from figleaf import labels
from figleaf.errors import InputError
from figleaf.models.bundle import DEFAULT_MODEL


@dataclass(frozen=True, slots=True)
class ScreenRules:
    """What screening looks for.

    ::

        rules = ScreenRules(quarantine=True, limit=500, same={"dress": "neutral"})
        figleaf.screen("my-data", rules=rules)

    Attributes:
        model: an embedded model's name or a bundle's folder. One with classes of figleaf's says
            which class an image is of, one without any classes how like its class it is.
        fast: bf16 and scaled decoding, where there are.
        safe_below: an image of an unsafe class is doubted where the model's unsafe score is so low.
        unsafe_above: an image of a safe class where it is so high.
        other_above: an image where another class, as safe, has so high a score.
        unlike_below: an image that is so many robust standard deviations less like its class than
            the middle of it; below 0.
        limit: how many images are doubted at most, the most doubtful ones; None for all.
        quarantine: set aside what is doubted; else it is listed for review alone.
        same: classes of one's own -> the class of figleaf's that their images are of.

    Raises:
        InputError: a score outside 0..1, deviations not below 0, a limit below 1, or no class of
            figleaf's in `same`.
    """

    model: str | Path = DEFAULT_MODEL
    fast: bool = False
    safe_below: float = 0.1
    unsafe_above: float = 0.9
    other_above: float = 0.9
    unlike_below: float = -2.5
    limit: int | None = None
    quarantine: bool = False
    same: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("safe_below", "unsafe_above", "other_above"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be a score, 0..1, not {getattr(self, name)}")
        if not self.unlike_below < 0:
            raise InputError(f"unlike_below must be below 0, not {self.unlike_below}")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit must be at least 1, not {self.limit}")
        for own, name in self.same.items():
            if labels.find(name) is None:
                known = ", ".join(labels.LABELS)
                raise InputError(f"same={own!r}: {name!r} is none of {known}")

    def as_dict(self) -> dict[str, Any]:
        """For the ledger's runs, in JSON's types."""
        values = asdict(self)
        return values | {"model": Path(self.model).name, "same": dict(self.same)}
