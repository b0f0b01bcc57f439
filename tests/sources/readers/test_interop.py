"""The same folders, shards and outputs, read by the libraries that they belong to."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from figleaf.dataset.records import Item, Task
from figleaf.sources.readers.local import read_local
from figleaf.sources.readers.opening import SourceKind, open_source

from . import peers
from .peers import Rows, pixels

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "camera.png", "coins.png")
LABELS = ("person", "cat", "drink", "machine", "person", "money")

IMG2DATASET = os.environ.get("FIGLEAF_IMG2DATASET")
"""The executable of img2dataset 1.47, which needs an environment of its own."""


def bytes_of(items: list[Item]) -> list[bytes]:
    """The bytes behind each item, in the items' order."""
    tasks = [Task(number, item.kind, item.locator) for number, item in enumerate(items)]
    found = {task.id: data for task, data in read_local(tasks, 2**26)}
    whole = [found[number] for number in range(len(items))]
    assert all(isinstance(data, bytes) for data in whole)
    return [data for data in whole if isinstance(data, bytes)]


def place(pictures: Path, target: Path, names: list[str]) -> None:
    """Copies of the photos under other names."""
    for photo, name in zip(PHOTOS, names, strict=True):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pictures / photo, target / name)


# Hugging Face datasets


def theirs(library: str, *arguments: Path | str) -> Rows:
    """What the library itself reads, in a process of its own."""
    pytest.importorskip("datasets" if library == "imagefolder" else library)
    home = str(arguments[-1])
    done = subprocess.run(
        [sys.executable, str(Path(peers.__file__)), library, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": home},
    )
    return [(first, label, data) for first, label, data in json.loads(done.stdout.splitlines()[-1])]


def ours(root: Path) -> Rows:
    source = open_source(root)
    assert source.kind is SourceKind.FOLDER
    items = list(source.items())
    assert source.problems.losses == 0
    # A split that a folder does not name is "train" there.
    rows: Rows = [
        (item.part or "train", item.label, pixels(data))
        for item, data in zip(items, bytes_of(items), strict=True)
    ]
    return by_text(rows)


def by_text(rows: Rows) -> Rows:
    """Sorted, None among text."""
    return sorted(rows, key=str)


@pytest.mark.parametrize(
    "names",
    [
        [f"{label}/{photo}" for label, photo in zip(LABELS, PHOTOS, strict=True)],
        [
            f"{split}/{label}/{photo}"
            for split, label, photo in zip(
                ("train", "train", "test", "test", "validation", "validation"),
                LABELS,
                PHOTOS,
                strict=True,
            )
        ],
        list(PHOTOS),
    ],
    ids=["label", "split and label", "flat"],
)
def test_image_folders_are_read_as_datasets_reads_them(
    pictures: Path, tmp_path: Path, names: list[str]
) -> None:
    place(pictures, tmp_path / "data", names)
    found = ours(tmp_path / "data")
    assert len(found) == len(PHOTOS)
    assert found == by_text(theirs("imagefolder", tmp_path / "data", tmp_path / "cache"))


def metadata(folder: Path, form: str, rows: list[dict[str, str]]) -> None:
    if form == "jsonl":
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "metadata.jsonl").write_text(text)
        return
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(rows)
    if form == "csv":
        frame.to_csv(folder / "metadata.csv", index=False)
    else:
        frame.to_parquet(folder / "metadata.parquet")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("splits", [("",), ("train/", "test/")], ids=["one", "splits"])
def test_metadata_is_read_as_datasets_reads_it(
    pictures: Path, tmp_path: Path, form: str, splits: tuple[str, ...]
) -> None:
    root = tmp_path / "data"
    files = [f"{splits[n % len(splits)]}deep/{photo}" for n, photo in enumerate(PHOTOS)]
    place(pictures, root, files)
    for split in splits:
        rows = [
            {"text": "a caption, quoted", "label": label, "file_name": name.removeprefix(split)}
            for label, name in zip(LABELS, files, strict=True)
            if name.startswith(split)
        ]
        metadata(root / split, form, rows)
    found = ours(root)
    assert [label for _, label, _ in found] != [None] * len(PHOTOS)
    assert found == by_text(theirs("imagefolder", root, tmp_path / "cache"))


