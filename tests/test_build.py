"""The build's hook: what it gets, what it refuses, and what a wheel has of the page."""

import base64
import hashlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZipFile

import pytest

from figleaf.web.assets import RUNTIME_FILES

ROOT = Path(__file__).parents[1]
Packer = Callable[..., Any]


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hatch_build"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


hook = loaded()


def archive_of(path: Path, **files: bytes) -> Path:
    """A package as npm has them."""
    with tarfile.open(path, "w:gz") as package:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(data)
            package.addfile(member, io.BytesIO(data))
    return path


def pin_of(archive: Path, *files: str) -> Any:
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    return hook.Pin("tiny", "1.2.3", f"sha512-{digest}", files)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return archive_of(tmp_path / "tiny-1.2.3.tgz", a=b"one", b=b"two", c=b"not wanted")


@pytest.fixture
def licence(tmp_path: Path) -> Path:
    path = tmp_path / "LICENSE"
    path.write_text("MIT")
    return path


def never(pin: Any, folder: Path) -> Path:
    raise AssertionError("it is there")


def test_the_wanted_files_are_put_into_a_folder_once(
    tmp_path: Path, archive: Path, licence: Path
) -> None:
    pin, target = pin_of(archive, "a", "b"), tmp_path / "static" / "ort"
    assert hook.put_runtime(target, licence, pin, lambda *_: archive)
    found = {path.name: path.read_bytes() for path in target.iterdir()}
    assert found.pop("package.json").decode() == pin.stamp
    assert found == {"a": b"one", "b": b"two", "LICENSE": b"MIT"}
    assert [path.name for path in target.parent.iterdir()] == ["ort"]
    assert not hook.put_runtime(target, licence, pin, never)


@pytest.mark.parametrize("damage", ["stamp", "file"])
def test_what_is_damaged_or_of_another_version_is_replaced(
    tmp_path: Path, archive: Path, licence: Path, damage: str
) -> None:
    pin, target = pin_of(archive, "a", "b"), tmp_path / "ort"
    hook.put_runtime(target, licence, pin, lambda *_: archive)
    (target / "left-over").write_text("")
    if damage == "stamp":
        (target / "package.json").write_text("{}")
    else:
        (target / "a").unlink()
    assert hook.put_runtime(target, licence, pin, lambda *_: archive)
    assert (target / "a").read_bytes() == b"one"
    assert not (target / "left-over").exists()


def test_another_archive_than_the_pinned_is_refused(
    tmp_path: Path, archive: Path, licence: Path
) -> None:
    pin, target = pin_of(archive, "a"), tmp_path / "static" / "ort"
    archive_of(archive, a=b"evil")
    with pytest.raises(hook.RuntimePackageError, match="has the hash sha512-"):
        hook.put_runtime(target, licence, pin, lambda *_: archive)
    assert list(target.parent.iterdir()) == []


def test_an_archive_without_a_wanted_file_leaves_nothing(
    tmp_path: Path, archive: Path, licence: Path
) -> None:
    target = tmp_path / "static" / "ort"
    with pytest.raises(hook.RuntimePackageError, match="d"):
        hook.put_runtime(target, licence, pin_of(archive, "a", "d"), lambda *_: archive)
    assert list(target.parent.iterdir()) == []


def test_a_link_in_an_archive_is_no_file(tmp_path: Path, licence: Path) -> None:
    path = tmp_path / "tiny.tgz"
    with tarfile.open(path, "w:gz") as package:
        member = tarfile.TarInfo("package/dist/a")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        package.addfile(member)
    with pytest.raises(hook.RuntimePackageError):
        hook.put_runtime(tmp_path / "ort", licence, pin_of(path, "a"), lambda *_: path)


def test_without_npm_it_says_so(tmp_path: Path, archive: Path) -> None:
    pin = pin_of(archive, "a")
    with pytest.raises(hook.RuntimePackageError, match="no npm on PATH"):
        hook.fetch_package(pin, tmp_path, {"PATH": str(tmp_path)})
    given = hook.fetch_package(pin, tmp_path, {"FIGLEAF_ORT_PACKAGE": str(archive)})
    assert given == archive


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo npm error network >&2; exit 1", "npm error network"),
        ("exit 3", "exit code 3"),
        ("exit 0", "exit code 0"),
    ],
)
def test_an_npm_that_fails_is_quoted(tmp_path: Path, archive: Path, script: str, said: str) -> None:
    npm, empty = tmp_path / "bin" / "npm", tmp_path / "empty"
    npm.parent.mkdir()
    empty.mkdir()
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    with pytest.raises(hook.RuntimePackageError, match=said):
        hook.fetch_package(pin_of(archive, "a"), empty, {"PATH": str(npm.parent)})


