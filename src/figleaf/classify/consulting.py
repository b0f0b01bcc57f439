"""Any source, looked at for a model; lists are asked of its bytes before, of its looks after."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figleaf.classify.lists import Listing, Lists
from figleaf.classify.looking import Looked, Recipe, shown
from figleaf.classify.source import Channels, Source, pixels_of, read_bytes
from figleaf.images import Limits
from figleaf.images.decode import WHITE
from figleaf.images.phash import pdq

Look = Callable[[bytes], Looked]
"""`looking.look` but for the bytes, here or in a worker process."""


@dataclass(frozen=True, slots=True)
class Consulting:
    """Looks at any source, unless a list says what becomes of it.

    Attributes:
        lists: what is asked; None for nothing. Pixels without a file, Pillow images and arrays,
            have PDQ alone.
        look: how the bytes of files are looked at.
        recipe: what `look` does.
        limits: how many bytes and pixels are too many.
    """

    lists: Lists | None
    look: Look
    recipe: Recipe
    limits: Limits

    def looked(self, source: Source, channels: Channels = "RGB") -> Looked | Listing:
        """What a model is shown of a source, or what a list says of it.

        Raises:
            ImageError: it is not on a list of bytes, and cannot be read or is no usable image.
            InputError: it is of a type, dtype or shape that no source has.
        """
        if isinstance(source, Image.Image | np.ndarray):
            return self._of_pixels(source, channels)
        data = read_bytes(source, self.limits)
        if self.lists is None:
            return self.look(data)
        # No more is read than that, and a part of a file is not the file that is listed.
        self.limits.check_bytes(len(data))
        listing = self.lists.of_bytes(data)
        if listing:
            return listing
        found = self.look(data)
        return (found.listed(self.lists) if self.recipe.with_pdq else None) or found

    def prepared(self, source: Source, channels: Channels = "RGB") -> Looked:
        """The same without a look at the lists.

        Raises:
            ImageError, InputError: as `looked`.
        """
        if isinstance(source, Image.Image | np.ndarray):
            return self._shown(self._pixels(source, channels))
        return self.look(read_bytes(source, self.limits))

    def _of_pixels(
        self, source: Image.Image | NDArray[np.uint8], channels: Channels
    ) -> Looked | Listing:
        pixels = self._pixels(source, channels)
        if self.lists is None or not self.recipe.with_pdq:
            return self._shown(pixels)
        over_white = pixels
        if self._background != WHITE:  # as lists are made
            over_white = pixels_of(source, limits=self.limits, channels=channels, background=WHITE)
        return self.lists.of_pictures([pdq(over_white)]) or self._shown(pixels)

    def _pixels(
        self, source: Image.Image | NDArray[np.uint8], channels: Channels
    ) -> NDArray[np.uint8]:
        return pixels_of(source, limits=self.limits, channels=channels, background=self._background)

    def _shown(self, pixels: NDArray[np.uint8]) -> Looked:
        return shown(pixels, pixels.shape[:2], self.recipe)

    @property
    def _background(self) -> tuple[int, int, int]:
        return self.recipe.inputs[0].background
