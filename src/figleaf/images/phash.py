"""PDQ, the perceptual hash of ThreatExchange, in NumPy.

The algorithm is described in "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing
algorithm" (Facebook, 2019) and defined by ThreatExchange's C++ code (pdq/cpp), which this follows
without its order of work. There, two passes of running means along rows and columns blur the
picture, and 64x64 samples of the result are kept. All that is linear and separable, so that here
each sample is a weighted sum, with the weights of both passes, and nothing else is computed. The
weights are whole numbers but at the borders: sums are exact, and the same on every machine.

The reference's running sums are float32, and some millionths off the true ones. So a coefficient
that lies at the median may fall on the other side, and has not yet in any photo that was compared.
Where many coefficients are zero in truth (of a picture that changes along one axis only, or is its
own mirror image), their bits are the noise of that rounding, and differ from the reference's
wherever its sums are not exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import InputError

MATCH_DISTANCE = 31
"""Hashes at most this far apart are those of the same picture, as ThreatExchange advises."""

MIN_QUALITY = 50
"""Hashes of less quality are too vague to be compared, as ThreatExchange advises."""

_BYTES = 32
_SIDE = 64
"""Of the picture in small."""
_FREQUENCIES = 16
_LEAST_SIDE = 5
"""Below it the reference gives zeros."""
_LUMA = (0.299, 0.587, 0.114)
"""Of red, green and blue: ITU-R BT.601."""
_MAX_RATIO = 8
_EXACT_FLOAT32 = 2**24
"""Whole numbers up to it are exact in float32."""


@dataclass(frozen=True, slots=True)
class PDQ:
    """The hash of one picture.

    Attributes:
        bits: 32 bytes, in the order in which ThreatExchange prints them.
        quality: 0..100, how much there is to tell the picture from others by: the sum of the
            gradients. Below `MIN_QUALITY` the hash says little.
    """

    bits: bytes
    quality: int

    @property
    def hex(self) -> str:
        """64 digits, as ThreatExchange writes it."""
        return self.bits.hex()


def pdq(pixels: NDArray[np.uint8]) -> PDQ:
    """Compute the PDQ hash of a picture.

    It is that of `pdqhash.compute`: the picture is not scaled down first, however large it is (the
    command-line tool pdq-photo-hasher does, to 512x512). Below 5 pixels in height or width it is
    all zeros, with quality 0. Any thread may call it; it starts none.

    Args:
        pixels: uint8 RGB of shape (height, width, 3).

    Raises:
        InputError: another dtype or shape, or no pixels.
    """
    _check_pixels(pixels)
    if min(pixels.shape[:2]) < _LEAST_SIDE:
        return PDQ(bytes(_BYTES), 0)
    return _hashed(_shrink(pixels))


@dataclass(frozen=True, slots=True)
class MirrorPair:
    """The hash of a picture, and that of its mirror image (left and right exchanged)."""

    upright: PDQ
    mirrored: PDQ


def pdq_and_mirrored(pixels: NDArray[np.uint8]) -> MirrorPair:
    """Compute the PDQ hashes of a picture and of its mirror image, in little more than one's time.

    They are what `pdq` gives of the pixels and of the mirrored pixels. The reference's dihedral
    hashes, which only change signs of the spectrum, are 12 bits off on average and up to 38, for
    the 64 samples of a row do not lie symmetrically.

    Args:
        pixels: as for `pdq`.

    Raises:
        InputError: as for `pdq`.
    """
    _check_pixels(pixels)
    height, width = pixels.shape[:2]
    if min(height, width) < _LEAST_SIDE or width > _MAX_RATIO * height:
        return MirrorPair(pdq(pixels), pdq(pixels[:, ::-1]))
    rows, which = _shrink_height(pixels)
    return MirrorPair(
        _hashed(_shrink_rows(rows)[which]), _hashed(_shrink_rows(rows[:, ::-1])[which])
    )


def distance(a: bytes, b: bytes) -> int:
    """Count the bits in which two hashes differ: 0..256.

    Raises:
        InputError: not 32 bytes each.
    """
    _check_hash(a)
    _check_hash(b)
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def distances(hash_: bytes, many: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Count the bits in which a hash differs from each of many.

    Args:
        hash_: 32 bytes.
        many: uint8 of shape (n, 32), a hash a row.

    Returns:
        Shape (n,), each 0..256.

    Raises:
        InputError: another length, shape or dtype.
    """
    _check_hash(hash_)
    if many.dtype != np.uint8 or many.ndim != 2 or many.shape[1] != _BYTES:
        raise InputError(
            f"hashes must be uint8 of shape (n, {_BYTES}), not {many.dtype} of {many.shape}"
        )
    one = np.frombuffer(hash_, np.uint64)
    differences = np.ascontiguousarray(many).view(np.uint64) ^ one
    counts: NDArray[np.intp] = count_bits(differences).sum(axis=1, dtype=np.intp)
    return counts


