"""A part of a picture."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a picture, in its pixels, from its top left corner.

    `right` and `bottom` are where it ends: the whole of a picture is (0, 0, width, height).
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    def where(self, other: "Box", size: tuple[int, int]) -> "Box":
        """A part of another picture, of the size (height, width), where that one fills this box."""
        height, width = size
        along, down = self.width / width, self.height / height
        return Box(
            self.left + other.left * along,
            self.top + other.top * down,
            self.left + other.right * along,
            self.top + other.bottom * down,
        )
