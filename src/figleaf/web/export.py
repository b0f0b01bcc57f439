"""`figleaf.export_web`: the page and some models as a folder that any web server can host."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figleaf.errors import InputError, PageError
from figleaf.export.staging import empty_target, staged
from figleaf.models.bundle import DEFAULT_MODEL, Bundle, open_bundle
from figleaf.models.card import Card
from figleaf.web.assets import Assets, find_assets
from figleaf.web.files import SiteFile, held, page_files
from figleaf.web.headers import headers_file
from figleaf.web.site import Offer, SiteModel, offered_policies, site, site_model, source_of

HEADERS_FILE = "_headers"


@dataclass(frozen=True, slots=True)
class WebModel:
    """A model of a site.

    Attributes:
        name: as its card has it.
        size: bytes that a browser downloads for it.
        policy: the name of the one that is used where nobody chose.
    """

    name: str
    size: int
    policy: str


@dataclass(frozen=True, slots=True)
class WebExport:
    """What was written.

    Attributes:
        folder: where the site lies.
        models: the first is the default.
        files: how many there are.
        size: their bytes.
    """

    folder: Path
    models: tuple[WebModel, ...]
    files: int
    size: int

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        models = [{"name": m.name, "size": m.size, "policy": m.policy} for m in self.models]
        return {
            "folder": str(self.folder),
            "models": models,
            "files": self.files,
            "size": self.size,
        }


def export_web(
    out: str | Path,
    models: str | Path | Sequence[str | Path] = DEFAULT_MODEL,
    *,
    policies: Sequence[str | Path] = (),
    assets: Assets | None = None,
) -> WebExport:
    """Write the page with models as a static site, which classifies in the browser alone.

    ::

        figleaf.export_web("site", ["inception_v3", "my-model"], policies=["my-policy.toml"])

    The folder takes its name at the end, when all of it is on the disk; until then, and after an
    error, nothing is there. The bundles are verified, and copied byte for byte: whoever can reach
    the site can download them.

    Args:
        out: the folder to make. It may exist if it is empty.
        models: an embedded model's name or a bundle's folder, or several; the first is the default.
        policies: presets' names or TOML files; the first is the default, and without one each model
            has what its card suggests. The presets can be chosen in any case.
        assets: where the page's files are; None for figleaf's own.

    Returns:
        what was written.

    Raises:
        InputError: a folder that is not empty, a model without classes, two models of one name.
        ModelError: a model cannot be found, or is damaged.
        PolicyError: a policy cannot be read, or has no threshold for a model's classes.
        PageError: figleaf was installed without its page.
        DatasetError: the folder cannot be written, or the disk is full.
    """
    target = empty_target(out)
    page = page_files(assets or find_assets())
    chosen = offered_policies(policies)
    default = chosen[0] if policies else None
    names = [models] if isinstance(models, (str, Path)) else list(models)
    found: list[SiteModel] = []
    for name in names:
        _add(found, site_model(*_verified(name), default, [one.folder for one in found]))
    if not found:
        raise InputError("a site needs a model: name one")
    offer = Offer(found, chosen, default.name if default else found[0].policy)
    files = list(site(page, offer).values())
    files.append(held(HEADERS_FILE, headers_file().encode()))
    size = sum(file.size for file in files)
    with staged(target) as folder:
        for file in files:
            _write(file, folder / file.name)
    return WebExport(target, tuple(map(_told, found)), len(files), size)


def _told(model: SiteModel) -> WebModel:
    return WebModel(model.card.name, sum(file.size for file in model.files), model.policy)


def _add(found: list[SiteModel], model: SiteModel) -> None:
    if any(model.card.name == other.card.name for other in found):
        raise InputError(f"two models are called {model.card.name}: give one another name")
    found.append(model)


def _verified(model: str | Path) -> tuple[Path | Bundle, Card]:
    """A bundle's folder, or itself without one, and its card, once its graph was looked at."""
    source = source_of(model)
    return source, source.card if isinstance(source, Bundle) else open_bundle(model).card


def _write(file: SiteFile, path: Path) -> None:
    """Copy a file into the site, and see that it is the one that was verified."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as target:
        for piece in file.pieces():
            digest.update(piece)
            target.write(piece)
    if digest.hexdigest() != file.sha256:
        raise PageError(f"{file.name}: it has changed while it was copied; begin again")
