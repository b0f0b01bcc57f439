"""Repositories of the Hugging Face Hub: one commit of one, and only the files that are needed.

The only place where an import reaches for a network. `huggingface_hub` does it, so that
HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and proxies mean what they always do; its telemetry is off.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from figleaf._version import __version__
from figleaf.errors import ImportModelError, MissingExtraError, first_line
from figleaf.importing.huggingface.layout import INDEX, Layout, belonging, choose, shards
from figleaf.importing.huggingface.reading import Repository

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo

PREFIX = "hf:"

_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was downloaded: from where, and each file's name and size in bytes."""

    repository: Repository
    files: tuple[tuple[str, int], ...]

    def notes(self) -> tuple[str, ...]:
        """The same, a line each."""
        whole = f"repository: {self.repository.name} at {self.repository.revision}"
        return (whole, *(f"downloaded: {name}, {size:,} bytes" for name, size in self.files))


def parse_source(text: str, revision: str | None = None) -> tuple[str, str | None]:
    """Repository and revision of "hf:OWNER/NAME@REVISION".

    Args:
        text: that.
        revision: what was given apart from it.

    Raises:
        ImportModelError: it is not written so, or there are two revisions.
    """
    name, at, inner = text.removeprefix(PREFIX).partition("@")
    if not _NAME.fullmatch(name) or (at and not inner):
        raise ImportModelError(f"{text}: write hf:OWNER/NAME, or hf:OWNER/NAME@REVISION")
    if inner and revision and inner != revision:
        raise ImportModelError(f"{text}: --revision {revision} says another one")
    return name, inner or revision


def fetch(
    name: str,
    folder: Path,
    *,
    revision: str | None = None,
    onnx: str | None = None,
    endpoint: str | None = None,
) -> Fetched:
    """Download what is needed of a repository.

    Args:
        name: "owner/name".
        folder: where the files go.
        revision: a branch, a tag or a commit; by default the main branch. What it stands for now is
            looked up once, and everything is of that commit.
        onnx: the graph to take, where there are several.
        endpoint: of the hub; by default HF_ENDPOINT, or the public one.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        ImportModelError: there is no such repository or revision, it is not open to you, it has no
            model that can be taken, or the hub cannot be reached; or a file is not what the hub
            says it is.
    """
    api = _api(endpoint)
    with _in_our_words(name, revision):
        info = api.model_info(name, revision=revision, files_metadata=True, timeout=_SECONDS)
    commit = info.sha or ""
    if not _COMMIT.fullmatch(commit):
        raise ImportModelError(f"{name}: the hub names no commit for {revision or 'its branch'}")
    if revision and _COMMIT.fullmatch(revision) and revision != commit:
        raise ImportModelError(f"{name}: asked for the commit {revision}, the hub gives {commit}")
    hashes = _hashes(info)
    chosen = choose(hashes, onnx)
    found: list[tuple[str, int]] = []

    def get(file: str) -> None:
        if file not in hashes:
            raise ImportModelError(f"{name}: has no {file}")
        with _in_our_words(name, commit):
            path = Path(api.hf_hub_download(name, file, revision=commit, local_dir=folder))
        _check(path, file, hashes[file])
        found.append((file, path.stat().st_size))

    for file in belonging(hashes, chosen):
        get(file)
        if file == INDEX:
            for shard in shards(Layout(folder).read_json(INDEX)):
                get(shard)
    return Fetched(Repository(name, commit), tuple(found))


def _api(endpoint: str | None) -> "HfApi":
    # Read when the library is imported: it would tell the hub which others are installed here.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise MissingExtraError("hub", "a model of the Hugging Face Hub") from error
    return HfApi(endpoint=endpoint, library_name="figleaf", library_version=__version__)


def _hashes(info: "ModelInfo") -> dict[str, str | None]:
    """Every file of the commit, and the SHA-256 that the hub has of large ones."""
    files = info.siblings or []
    return {one.rfilename: one.lfs.sha256 if one.lfs else None for one in files}


def _check(path: Path, name: str, expected: str | None) -> None:
    if expected is None:
        return
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected:
        raise ImportModelError(
            f"{name}: SHA-256 is {actual}, the hub says {expected}: the download is damaged; import"
            " it again"
        )


@contextmanager
def _in_our_words(name: str, revision: str | None) -> Iterator[None]:
    """The hub's errors, as ours."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise ImportModelError(
            f"{name}: is gated: accept its terms on its page, make a token there, and set HF_TOKEN"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ImportModelError(f"{name}: has no revision {revision!r}") from error
    except errors.RepositoryNotFoundError as error:
        raise ImportModelError(
            f"{name}: the hub has no such model, or it is private: look at its page; for a private"
            " one set HF_TOKEN"
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise ImportModelError(
            f"{name}: HF_HUB_OFFLINE is set: import a folder that was downloaded before"
        ) from error
    except (errors.HFValidationError, ValueError) as error:
        raise ImportModelError(f"{name}: {first_line(error)}") from error
    except Exception as error:  # of the hub, the network and the disk, with no common base
        raise ImportModelError(
            f"{name}: the hub gives nothing ({first_line(error)}): download the files where there"
            " is a network, and import their folder"
        ) from error
