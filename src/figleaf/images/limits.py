"""What one image may cost."""

from dataclasses import dataclass

from figleaf.errors import ImageError, InputError, Status


@dataclass(frozen=True, slots=True)
class Limits:
    """What one image may cost; checked before any memory for pixels is taken.

    Attributes:
        max_bytes: the largest file, in bytes.
        max_pixels: the most pixels, width times height as stored. Decoding takes at its peak, in
            bytes a pixel and besides the file: JPEG 3 to 6 (CMYK 7), PNG, TIFF, BMP and GIF 4 to
            7, AVIF 9 to 12, WebP 16. So the default, 2**27 (134 million), may take 1 GB, for an
            AVIF 1.6 GB, for a WebP 2.2 GB. It admits 102-megapixel cameras. Phones and backs of
            150 and 200 megapixels need more: raise it where memory allows. A server lowers it.
            Above 178,956,970 Pillow's own check also refuses some WebP, GIF and TIFF files, unless
            the application raises `PIL.Image.MAX_IMAGE_PIXELS`, which figleaf never touches.

    Raises:
        InputError: a limit below 1.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 2**27

    def __post_init__(self) -> None:
        """Refuse limits that would refuse everything."""
        for name in ("max_bytes", "max_pixels"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")

    def check_bytes(self, count: int) -> None:
        """Raise ImageError: EMPTY for no bytes, TOO_MANY_BYTES over the limit."""
        if count == 0:
            raise ImageError(Status.EMPTY, "no bytes")
        if count > self.max_bytes:
            reason = f"{count:,} bytes, over the limit of {self.max_bytes:,} (max_bytes)"
            raise ImageError(Status.TOO_MANY_BYTES, reason)

    def check_pixels(self, width: int, height: int) -> None:
        """Raise ImageError: CORRUPT for no pixels, TOO_MANY_PIXELS over the limit."""
        if width < 1 or height < 1:
            raise ImageError(Status.CORRUPT, f"a picture of {width}x{height} has no pixels")
        if width * height > self.max_pixels:
            count = f"{width}x{height} is {width * height:,} pixels"
            reason = f"{count}, over the limit of {self.max_pixels:,} (max_pixels)"
            raise ImageError(Status.TOO_MANY_PIXELS, reason)
