"""The export is whole under its name or not there, whatever ends it; nothing lies about."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import figleaf
from figleaf.curate.watch import Watch
from figleaf.errors import DatasetError, InputError
from figleaf.export.staging import check_space

from ..dataset.samples import in_memory, line_of, python
from .samples import collected, files, folder_of, names_beside

FORMS = ("imagefolder", "huggingface", "webdataset", "csv", "parquet")

HALFWAY = """
    import sys
    import figleaf
    from figleaf.curate.watch import Watch

    def done(count):
        if count == 7:
            print("halfway", flush=True)
            sys.stdin.readline()

    figleaf.export_dataset(sys.argv[1], sys.argv[2], form=sys.argv[3], watch=Watch(done=done))
"""


def ending(error: BaseException) -> Watch:
    """A watch that ends in the middle."""

    def done(count: int) -> None:
        if count == 7:
            raise error

    return Watch(done=done)


@pytest.mark.parametrize("form", FORMS)
def test_killed_in_the_middle(data_set: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"
    with python(HALFWAY, data_set, out, form) as process:
        assert line_of(process) == "halfway\n"
        left = names_beside(out) - {"my-data"}
        assert len(left) == 1
        assert left.pop().startswith(".out.")
        process.kill()
    assert not out.exists()
    figleaf.export_dataset(data_set, out, form=form)
    assert names_beside(out) == {"my-data", "out"}  # what the first one left is gone


def test_an_export_to_the_same_place_leaves_a_running_one_alone(
    data_set: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with python(HALFWAY, data_set, out, "imagefolder") as process:
        assert line_of(process) == "halfway\n"
        figleaf.export_dataset(data_set, out)
        whole = files(out)
        assert len(names_beside(out)) == 3
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.close()
        assert process.stderr
        errors = process.stderr.read()
    assert "cannot be written" in errors
    assert files(out) == whole
    assert names_beside(out) == {"my-data", "out"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(28, "No space left on device"), DatasetError),
    ],
    ids=["ctrl-c", "full disk"],
)
def test_ended_in_the_middle(
    data_set: Path,
    tmp_path: Path,
    form: str,
    raised: BaseException,
    seen: type[BaseException],
) -> None:
    out = tmp_path / "deep/er/out"
    with pytest.raises(seen):
        figleaf.export_dataset(data_set, out, form=form, watch=ending(raised))
    assert {path.name for path in tmp_path.iterdir()} == {"my-data"}


@pytest.mark.parametrize("form", ["imagefolder", "webdataset", "parquet"])
def test_a_file_that_cannot_be_written_whole(tmp_path: Path, form: str) -> None:
    """The system allows no file so large; that is as near to a full disk as a test can come."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))  # SQLite takes half of it

    source = folder_of(tmp_path / "source", ["cat"])
    Image.effect_noise((400, 400), 90).save(source / "cat/large.png")
    data_set = collected(tmp_path / "my-data", source)
    words = [sys.executable, "-m", "figleaf", "export", "dataset", data_set, tmp_path / "out"]
    more = ["--format", form, "--quiet"] + (["--embed"] if form == "parquet" else [])
    done = subprocess.run(
        [*map(str, words), *more], preexec_fn=limit, capture_output=True, check=False, text=True
    )
    assert done.returncode == 2
    assert "cannot be written: File too large; nothing was left there" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert names_beside(tmp_path / "out") == {"my-data", "source"}


def test_ctrl_c_from_outside(data_set: Path, tmp_path: Path) -> None:
    with python(HALFWAY, data_set, tmp_path / "out", "imagefolder") as process:
        assert line_of(process) == "halfway\n"
        process.send_signal(signal.SIGINT)
    assert {path.name for path in tmp_path.iterdir()} == {"my-data"}


# Where it may go.


def test_a_folder_with_something_in_it_is_refused(data_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="there is something in it; give another folder"):
        figleaf.export_dataset(data_set, out)
    assert files(out) == {"mine.txt": b"mine"}
    (out / "mine.txt").unlink()
    figleaf.export_dataset(data_set, out)
    with pytest.raises(InputError, match="there is something in it"):
        figleaf.export_dataset(data_set, out)


def test_a_file_an_empty_name_and_the_data_sets_own_folder_are_refused(
    data_set: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    for out, message in (
        (tmp_path / "file", "a file; give a folder"),
        ("", "empty name"),
        (data_set, "in the data set's own folder"),
        (data_set / "images/out", "in the data set's own folder"),
    ):
        with pytest.raises(InputError, match=message):
            figleaf.export_dataset(data_set, out)
    with pytest.raises(DatasetError, match="cannot be written"):
        figleaf.export_dataset(data_set, tmp_path / "file/out")


def test_a_link_to_an_empty_folder_is_followed(data_set: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    figleaf.export_dataset(data_set, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert len(files(tmp_path / "real")) == 13


def test_the_folders_above_are_made(data_set: Path, tmp_path: Path) -> None:
    figleaf.export_dataset(data_set, tmp_path / "deep/er/out")
    assert len(files(tmp_path / "deep/er/out")) == 13


def test_a_name_as_long_as_names_may_be(data_set: Path, tmp_path: Path) -> None:
    name = "가" * 85  # 255 bytes
    figleaf.export_dataset(data_set, tmp_path / name)
    assert names_beside(tmp_path / name) == {"my-data", name}


def test_the_export_is_readable_as_the_umask_says(data_set: Path, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        figleaf.export_dataset(data_set, tmp_path / "out")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*")}
    assert modes == {0o755, 0o644}
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_hard_links_to_another_file_system(data_set: Path) -> None:
    with in_memory() as memory:
        if os.stat(memory).st_dev == data_set.stat().st_dev:  # noqa: PTH116  # a text
            pytest.skip("there is no other file system here")
        with pytest.raises(InputError, match=r"no hard link .* one file system .* link=symbolic"):
            figleaf.export_dataset(data_set, Path(memory) / "out", link="hard")
        assert not os.listdir(memory)  # noqa: PTH208  # names alone
        figleaf.export_dataset(data_set, Path(memory) / "out", link="symbolic")
        assert len(files(Path(memory) / "out")) == 13


def test_a_disk_without_room_is_told_before(tmp_path: Path) -> None:
    check_space(tmp_path, 100, free=100)
    with pytest.raises(DatasetError, match=r"2\.0 GB are needed, and 1\.0 GB are free"):
        check_space(tmp_path / "out", 2_000_000_000, free=1_000_000_000)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "tfrecord"}, "form='tfrecord': give one of imagefolder"),
        ({"link": "soft"}, "link='soft': give one of copy"),
        ({"by": "me"}, "by='me'"),
        ({"split": "dev"}, "split='dev': give one or more of train, validation, test"),
        ({"split": ["train", 3]}, "split='3'"),
        ({"unlabelled": "drop"}, "unlabelled='drop'"),
        ({"images_per_shard": 0}, "images_per_shard must be a whole number"),
        ({"images_per_shard": True}, "images_per_shard must be a whole number"),
        ({"link": "none"}, "link=none is for csv and parquet, not imagefolder"),
        ({"form": "webdataset", "link": "hard"}, "shards hold the images themselves"),
        ({"embed": True}, "embed is for parquet"),
        ({"form": "parquet", "embed": True, "link": "copy"}, "both export the images"),
        ({"by": "none", "split": "train"}, "by=none has no parts"),
    ],
    ids=str,
)
def test_arguments_that_cannot_be_meant(
    data_set: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        figleaf.export_dataset(data_set, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
