"""A site: the page's files, bundles, and the index that tells the page of them.

The index, `models/index.json`::

    {
      "version": "0.2.0",                      figleaf's
      "models": [{
        "name": ..., "tag": ..., "labels": [...], "description": ...,
        "url": "models/inception_v3/",         relative to the site
        "bytes": 22513317, "sha256": ...,      of model.onnx
        "policy": "balanced",                  that is used where nobody chose one
        "default": true,
        "computes": null,                      "int8" where the graph itself computes so
        "ensemble": {"rule": "mean", "members": ["a@1", "b@1"]},   null where it is none
        "imported": "OWNER/NAME"               or the kind of source; null where it was not
      }],
      "policies": [{
        "name": ..., "version": 1, "tag": ..., "description": ..., "unreadable": "review",
        "rules": [{"name": "unsafe", "classes": [...], "review": 0.5, "block": null}]
      }],
      "default_policy": "balanced",
      "server": "v1/classify",                 null where there is none to ask
      "files": ["figleaf/index.js", ...],      all of the site but the models and this index
      "build": "..."                           changes with any of these files
    }
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figleaf._version import __version__
from figleaf.classify.classifier import policy_for
from figleaf.classify.policy import Policy, Rule, load_policy, presets
from figleaf.errors import InputError, PageError, PolicyError
from figleaf.models.bundle import Bundle, find_bundle, members, open_bundle
from figleaf.models.card import Card
from figleaf.models.origin import Ensemble, Origin
from figleaf.web.files import SiteFile, held, lying

INDEX = "models/index.json"
_FOLDER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|index\.json", re.IGNORECASE)
_BUILD = 16  # hex digits of a hash


@dataclass(frozen=True, slots=True)
class SiteModel:
    """A bundle in a site.

    Attributes:
        card: the model's.
        folder: its name in `models/`.
        files: card.json and all that it names.
        policy: the name of the one that is used where nobody chose.
    """

    card: Card
    folder: str
    files: tuple[SiteFile, ...]
    policy: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What a site's page offers to choose from.

    Attributes:
        models: the first is the default.
        policies: that can be chosen.
        default_policy: the name of one.
        server: the address that classifies, relative to the site; None where there is none.
    """

    models: Sequence[SiteModel]
    policies: Sequence[Policy]
    default_policy: str
    server: str | None = None


def site(page: Sequence[SiteFile], offer: Offer) -> dict[str, SiteFile]:
    """All files of a site, by name.

    Args:
        page: the files that do not depend on the models.
        offer: what can be chosen.
    """
    index = held(INDEX, json_of(_index(page, offer)))
    bundles = (file for model in offer.models for file in model.files)
    return {file.name: file for file in (*page, *bundles, index)}


def site_model(
    source: Path | Bundle, card: Card, default: Policy | None, taken: Iterable[str] = ()
) -> SiteModel:
    """A bundle as a site has it: card and graph, byte for byte.

    Args:
        source: the bundle's folder; itself, where it is several models joined in memory.
        card: what its card.json said.
        default: the policy that was chosen for all models; None for what the card suggests.
        taken: names of folders that other models have.

    Raises:
        InputError: the model has no classes.
        PageError: the bundle has changed since its card was read.
        PolicyError: the policy has no threshold for the model's classes.
    """
    if not card.labels:
        raise InputError(f"{card.name} has no classes: it gives features, to train upon")
    inside = _folder_for(card, taken)
    if isinstance(source, Bundle):
        files = _of_memory(source, inside)
        is_same = source.card.raw == card.raw
    else:
        files, is_same = _of_folder(source, card, inside)
    found = dict(zip(card.sha256, (file.sha256 for file in files[1:]), strict=True))
    if not is_same or found != dict(card.sha256):
        what = card.name if isinstance(source, Bundle) else source
        raise PageError(f"{what}: the bundle has changed since it was loaded")
    return SiteModel(card, inside, tuple(files), policy_for(card, default).name)


def source_of(model: str | Path) -> Path | Bundle:
    """What `site_model` makes a site's model of: a folder, or several models as one.

    Raises:
        ModelError, InputError: as `models.bundle.open_bundle`.
    """
    return find_bundle(model) if len(members(model)) == 1 else open_bundle(model)