def _check_pixels(pixels: NDArray[np.uint8]) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InputError(
            "PDQ takes uint8 RGB of shape (height, width, 3), "
            f"not {pixels.dtype} of {pixels.shape}; figleaf.images.from_array converts"
        )


def _check_hash(hash_: bytes) -> None:
    if len(hash_) != _BYTES:
        raise InputError(f"a PDQ hash has {_BYTES} bytes, not {len(hash_)}")


@dataclass(frozen=True, slots=True)
class _Window:
    """What one sample is made of: `weights` from `start` on, over `divisor`."""

    start: int
    weights: NDArray[Any]
    divisor: int

    @property
    def stop(self) -> int:
        return self.start + len(self.weights)


@dataclass(frozen=True, slots=True)
class _Blur:
    """Two running means over `length` numbers in a row (Jarosz filters: together a tent).

    The mean at a place takes what is `before` places ahead of it up to `after` behind it; at the
    borders, what there is of them.
    """

    length: int
    size: int
    """How many numbers a mean takes: half a sample's share of the length, rounded up."""

    @classmethod
    def over(cls, length: int) -> "_Blur":
        return cls(length, -(-length // (2 * _SIDE)))

    @property
    def before(self) -> int:
        return (self.size - 1) // 2

    @property
    def after(self) -> int:
        return self.size // 2

    def windows(self) -> tuple[list[_Window], NDArray[np.intp]]:
        """The windows that differ, and for each of the 64 samples which one it has."""
        middles = ((np.arange(_SIDE) + 0.5) * self.length / _SIDE).astype(int)
        distinct, which = np.unique(middles, return_inverse=True)
        # Whole numbers: 1, 2 ... size ... 2, 1.
        tent = np.convolve(np.ones(self.size), np.ones(self.size))
        if self.size**2 * 255 <= _EXACT_FLOAT32:
            tent = tent.astype(np.float32)
        return [self._window(middle, tent) for middle in distinct.tolist()], which

    def _window(self, middle: int, tent: NDArray[Any]) -> _Window:
        start = middle - 2 * self.before
        if start >= 0 and start + len(tent) <= self.length:
            return _Window(start, tent, self.size**2)
        return self._window_at_border(middle)

    def _window_at_border(self, middle: int) -> _Window:
        weights = np.zeros(self.length)
        first, stop = self._reach(middle)
        for place in range(first, stop):
            inner, outer = self._reach(place)
            weights[inner:outer] += 1 / (outer - inner) / (stop - first)
        start, stop = self._reach(first)[0], self._reach(stop - 1)[1]
        return _Window(start, weights[start:stop], 1)

    def _reach(self, place: int) -> tuple[int, int]:
        return max(place - self.before, 0), min(place + self.after + 1, self.length)


def _hashed(shrunk: NDArray[np.float64]) -> PDQ:
    """The hash of a picture that was blurred and sampled: (64, 64, 3)."""
    red, green, blue = np.moveaxis(shrunk, 2, 0)
    luma = red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]
    small = luma.astype(np.float32)  # what the reference works with
    return PDQ(_bits(small), _quality(small))


def _shrink(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Blur and sample: (height, width, 3) to (64, 64, 3)."""
    height, width = pixels.shape[:2]
    if width > _MAX_RATIO * height:  # the longer side first, so that little memory is taken
        return _shrink(pixels.transpose(1, 0, 2)).transpose(1, 0, 2)
    rows, which = _shrink_height(pixels)
    return _shrink_rows(rows)[which]


def _shrink_height(
    pixels: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Blur and sample along the first axis: the rows that differ, and which of them each is."""
    height, width = pixels.shape[:2]
    windows, which = _Blur.over(height).windows()
    rows = np.empty((len(windows), width, 3))
    for row, window in zip(rows, windows, strict=True):
        block = pixels[window.start : window.stop].astype(window.weights.dtype)
        # Not a matrix product: that is no faster here, and may start threads.
        flat = block.reshape(len(block), -1)
        row[:] = np.einsum("k,kn->n", window.weights, flat).reshape(width, 3)
        row /= window.divisor
    return rows, which


def _shrink_rows(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blur and sample along the second axis alone: (n, width, 3) to (n, 64, 3)."""
    windows, which = _Blur.over(rows.shape[1]).windows()
    columns = [
        np.einsum("k,nkc->nc", window.weights, rows[:, window.start : window.stop]) / window.divisor
        for window in windows
    ]
    return np.stack(columns, axis=1)[:, which]


def _quality(small: NDArray[np.float32]) -> int:
    """Add up the differences of neighbours, in whole per cent of white; those below do not count.

    In float32, as the reference has it: many differences lie at a whole per cent exactly.
    """
    white, whole = np.float32(255), np.float32(100)
    total = 0
    for axis in (0, 1):
        per_cent = np.diff(small, axis=axis) * whole / white
        total += int(np.abs(np.trunc(per_cent)).sum())
    return min(total // 90, 100)


def _bits(small: NDArray[np.float32]) -> bytes:
    """Which of 16x16 frequencies, the constant ones left out, lie above their lower median."""
    cosines = _cosines()
    spectrum = _product(_product(cosines, small), cosines.T).ravel()
    median = np.sort(spectrum)[spectrum.size // 2 - 1]
    # The first frequency is the last bit.
    return np.packbits((spectrum > median)[::-1]).tobytes()


def _cosines() -> NDArray[np.float32]:
    """Rows 1 to 16 of the discrete cosine transform (DCT-II) of 64 numbers: (16, 64)."""
    frequencies = np.arange(1, _FREQUENCIES + 1)[:, None]
    places = 2 * np.arange(_SIDE) + 1
    cosines = np.cos(np.pi / (2 * _SIDE) * frequencies * places)
    matrix: NDArray[np.float32] = (np.float32(np.sqrt(2 / _SIDE)) * cosines).astype(np.float32)
    return matrix


def _product(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """A matrix product whose sums are made from first to last in float32, as the reference's are.

    Where coefficients are zero in truth, that is what decides their bits. Neither BLAS nor
    NumPy's own sums promise an order.
    """
    total = np.zeros((left.shape[0], right.shape[1]), np.float32)
    for column, row in zip(left.T, right, strict=True):
        total += column[:, None] * row
    return total


def _count_with_masks(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Count the bits of each uint64: halves of pairs, of fours, of bytes, then the bytes.

    Henry S. Warren, "Hacker's Delight", 5-1.
    """
    pairs, fours, bytes_, ones = (np.uint64(int(byte * 8, 16)) for byte in ("55", "33", "0f", "01"))
    one, two, four, last = (np.uint64(shift) for shift in (1, 2, 4, 56))
    counts = words - ((words >> one) & pairs)
    counts = (counts & fours) + ((counts >> two) & fours)
    counts = (counts + (counts >> four)) & bytes_
    sums: NDArray[np.uint64] = (counts * ones) >> last
    return sums


# NumPy 1.26 has none.
count_bits: Callable[[NDArray[np.uint64]], NDArray[Any]] = getattr(
    np, "bitwise_count", _count_with_masks
)
"""How many bits are set in each of many numbers: uint64 of any shape to whole numbers of it."""