def test_the_hook_and_the_page_want_the_same_files() -> None:
    assert {*hook.RUNTIME.files, "LICENSE"} == set(RUNTIME_FILES)


def test_the_library_wants_the_release_that_the_hook_gets() -> None:
    package = json.loads((ROOT / "web/package.json").read_text("utf-8"))
    assert package["dependencies"][hook.RUNTIME.name] == hook.RUNTIME.version


def test_the_image_gets_the_same_release() -> None:
    text = (ROOT / "deploy/Dockerfile").read_text("utf-8")
    assert f'"{hook.RUNTIME.name}@{hook.RUNTIME.version}"' in text
    assert text.count(f"/{hook.RUNTIME.name}-{hook.RUNTIME.version}.tgz") == 2


# Whole builds of a small copy of the project, by the interpreter that runs the tests


@contextmanager
def project(tmp_path: Path) -> Iterator[Path]:
    """The project without its models, and with a page of three files."""
    root = tmp_path / "project"
    shutil.copytree(
        ROOT / "src" / "figleaf" / "web",
        root / "src" / "figleaf" / "web",
        ignore=shutil.ignore_patterns("static", "__pycache__"),
    )
    for name in ("__init__.py", "_version.py"):
        shutil.copy(ROOT / "src" / "figleaf" / name, root / "src" / "figleaf")
    names = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "NOTICE", ".gitignore")
    for name in names:
        shutil.copy(ROOT / name, root)
    for name in ("page/index.html", "src/index.js", "src/index.d.ts", "ort/LICENSE"):
        (root / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "web" / name).write_text(name)
    yield root


def put_stamped(root: Path) -> None:
    """As if the hook had got the runtime before."""
    folder = root / hook.STATIC / "ort"
    folder.mkdir(parents=True)
    for name in RUNTIME_FILES:
        (folder / name).write_text(name)
    (folder / "package.json").write_text(hook.RUNTIME.stamp)


def build(root: Path, kind: str, path: str) -> tuple[Path, str]:
    """What is built, and what is said."""
    out = root.parent / "dist"
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(out)],
        cwd=root,
        env=os.environ | {"PATH": path},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (built,) = out.iterdir()
    return built, done.stdout + done.stderr


PAGE_IN_WHEEL = {
    "figleaf/web/static/page/index.html",
    "figleaf/web/static/figleaf/index.js",
    *(f"figleaf/web/static/ort/{name}" for name in RUNTIME_FILES),
}


def test_a_wheel_has_the_page(tmp_path: Path) -> None:
    with project(tmp_path) as root:
        put_stamped(root)
        wheel, said = build(root, "wheel", path="")
    names = set(ZipFile(wheel).namelist())
    assert names >= PAGE_IN_WHEEL
    assert "figleaf/web/static/figleaf/index.d.ts" not in names
    assert "without" not in said


def test_without_npm_a_wheel_is_built_without_the_page_and_says_so(tmp_path: Path) -> None:
    with project(tmp_path) as root:
        wheel, said = build(root, "wheel", path="")
    names = set(ZipFile(wheel).namelist())
    assert not [name for name in names if "static" in name]
    assert "figleaf/web/fallback/index.html" in names
    assert "built without its page" in said
    assert "Install npm" in said


def test_a_source_archive_has_all_that_a_wheel_needs(tmp_path: Path) -> None:
    with project(tmp_path) as root:
        put_stamped(root)
        archive, _ = build(root, "sdist", path="")
    with tarfile.open(archive) as source:
        source.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    wheel, said = build(unpacked, "wheel", path="")
    assert set(ZipFile(wheel).namelist()) >= PAGE_IN_WHEEL
    assert "without" not in said


@pytest.mark.parametrize(
    ("target", "version", "copies"),
    [("wheel", "standard", 2), ("wheel", "editable", 0), ("sdist", "standard", 0)],
)
def test_only_a_wheel_has_copies_of_the_page(
    tmp_path: Path, target: str, version: str, copies: int
) -> None:
    data: dict[str, Any] = {"force_include": {}}
    with project(tmp_path) as root:
        put_stamped(root)
        said = Said()
        page = hook.PageHook(str(root), {}, None, None, str(tmp_path), target, said)
        page.initialize(version, data)
    assert len(data["force_include"]) == copies
    assert said.lines == []


class Said:
    """Hatchling's terminal."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def display_warning(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.skipif(
    "FIGLEAF_PACKAGES" not in os.environ, reason="downloads: needs FIGLEAF_PACKAGES"
)
def test_npm_has_the_pinned_package(tmp_path: Path) -> None:
    target = tmp_path / "ort"
    assert hook.put_runtime(target, ROOT / "web/ort/LICENSE", hook.RUNTIME, hook.fetch_package)
    wasm = (target / "ort-wasm-simd-threaded.wasm").read_bytes()
    assert wasm.startswith(b"\0asm")
