"""Backbones as torch modules, for fine-tuning and for weights that come as torch state dicts.

Raises:
    MissingExtraError: when this is imported without torch.
"""

from figleaf.errors import MissingExtraError

try:
    import torch  # noqa: F401  # first, so that its absence is told in our words
except ImportError as error:
    raise MissingExtraError("train", "fine-tuning") from error

from figleaf.training.nets.net import Facts, Net
from figleaf.training.nets.opening import as_backbone, open_net

__all__ = ["Facts", "Net", "as_backbone", "open_net"]