# webdataset


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_shards_are_read_as_webdataset_reads_them(
    pictures: Path, tmp_path: Path, suffix: str
) -> None:
    expected = write_shards(pictures, f"{tmp_path}/x-%06d{suffix}")
    source = open_source(tmp_path)
    items = list(source.items())
    found = [
        (item.name, item.label, digest(data))
        for item, data in zip(items, bytes_of(items), strict=True)
    ]
    assert not source.problems
    assert found == expected
    shards = sorted(tmp_path.glob(f"*{suffix}"))
    assert len(shards) == 3
    assert theirs("webdataset", *shards) == expected


def write_shards(pictures: Path, pattern: str) -> Rows:
    """Shards of two samples; their labels are class numbers, class names, and names in JSON."""
    wds = pytest.importorskip("webdataset")
    expected: Rows = []
    with wds.ShardWriter(pattern, maxcount=2, verbose=0) as writer:
        for number, (photo, label) in enumerate(zip(PHOTOS, LABELS, strict=True)):
            data = (pictures / photo).read_bytes()
            key, form = f"{label}/{number:05d}", Path(photo).suffix[1:]
            extra = ({"cls": number}, {"json": {"label": label}}, {"cls": label.encode()})
            writer.write({"__key__": key, form: data, "txt": "x", **extra[number % 3]})
            text = str(number) if number % 3 == 0 else label
            expected.append((f"{key}.{form}", text, digest(data)))
    return expected


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# img2dataset


@pytest.fixture
def photos(pictures: Path, tmp_path: Path) -> Path:
    """The photos as JPEG: img2dataset encodes anew what is not of its output's format."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in PHOTOS:
        with Image.open(pictures / photo) as image:
            image.convert("RGB").save(folder / Path(photo).with_suffix(".jpg"))
    return folder


@pytest.fixture
def host(photos: Path) -> Iterator[str]:
    """A host on the loopback interface that has the photos."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(photos))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def table(path: Path, urls: list[str]) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"url": urls, "label": [*LABELS, "none"]})
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)


def img2dataset(source: Path, output: Path, form: str) -> None:
    """Run it: every picture as it is, no resizing, no encoding."""
    assert IMG2DATASET is not None
    options = {
        "url_list": str(source),
        "input_format": source.suffix[1:],
        "url_col": "url",
        "save_additional_columns": '["label"]',
        "output_folder": str(output),
        "output_format": form,
        "resize_mode": "no",
        "skip_reencode": "True",
        "number_sample_per_shard": "4",
        "processes_count": "1",
        "thread_count": "4",
        "retries": "0",
        "enable_wandb": "False",
    }
    home = output.parent / "home"
    home.mkdir()
    subprocess.run(
        [IMG2DATASET, *(f"--{name}={value}" for name, value in options.items())],
        check=True,
        timeout=120,
        capture_output=True,
        cwd=home,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "NO_ALBUMENTATIONS_UPDATE": "1",
            "WANDB_MODE": "disabled",
        },
    )


@pytest.mark.skipif(IMG2DATASET is None, reason="FIGLEAF_IMG2DATASET names no executable")
@pytest.mark.parametrize("name", ["list.csv", "list.parquet"])
@pytest.mark.parametrize("form", ["webdataset", "files"])
def test_what_img2dataset_writes(
    host: str, photos: Path, tmp_path: Path, form: str, name: str
) -> None:
    names = [Path(photo).with_suffix(".jpg").name for photo in PHOTOS]
    urls = [f"{host}/{photo}" for photo in names]
    table(tmp_path / name, [*urls, f"{host}/gone.jpg"])
    # Its own input, first.
    given = [(item.locator, item.label) for item in open_source(tmp_path / name).items()]
    assert given == list(zip([*urls, f"{host}/gone.jpg"], [*LABELS, "none"], strict=True))

    img2dataset(tmp_path / name, tmp_path / "out", form)
    source = open_source(tmp_path / "out")
    assert source.kind is (SourceKind.SHARDS if form == "webdataset" else SourceKind.FOLDER)
    items = list(source.items())
    assert source.problems.losses == 0
    found = {
        item.name: (item.label, data) for item, data in zip(items, bytes_of(items), strict=True)
    }
    assert len(items) == len(found)
    assert found == {
        url: (label, (photos / photo).read_bytes())
        for url, label, photo in zip(urls, LABELS, names, strict=True)
    }
