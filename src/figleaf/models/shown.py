"""What of a picture a model is shown."""

from figleaf.images.box import Box
from figleaf.models.card import Fit, Input


def shown_of(size: tuple[int, int], spec: Input) -> Box:
    """The part of a picture that becomes one input of a model, in the picture's pixels.

    Args:
        size: the picture's height and width.
        spec: the input; see `figleaf.models.preprocess.prepare`.
    """
    height, width = spec.resize if spec.fit is Fit.SQUASH else _kept_in_shape(size, spec.resize[0])
    top, left = (height - spec.size[0]) // 2, (width - spec.size[1]) // 2
    whole = Box(0, 0, size[1], size[0])
    return whole.where(Box(left, top, left + spec.size[1], top + spec.size[0]), (height, width))


def _kept_in_shape(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    height, width = size
    longer = int(shorter * max(size) / min(size))
    return (shorter, longer) if width > height else (longer, shorter)
