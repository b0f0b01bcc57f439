"""Files under the names of their hashes: whole or not there, on full disks and after kills too."""

import errno
import hashlib
import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from figleaf.dataset.store import Store

from .samples import line_of, python


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def put(store: Store, data: bytes, image_format: str = "jpeg") -> Path:
    store.put(data, digest(data), image_format)
    return store.path(digest(data), image_format)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("image_format", "extension"),
    [("jpeg", "jpg"), ("png", "png"), ("tiff", "tif"), ("webp", "webp"), ("avif", "avif")],
)
def test_a_file_is_named_by_its_content(tmp_path: Path, image_format: str, extension: str) -> None:
    store = Store(tmp_path)
    store.prepare()
    path = put(store, b"picture", image_format)
    name = hashlib.sha256(b"picture").hexdigest()
    assert path == tmp_path / "images" / name[:2] / f"{name}.{extension}"
    assert path.read_bytes() == b"picture"
    assert files(tmp_path) == [path]


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    first = put(store, b"picture").stat()
    assert put(Store(tmp_path), b"picture").stat() == first
    assert len(files(tmp_path)) == 1


def test_the_same_file_from_many_threads_is_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    contents = [os.urandom(200_000) for _ in range(4)] * 16
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda data: put(store, data), contents))
        list(threads.map(lambda _: store.flush(), range(16)))
    assert files(tmp_path) == sorted({store.path(digest(data), "jpeg") for data in contents})
    assert all(digest(path.read_bytes()).hex() == path.stem for path in files(tmp_path))


def test_flushing_is_for_every_folder_that_has_a_new_name(tmp_path: Path) -> None:
    program = """
        import hashlib, sys
        from figleaf.dataset.store import Store
        store = Store(sys.argv[1])
        store.prepare()
        for data in (b"a", b"b", b"a"):
            store.put(data, hashlib.sha256(data).digest(), "png")
            store.flush()
        store.flush()
    """
    trace = tmp_path / "trace"
    try:
        watched = subprocess.run(["strace", "-V"], capture_output=True).returncode == 0
    except FileNotFoundError:
        watched = False
    if not watched:
        pytest.skip("needs strace")
    with python(
        program, tmp_path, prefix=["strace", "-f", "-y", "-e", "fsync", "-o", trace]
    ) as run:
        assert run.communicate() == ("", "")
    synced = [
        line.partition("<")[2].partition(">")[0].removeprefix(f"{tmp_path}/")
        for line in trace.read_text().splitlines()
        if "fsync(" in line
    ]
    a, b = (hashlib.sha256(data).hexdigest()[:2] for data in (b"a", b"b"))
    assert [one for one in synced if one.endswith(".part")] == synced[:1] + synced[4:5]
    rest = [set(synced[1:4]), set(synced[5:8]), set(synced[8:])]
    assert rest == [{f"images/{name}", "images", str(tmp_path)} for name in (a, b, a)]


FULL = """
    import hashlib, sys
    from figleaf.dataset.store import Store
    {limit}
    store = Store(sys.argv[1])
    store.prepare()
    data = b"x" * 4_000_000
    try:
        store.put(data, hashlib.sha256(data).digest(), "png")
    except OSError as error:
        print(error.errno)
"""


def test_a_file_that_grows_over_a_limit_leaves_nothing(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    with python(FULL.format(limit=limit), tmp_path) as run:
        assert run.communicate() == (f"{errno.EFBIG}\n", "")
    assert files(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "figleaf-test", str(disk)]
    if os.getuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("needs to mount a disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_nothing_and_what_was_there_stays(small_disk: Path) -> None:
    store = Store(small_disk)
    store.prepare()
    kept = [put(store, bytes([n]) * 100_000) for n in range(3)]
    with pytest.raises(OSError, match="No space left") as caught:
        put(store, b"x" * 4_000_000)
    assert caught.value.errno == errno.ENOSPC
    assert files(small_disk) == sorted(kept)
    put(store, b"small")


def test_a_sweep_takes_what_a_killed_run_left_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()
    known, stray = put(store, b"known"), put(store, b"stray", "webp")
    half = known.with_name(f"{known.name}.0123abcd.part")
    half.write_bytes(b"kno")
    others = [
        known.with_name("notes.txt"),
        known.with_name("movie.part"),
        known.with_name(f"{stray.name}.part"),
        known.with_name(f"{digest(b'elsewhere').hex()}.jpg"),
        store.folder / f"{digest(b'above').hex()}.jpg",
        tmp_path / "figleaf.db",
    ]
    for path in others:
        path.write_bytes(b"mine")
    folder = store.path(digest(b"folder"), "jpeg")
    folder.mkdir(parents=True)

    def rows(hashes: Iterable[bytes]) -> set[bytes]:
        return set(hashes) & {digest(b"known")}

    assert store.sweep(rows) == 2
    assert files(tmp_path) == sorted([known, *others])
    assert folder.is_dir()
    assert store.sweep(rows) == 0


def test_there_is_nothing_to_sweep_where_nothing_was_stored(tmp_path: Path) -> None:
    assert Store(tmp_path).sweep(set) == 0


KILLED = """
    import hashlib, os, sys, threading
    from figleaf.dataset.store import Store
    store = Store(sys.argv[1])
    store.prepare()
    def work(seed):
        while True:
            data = seed + os.urandom(8) + bytes(3_000_000)
            store.put(data, hashlib.sha256(data).digest(), "png")
    for n in range(4):
        threading.Thread(target=work, args=(bytes([n]),), daemon=True).start()
    print("started", flush=True)
    threading.Event().wait()
"""


def test_a_kill_leaves_whole_files_and_half_ones_that_are_swept(tmp_path: Path) -> None:
    with python(KILLED, tmp_path) as run:
        assert line_of(run) == "started\n"
        until = time.monotonic() + 60
        while len(files(tmp_path)) < 8 and time.monotonic() < until:
            time.sleep(0.001)
        run.kill()
    whole = [path for path in files(tmp_path) if path.suffix == ".png"]
    assert whole
    assert all(digest(path.read_bytes()).hex() == path.stem for path in whole)
    Store(tmp_path).sweep(set)
    assert files(tmp_path) == whole
    assert Store(tmp_path).sweep(lambda hashes: set()) == len(whole)
