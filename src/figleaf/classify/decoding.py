"""How files are decoded for a model, in this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from figleaf.classify.source import Channels, Decoder, Reader, Source
from figleaf.errors import ImageError, Status
from figleaf.images import Limits, decode
from figleaf.models.card import Input
from figleaf.models.model import Model, Prepared


def prepared_for(
    model: Model, reader: Reader, source: Source, channels: Channels = "RGB"
) -> Prepared:
    """Read, decode and prepare one input for a model.

    Raises:
        ImageError: it cannot be read, is not a usable image, or needs more memory than there is.
        InputError: a source of another type, dtype or shape.
    """
    with memory_as_image_error():
        return model.prepare(reader.pixels(source, channels))


@contextmanager
def memory_as_image_error() -> Iterator[None]:
    """Say of an input that it takes more memory than there is, as of any that cannot be decoded."""
    try:
        yield
    except MemoryError:
        reason = "its pixels need more memory than there is"
        raise ImageError(Status.TOO_MANY_PIXELS, reason) from None


def decoder_for(
    model: Model, limits: Limits, *, scaled: bool, at_least: tuple[int, int] | None = None
) -> Decoder:
    """How files are decoded for a model.

    Args:
        model: the model; its card says what is under transparent pixels, and how large a picture is
            needed.
        limits: how many bytes and pixels are too many.
        scaled: decode large JPEGs at a fraction of their size.
        at_least: the height and width that is enough then; by default that of the model's inputs.
    """
    enough = at_least or enough_for(model.card.inputs)
    return partial(
        decode,
        limits=limits,
        background=model.card.background,
        at_least=enough if scaled else None,
    )


def enough_for(inputs: Sequence[Input]) -> tuple[int, int]:
    """The height and width that a picture needs at least for several inputs."""
    height, width = (max(spec.resize[axis] for spec in inputs) for axis in (0, 1))
    return height, width
