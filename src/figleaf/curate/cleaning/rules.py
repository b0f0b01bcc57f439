"""What cleaning sets aside, as a value: every rule can be tuned, and switched off."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from figleaf.dataset.quarantine import Quarantine
from figleaf.errors import InputError
from figleaf.images.phash import MATCH_DISTANCE, MIN_QUALITY

RULES = (
    Quarantine.BROKEN,
    Quarantine.PLACEHOLDER,
    Quarantine.TOO_SMALL,
    Quarantine.TOO_LARGE,
    Quarantine.ASPECT_RATIO,
    Quarantine.SINGLE_COLOUR,
    Quarantine.LABEL_CONFLICT,
    Quarantine.DUPLICATE,
)
"""The rules, in their order: the first that holds of an image is its reason."""

_MOST_DISTANCE = 64
"""A quarter of the bits: beyond it, any two pictures are as likely to match."""


@dataclass(frozen=True, slots=True)
class CleanRules:
    """What is set aside, and where the limits are.

    ::

        rules = CleanRules(min_side=224, off=["aspect_ratio"])
        figleaf.clean("my-data", rules=rules)

    Attributes:
        off: rules that do not hold: of "broken", "placeholder", "too_small", "too_large",
            "aspect_ratio", "single_colour", "label_conflict", "duplicate".
        min_side: of the shorter side, in pixels.
        min_bytes: the smallest file.
        max_pixels: width times height.
        max_bytes: the largest file.
        max_aspect: of the longer side to the shorter.
        min_spread: the standard deviation, over the picture, of the channel that has most of it, on
            a scale of 255; a picture of one colour has 0, with the noise of a JPEG up to 2.
        placeholder_sizes: (width, height) of pictures that hosts are known to send for others.
        placeholder_urls: a picture that one host gave under so many URLs is a placeholder.
        placeholders: a file of hashes of more of them, in the forms of a blocklist.
        distance: near duplicates are at most so many bits of PDQ apart, 0..64.
        min_quality: pictures with less PDQ quality, 0..100, are not compared.
        mirrored: whether mirror images count as duplicates.

    Raises:
        InputError: an unknown rule, or a limit that makes no sense.
    """

    off: tuple[str, ...] = ()
    min_side: int = 64
    min_bytes: int = 1
    max_pixels: int = 100_000_000
    max_bytes: int = 64 * 2**20
    max_aspect: float = 5.0
    min_spread: float = 3.0
    placeholder_sizes: tuple[tuple[int, int], ...] = ((161, 81),)
    placeholder_urls: int = 5
    placeholders: Path | None = None
    distance: int = MATCH_DISTANCE
    min_quality: int = MIN_QUALITY
    mirrored: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if isinstance(self.off, str):
            raise InputError(f"off={self.off!r}: give a list of rules, [{self.off!r}]")
        object.__setattr__(self, "off", tuple(sorted(set(map(str, self.off)))))
        for name in self.off:
            if name not in RULES:
                raise InputError(f"no rule {name!r}: they are {', '.join(RULES)}")
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise InputError(f"{name} must be {_range(least, most)}, not {value}")
        for size in self.placeholder_sizes:
            if len(size) != 2 or min(size) < 1:
                raise InputError(f"placeholder_sizes: {size!r} is no width and height")

    def holds(self, rule: Quarantine) -> bool:
        """Whether a rule is on."""
        return rule not in self.off

    def as_dict(self) -> dict[str, Any]:
        """For the ledger's runs, in JSON's types; the file of hashes is known by its hash."""
        return {name: value for name, value in asdict(self).items() if name != "placeholders"}


_RANGES: dict[str, tuple[float, float]] = {
    "min_side": (1, 2**20),
    "min_bytes": (0, 2**40),
    "max_pixels": (1, 2**40),
    "max_bytes": (1, 2**40),
    "max_aspect": (1, 2**20),
    "min_spread": (0, 128),
    "placeholder_urls": (2, 2**31),
    "distance": (0, _MOST_DISTANCE),
    "min_quality": (0, 100),
}


def _range(least: float, most: float) -> str:
    return f"{least:g}..{most:g}" if most < 2**20 else f"at least {least:g}"
