"""The page of a server that cannot give the other one: it sends pictures to the server."""

from enum import StrEnum
from pathlib import Path

from figleaf._version import __version__
from figleaf.web.files import SiteFile, held
from figleaf.web.site import INDEX, build_of, json_of

_FOLDER = Path(__file__).with_name("fallback")
_FILES = ("index.html", "fallback.css", "fallback.js")


class Why(StrEnum):
    """Why there is no other page; the page has words for it."""

    ASSETS = "assets"
    """Its files are not installed."""
    PRIVATE = "private"
    """None of the models may be given out."""


def fallback_site(why: Why, server: str) -> dict[str, SiteFile]:
    """All files of a site without models, by name.

    Args:
        why: what the page says.
        server: the address that classifies, relative to the site.
    """
    files = [held(name, (_FOLDER / name).read_bytes()) for name in _FILES]
    index = {
        "version": __version__,
        "models": [],
        "policies": [],
        "default_policy": None,
        "server": server,
        "files": list(_FILES),
        "build": build_of(files),
        "reason": why,
    }
    return {file.name: file for file in (*files, held(INDEX, json_of(index)))}
