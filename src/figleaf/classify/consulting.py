"""Lists asked before the model is: of a file's bytes before decoding, of its looks afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from figleaf.classify.lists import Listing, Lists
from figleaf.classify.lists.hashing import Hashed, decode_hashed, parse_hashed
from figleaf.classify.source import Channels, Reader, Source, read_bytes
from figleaf.images import Limits, Picture, from_array, from_pil
from figleaf.images.convert import Colour
from figleaf.images.decode import WHITE
from figleaf.images.phash import pdq

HashedDecode = Callable[[bytes], Any]
"""`decode_hashed` but for the bytes, here or in an isolated pool."""


def hashed_decoder_for(lists: Lists, limits: Limits, background: Colour) -> HashedDecode:
    """How files are decoded where a PDQ hash is listed: in full, as lists are made."""
    return partial(
        decode_hashed, limits=limits, background=background, with_further=lists.blocks_by_pdq
    )


@dataclass(frozen=True, slots=True)
class HashedDecoder:
    """Decodes bytes to a picture, or to a picture and its hashes, by one function for both."""

    decode: HashedDecode

    def __call__(self, data: bytes) -> Picture:
        """Decode; see `figleaf.images.decode`."""
        return self.hashed(data).picture

    def hashed(self, data: bytes) -> Hashed:
        """Decode and hash.

        Raises:
            ImageError: as `decode_hashed` and `parse_hashed`.
        """
        return parse_hashed(self.decode(data))


@dataclass(frozen=True, slots=True)
class Consulting:
    """Turns any source into pixels as a reader does, unless a list says what becomes of it.

    Attributes:
        lists: what is asked. Pixels without a file, Pillow images and arrays, have PDQ alone.
        reader: how sources are read.
        hashed: how files are decoded where a PDQ hash is listed.
    """

    lists: Lists
    reader: Reader
    hashed: HashedDecoder | None

    def pixels(self, source: Source, channels: Channels = "RGB") -> NDArray[np.uint8] | Listing:
        """The picture of a source, uint8 RGB of shape (height, width, 3), or what a list says.

        Raises:
            ImageError: it is not on a list of bytes, and cannot be read or is no usable image.
            InputError: it is of a type, dtype or shape that no source has.
        """
        if isinstance(source, Image.Image | np.ndarray):
            pixels = self.reader.pixels(source, channels)
            return self._of_pixels(source, channels, pixels) or pixels
        data = read_bytes(source, self.reader.limits)
        # No more is read than that, and a part of a file is not the file that is listed.
        self.reader.limits.check_bytes(len(data))
        listing = self.lists.of_bytes(data)
        if listing:
            return listing
        if self.hashed is None:
            return self.reader.decode(data).pixels
        found = self.hashed.hashed(data)
        return self.lists.of_pictures(found.hashes) or found.picture.pixels

    def _of_pixels(
        self, source: Image.Image | NDArray[np.uint8], channels: Channels, pixels: NDArray[np.uint8]
    ) -> Listing | None:
        if not self.lists.needs_pdq:
            return None
        if self.reader.background != WHITE:  # as lists are made: over white
            pixels = (
                from_pil(source, limits=self.reader.limits)
                if isinstance(source, Image.Image)
                else from_array(source, channels=channels)
            )
        return self.lists.of_pictures([pdq(pixels)])
