"""`figleaf export dataset` as people run it: the table, hints, codes, ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from figleaf.cli.export import in_options

from ..export.samples import collected, files, folder_of, hashes, leak, path_of, relabel, split

COMMAND = [sys.executable, "-m", "figleaf", "export", "dataset"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    return collected(root / "my-data", folder_of(root / "s", ["drawings", "neutral"], each=4))


@pytest.fixture
def data_set(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "my-data")
    return tmp_path / "my-data"


def export(*words: object, **options: Any) -> tuple[int, str, str]:
    """The exit code, standard output and standard error."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
        **options,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def test_the_table_and_what_was_made(data_set: Path, tmp_path: Path) -> None:
    code, out, err = export(data_set, tmp_path / "out")
    assert code == 0
    head, *rows = (line.split() for line in out.splitlines())
    assert head == ["class", "images", "size"]
    assert [row[:-2] for row in rows] == [["drawings", "4"], ["neutral", "4"], ["in", "all", "8"]]
    assert f"{tmp_path / 'out'}: imagefolder, 9 files," in err
    assert err.splitlines()[-1].endswith("no parts")


def test_parts_have_a_column(data_set: Path, tmp_path: Path) -> None:
    split(data_set, {one: ("train", "test")[n % 2] for n, one in enumerate(hashes(data_set))})
    code, out, err = export(data_set, tmp_path / "out", "--split", "test", "--format", "csv")
    assert code == 0
    assert out.split()[:4] == ["part", "class", "images", "size"]
    assert out.count("test") == 2
    assert err.splitlines()[-1].endswith("parts of figleaf split")


def test_quiet_tells_what_was_left_out_all_the_same(data_set: Path, tmp_path: Path) -> None:
    gone, unclear, *_ = hashes(data_set)
    path_of(data_set, gone).unlink()
    relabel(data_set, unclear, None)
    code, _, err = export(data_set, tmp_path / "out", "--quiet")
    assert code == 0
    assert err.splitlines() == [
        "1 left out: no class; --unlabelled include takes what has none",
        "1 left out: the file is gone",
    ]


def test_json(data_set: Path, tmp_path: Path) -> None:
    code, out, _ = export(data_set, tmp_path / "out", "--json", "--link", "symbolic", "-q")
    assert code == 0
    found = json.loads(out)
    assert found["counts"][0] | {"bytes": 0} == {
        "part": None,
        "label": "drawings",
        "images": 4,
        "bytes": 0,
    }
    assert found["files"] == 9
    assert found["form"] == "imagefolder"


def test_filters(data_set: Path, tmp_path: Path) -> None:
    words = ("--label", "neutral", "--min-side", "40", "--format", "csv")
    assert export(data_set, tmp_path / "out", *words)[1].split()[3:5] == ["neutral", "4"]
    code, _, err = export(data_set, tmp_path / "none", "--min-side", "41")
    assert code == 2
    assert err == "figleaf: no image in use meets the conditions; nothing was written\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--label", "neutrl"], "--label 'neutrl': no such class in"),
        (["--link", "none"], "--link none is for csv and parquet, not imagefolder"),
        (["--embed"], "--embed is for parquet"),
        (["--by", "figleaf"], "no image has a part of figleaf's yet; figleaf split gives them"),
        (["--split", "dev"], "--split 'dev': give one or more of train, validation, test"),
        (["--by", "none", "--split", "test"], "--by none has no parts, and --split asks for test"),
        (["-f", "parquet", "--embed", "--link", "hard"], "--embed and --link hard would both"),
    ],
    ids=str,
)
def test_wrong_use_is_one_line(
    data_set: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    code, out, err = export(data_set, tmp_path / "out", *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"figleaf: {message}")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_leak_is_one_line(data_set: Path, tmp_path: Path) -> None:
    leak(data_set)
    code, out, err = export(data_set, tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.startswith(f"figleaf: {data_set}: the split leaks: ")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_folders_that_cannot_be(data_set: Path, tmp_path: Path) -> None:
    for words, message in (
        ((tmp_path / "gone", tmp_path / "out"), "no data set here"),
        ((data_set, data_set), "in the data set's own folder"),
        ((data_set, tmp_path), "there is something in it"),
        (("", tmp_path / "out"), "DIR or OUT is empty"),
        ((data_set, ""), "DIR or OUT is empty"),
    ):
        code, _, err = export(*words)
        assert code == 2
        assert message in err
        assert len(err.splitlines()) == 1


def test_unknown_options_and_formats_are_told_as_usual(data_set: Path, tmp_path: Path) -> None:
    code, _, err = export(data_set, tmp_path / "out", "--format", "tfrecord")
    assert code == 2
    assert "tfrecord" in err
    done = subprocess.run(COMMAND[:-1], capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert "dataset" in done.stdout + done.stderr


def test_a_full_standard_output_and_a_reader_that_goes_away(data_set: Path, tmp_path: Path) -> None:
    words = " ".join([*COMMAND, str(data_set), str(tmp_path / "out"), "-q"])
    done = subprocess.run(["bash", "-c", f"{words} > /dev/full"], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr == b"figleaf: standard output: No space left on device\n"
    with subprocess.Popen(
        [*COMMAND, data_set, tmp_path / "more", "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        errors = process.stderr.read()
    assert process.returncode == 141
    assert errors == b""
    assert files(tmp_path / "more").keys() == files(tmp_path / "out").keys()


def test_ctrl_c(data_set: Path, tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from figleaf.cli import main\n"
        "from figleaf.cli.phases import Phases\n"
        "def done(self, count):\n"
        "    print('there', flush=True)\n"
        "    time.sleep(60)\n"
        "Phases.done = done\n"
        f"sys.argv = ['figleaf', 'export', 'dataset', {str(data_set)!r}, {str(tmp_path / 'o')!r}]\n"
        "main()\n"
    )
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"there\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == b"figleaf: interrupted; nothing was left behind\n"
    assert {path.name for path in tmp_path.iterdir()} == {"my-data"}


def test_messages_name_options() -> None:
    assert in_options("take link=symbolic or link=copy") == "take --link symbolic or --link copy"
    assert in_options("by=none; form='x': no") == "--by none; --format 'x': no"
    assert in_options("a split of 3") == "a split of 3"
