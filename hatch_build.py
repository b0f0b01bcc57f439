"""What a build adds to the Python files: the page of `web/`, and the runtime that it works with.

The page and the library are put into wheels as they lie in `web/`; a checkout that is installed
with `pip install -e .` reads them there. onnxruntime-web is got from npm, by version and hash, and
some files of it lie in `src/figleaf/web/static/ort` from then on; no script of the package is run.
Where it cannot be had, the build says so and goes on: figleaf works without its page.

`FIGLEAF_ORT_PACKAGE` may name an `onnxruntime-web-1.30.0.tgz` that is already there.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("src/figleaf/web/static")
_INSIDE = "figleaf/web/static"
"""The same folder, in a wheel."""
_STAMP = "package.json"
_NPM_SECONDS = 600


class RuntimePackageError(Exception):
    """The package cannot be had, or is not the one that was pinned."""


@dataclass(frozen=True)
class Pin:
    """A package of npm, and what is taken of it.

    Attributes:
        name, version: as npm has them.
        integrity: "sha512-" and the hash of the archive, in base 64: what the registry says of it.
        files: in its folder `dist`.
    """

    name: str
    version: str
    integrity: str
    files: tuple[str, ...]

    @property
    def stamp(self) -> str:
        """What says of a folder that it has all of this."""
        return json.dumps(
            {"name": self.name, "version": self.version, "integrity": self.integrity}, indent=2
        )


RUNTIME = Pin(
    "onnxruntime-web",
    "1.30.0",
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    (
        "ort.wasm.min.mjs",
        "ort.webgpu.min.mjs",
        "ort-wasm-simd-threaded.mjs",
        "ort-wasm-simd-threaded.wasm",
        "ort-wasm-simd-threaded.asyncify.mjs",
        "ort-wasm-simd-threaded.asyncify.wasm",
    ),
)


class PageHook(BuildHookInterface[Any]):
    """Hatchling's hook, for wheels, editable installs and source archives."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Get the runtime, and put the page into a wheel.

        Args:
            version: "standard", or "editable".
            build_data: hatchling's; what is to be included is added to it.
        """
        root = Path(self.root)
        try:
            put_runtime(root / STATIC / "ort", root / "web/ort/LICENSE", RUNTIME, fetch_package)
        except (RuntimePackageError, OSError) as error:
            self.app.display_warning(
                f"figleaf is built without its page, for {RUNTIME.name} is missing: {error}. "
                "Install npm (Node.js 20 or later) and build again."
            )
        if self.target_name == "wheel" and version == "standard":
            build_data["force_include"].update(page_files(root))


def page_files(root: Path) -> dict[str, str]:
    """Where the page's files and the library's lie, and where in a wheel: whole, or none of them.

    Args:
        root: the checkout, or what was unpacked from a source archive.
    """
    if not (root / STATIC / "ort" / _STAMP).is_file():
        return {}
    return {
        str(path): f"{_INSIDE}/{inside}/{path.relative_to(root / 'web' / folder).as_posix()}"
        for folder, inside in (("page", "page"), ("src", "figleaf"))
        for path in sorted((root / "web" / folder).rglob("*"))
        if path.is_file() and not path.name.endswith(".d.ts") and not path.name.startswith(".")
    }


def put_runtime(target: Path, licence: Path, pin: Pin, fetch: Callable[[Pin, Path], Path]) -> bool:
    """See that a folder holds the pinned files; gives whether any had to be got.

    It is whole under its name or as it was before.

    Args:
        target: the folder.
        licence: a file that goes with them; the package has none.
        pin: what is wanted.
        fetch: puts the package's archive into a folder, and gives its path.

    Raises:
        RuntimePackageError: it cannot be had, or has another hash.
        OSError: the folder cannot be written.
    """
    if is_there(target, pin):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".ort-") as scratch:
        archive = fetch(pin, Path(scratch))
        check_integrity(archive, pin)
        made = Path(scratch, "made")
        made.mkdir()
        unpack(archive, pin, made)
        shutil.copyfile(licence, made / "LICENSE")
        (made / _STAMP).write_text(pin.stamp, "utf-8")
        if target.exists():
            target.rename(Path(scratch, "before"))
        try:
            made.rename(target)
        except OSError:
            if not is_there(target, pin):  # another build may have been first
                raise
    return True


def is_there(target: Path, pin: Pin) -> bool:
    """Whether a folder holds the pinned files already."""
    try:
        stamped = (target / _STAMP).read_text("utf-8") == pin.stamp
    except OSError:
        return False
    return stamped and all((target / name).is_file() for name in (*pin.files, "LICENSE"))


def fetch_package(pin: Pin, folder: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """The package's archive: the one that is named in the environment, or npm's.

    Raises:
        RuntimePackageError: there is no npm, or it fails.
    """
    if given := environment.get("FIGLEAF_ORT_PACKAGE"):
        return Path(given)
    npm = shutil.which("npm", path=environment.get("PATH"))
    if npm is None:
        raise RuntimePackageError("there is no npm on PATH")
    command = [npm, "pack", f"{pin.name}@{pin.version}", "--ignore-scripts", "--silent"]
    try:
        # In its own folder: a project's .npmrc could lie in the current one.
        done = subprocess.run(
            command, cwd=folder, env=dict(environment), capture_output=True, timeout=_NPM_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimePackageError(f"npm pack failed ({error})") from error
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"exit code {done.returncode}"
        raise RuntimePackageError(f"npm pack {pin.name}@{pin.version} failed ({reason})")
    return archives[0]


def check_integrity(archive: Path, pin: Pin) -> None:
    """Raise RuntimePackageError where an archive is not the pinned one."""
    try:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").digest()
    except OSError as error:
        raise RuntimePackageError(f"{archive}: {error.strerror}") from error
    actual = f"sha512-{base64.b64encode(digest).decode()}"
    if actual != pin.integrity:
        raise RuntimePackageError(
            f"{archive.name} has the hash {actual}, {pin.name} {pin.version} has {pin.integrity}"
        )


def unpack(archive: Path, pin: Pin, folder: Path) -> None:
    """Take the pinned files, and no other, out of an archive."""
    try:
        with tarfile.open(archive, "r:gz") as package:
            for name in pin.files:
                source = package.extractfile(f"package/dist/{name}")
                if source is None:
                    raise RuntimePackageError(f"{archive.name}: {name} is not a file")
                with source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (KeyError, tarfile.TarError) as error:
        raise RuntimePackageError(f"{archive.name}: {error}") from error