def _of_memory(bundle: Bundle, inside: str) -> list[SiteFile]:
    card = json.dumps(bundle.card.raw, indent=2, ensure_ascii=False) + "\n"
    return [
        held(f"models/{inside}/card.json", card.encode()),
        held(f"models/{inside}/model.onnx", bundle.graph),
    ]


def _of_folder(folder: Path, card: Card, inside: str) -> tuple[list[SiteFile], bool]:
    """The files, the card first, and whether the card is still the same."""
    try:
        text = (folder / "card.json").read_bytes()
        is_same = json.loads(text) == card.raw
    except (OSError, ValueError) as error:
        raise PageError(f"{folder}: the card cannot be read any more ({error})") from error
    files = [held(f"models/{inside}/card.json", text)]
    files += [lying(f"models/{inside}/{name}", folder / name) for name in card.sha256]
    return files, is_same


def _folder_for(card: Card, taken: Iterable[str]) -> str:
    """The model's name, where it can be a folder on every system and no other model has it."""
    others = {name.casefold() for name in taken}
    plain = _FOLDER.fullmatch(card.name) and not _RESERVED.fullmatch(card.name)
    if plain and card.name.casefold() not in others:
        return card.name
    return f"model-{hashlib.sha256(card.name.encode()).hexdigest()[:_BUILD]}"


def offered_policies(given: Sequence[str | Path]) -> list[Policy]:
    """The policies that can be chosen: those that were given, in their order, and the presets.

    Raises:
        PolicyError: one cannot be read, or two have one name.
    """
    policies = [load_policy(policy) for policy in given]
    names = [policy.name for policy in policies]
    if len(set(names)) < len(names):
        raise PolicyError(f"two policies have one name: {', '.join(names)}")
    return [*policies, *(load_policy(name) for name in presets() if name not in names)]


def build_of(page: Sequence[SiteFile]) -> str:
    """What changes with any of these files: a hash of their names and hashes."""
    hashes = "".join(f"{file.name} {file.sha256}\n" for file in page)
    return hashlib.sha256(hashes.encode()).hexdigest()[:_BUILD]


def json_of(value: Mapping[str, Any]) -> bytes:
    """An index as it is in its file."""
    return json.dumps(value, ensure_ascii=False).encode()


def _index(page: Sequence[SiteFile], offer: Offer) -> dict[str, Any]:
    return {
        "version": __version__,
        "models": [_model(model, default=number == 0) for number, model in enumerate(offer.models)],
        "policies": [_policy(policy) for policy in offer.policies],
        "default_policy": offer.default_policy,
        "server": offer.server,
        "files": [file.name for file in page],
        "build": build_of(page),
    }


def _model(model: SiteModel, *, default: bool) -> dict[str, Any]:
    card = model.card
    graph = next(file for file in model.files if file.name.endswith("/model.onnx"))
    return {
        "name": card.name,
        "tag": card.tag,
        "labels": list(card.labels),
        "description": card.description,
        "url": f"models/{model.folder}/",
        "bytes": graph.size,
        "sha256": graph.sha256,
        "policy": model.policy,
        "default": default,
        "computes": card.computes,
        "ensemble": _ensemble(card.ensemble),
        "imported": _origin(card.imported),
    }


def _ensemble(ensemble: Ensemble | None) -> dict[str, Any] | None:
    if ensemble is None:
        return None
    members = [f"{member.name}@{member.version}" for member in ensemble.members]
    return {"rule": ensemble.rule, "members": members}


_SOURCES = {"huggingface": "Hugging Face", "tfjs": "TensorFlow.js"}


def _origin(origin: Origin | None) -> str | None:
    if origin is None:
        return None
    return origin.repository or _SOURCES.get(origin.source, origin.source)


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "version": policy.version,
        "tag": policy.tag,
        "description": policy.description,
        "unreadable": policy.unreadable,
        "rules": [_rule(rule) for rule in policy.rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "classes": sorted(rule.classes),
        "review": rule.review,
        "block": rule.block,
    }
