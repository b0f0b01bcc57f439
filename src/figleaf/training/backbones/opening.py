"""Backbones by what the user calls them."""

from collections import Counter
from pathlib import Path

from figleaf.errors import InputError, MissingExtraError, ModelError
from figleaf.models.bundle import embedded
from figleaf.training.backbones.backbone import Backbone
from figleaf.training.backbones.embedded import EMBEDDED, bundle_backbone
from figleaf.training.backbones.onnx_file import onnx_backbone

_JOINT = "+"
_DESCRIPTION = ".toml"


def open_backbones(
    names: str, *, weights: str | None = None, sha256: str | None = None, download: bool = False
) -> tuple[Backbone, ...]:
    """The backbones of which a model is made, in the order in which they are named.

    Args:
        names: one, or several joined by "+": an embedded model's name, a bundle's folder, a TOML
            file that describes an ONNX graph, "resnet50", or a name that timm knows.
        weights: a file of the weights, for the last two.
        sha256: of that file.
        download: let timm download the weights.

    Raises:
        ModelError, MissingExtraError, InputError: see figleaf.errors.
    """
    parts = split_names(names)
    found = tuple(_open(part, weights=weights, sha256=sha256, download=download) for part in parts)
    if (weights or download) and all(not is_net(part) for part in parts):
        raise InputError(f"{names} comes with its weights: those of a file are for other nets")
    twice = [name for name, count in Counter(one.name for one in found).items() if count > 1]
    if twice:
        raise InputError(f"{names}: {twice[0]} is named twice")
    if len({one.input.background for one in found}) > 1:
        raise ModelError(f"{names}: they want other colours under transparent pixels")
    return found


def split_names(names: str) -> list[str]:
    """The parts of "a+b"; a folder or file may have a plus sign in its own name."""
    return [names] if Path(names).exists() else names.split(_JOINT)


def is_net(name: str) -> bool:
    """Whether it is an architecture, whose weights come from elsewhere."""
    return not (name in embedded() or Path(name).is_dir() or name.endswith(_DESCRIPTION))


def _open(name: str, *, weights: str | None, sha256: str | None, download: bool) -> Backbone:
    if not name:
        raise InputError("a backbone without a name: write them as a+b")
    if name.endswith(_DESCRIPTION):
        return onnx_backbone(Path(name))
    if not is_net(name):
        return bundle_backbone(name)
    try:
        from figleaf.training.nets import as_backbone, open_net
    except MissingExtraError as error:
        known = ", ".join(EMBEDDED)
        what = f"{name!r}, which is no embedded model ({known}),"
        raise MissingExtraError("train", what) from error
    path = Path(weights) if weights else None
    return as_backbone(open_net(name, path, sha256, download=download))
