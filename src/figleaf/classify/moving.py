"""How moving pictures are judged: which frames are looked at, and what becomes of their scores."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from figleaf.errors import InputError
from figleaf.images import Limits
from figleaf.images.convert import Colour
from figleaf.images.decode import WHITE
from figleaf.images.stills import Still, stills

MOST_FRAMES = 1000
"""The most frames that can be asked for: prepared for a model they take a gigabyte."""

MAX, MEAN = "max", "mean"
_SHARE = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class FrameRules:
    """How moving pictures are judged: animations (GIF, WebP, APNG), and videos (extra `video`).

    Attributes:
        every: seconds between two frames that are looked at, at least; of a film of less than that
            the first and the last are.
        most: frames that are looked at, 1 to `MOST_FRAMES`. Longer films are looked at over their
            whole length all the same, with more seconds between two frames: a scene that falls
            between two goes unseen. 1 is the first frame alone.
        longest: seconds that a film may last; a longer one is UNSUPPORTED, so that the policy's
            word on what cannot be read decides. None: any length.
        verdict: "max": the worst frame decides; that is the one with the most severe decision and,
            among those, the highest unsafe score. "mean": the policy decides on the means of the
            frames' scores. "K/N", as in "1/4": so large a share of the frames must come to a
            decision, or to a worse one; the mildest of those is the result.

    Raises:
        InputError: a value is of another form or out of range.
    """

    every: float = 0.1
    most: int = 16
    longest: float | None = None
    verdict: str = MAX

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        _check_seconds("every", self.every)
        if self.longest is not None:
            _check_seconds("longest", self.longest)
        if type(self.most) is not int or not 1 <= self.most <= MOST_FRAMES:
            raise InputError(
                f"frames must be a whole number from 1 to {MOST_FRAMES:,}, not {self.most!r}"
            )
        if self.verdict not in (MAX, MEAN):
            _share(self.verdict)

    def rank(self, count: int) -> int:
        """Which of `count` frames decides, from 1 for the worst; never called for "mean"."""
        if self.verdict == MAX:
            return 1
        return max(1, math.ceil(count * _share(self.verdict)))


def _share(text: str) -> Fraction:
    match = _SHARE.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[1]) > int(match[2]):
        raise InputError(
            f"verdict must be max, mean or a share of the frames such as 1/4, not {text!r}"
        )
    return Fraction(int(match[1]), int(match[2]))


def _check_seconds(name: str, value: float) -> None:
    if type(value) not in (int, float) or not 0 < value < math.inf:
        raise InputError(f"{name} must be a number of seconds above zero, not {value!r}")


def stills_of(
    data: bytes,
    rules: FrameRules,
    *,
    limits: Limits = Limits(),  # noqa: B008  # frozen, and shown as it is in the documentation
    background: Colour = WHITE,
) -> Iterator[Still]:
    """The frames of a moving picture that are looked at. See `figleaf.images.stills.stills`.

    Args:
        data: a file's bytes, of which `figleaf.images.stills.is_film` says that they move.
        rules: which frames.
        limits: how many bytes and pixels are too many.
        background: RGB, 0..255, that transparent pixels of an animation are laid over.

    Raises:
        ImageError: as `stills`.
    """
    return stills(
        data,
        every=rules.every,
        most=rules.most,
        longest=rules.longest,
        limits=limits,
        background=background,
    )
