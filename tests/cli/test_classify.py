"""The command as its users run it, in this process where that is enough."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from typer.testing import CliRunner, Result

from figleaf.cli.app import app
from figleaf.errors import FigleafError, InputError

SMALL = ["--model", "mobilenet_v2"]


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    words = ["classify", *map(str, arguments), *SMALL]
    return CliRunner().invoke(app, words, input=stdin, catch_exceptions=True)


def records(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path: Path, pictures: Path) -> Path:
    for name in ("astronaut.png", "coffee.png", "sub/rocket.jpg"):
        target = tmp_path / "photos" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((pictures / Path(name).name).read_bytes())
    return tmp_path / "photos"


@pytest.fixture
def harsh(tmp_path: Path) -> Path:
    """A policy that blocks every photo."""
    path = tmp_path / "harsh.toml"
    path.write_text(
        'format = 1\nname = "harsh"\nversion = 1\ndescription = ""\nunreadable = "review"\n'
        '[sums.unsafe]\nclasses = ["porn"]\n[classes.neutral]\nblock = 0.1\n'
    )
    return path


def test_json_lines_are_the_schema(folder: Path) -> None:
    result = run(folder, "--format", "jsonl")
    found = records(result)
    assert result.exit_code == 0
    assert [Path(record["input"]).name for record in found] == ["astronaut.png", "coffee.png"]
    assert set(found[0]) == {
        "input",
        "status",
        "label",
        "scores",
        "unsafe",
        "decision",
        "reason",
        "policy",
        "model",
        "precision",
    }
    assert "2 inputs, 2 allow" in result.stderr


def test_json_is_one_array_and_an_empty_one_too(folder: Path, tmp_path: Path) -> None:
    assert len(json.loads(run(folder, "-r", "-f", "json").stdout)) == 3
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty", "-f", "json")
    assert json.loads(result.stdout) == []
    assert result.exit_code == 0


def test_nsfwjs_format(folder: Path) -> None:
    (record,) = records(run(folder / "coffee.png", "-f", "nsfwjs", "-k", 2))
    assert [p["className"] for p in record["predictions"]] == ["Neutral", "Drawing"]


def test_csv_has_a_column_for_each_class(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run(folder, "-f", "csv").stdout)))
    assert len(rows) == 2
    assert float(rows[0]["neutral"]) > 0.9
    assert sum(float(rows[0][name]) for name in ("drawings", "hentai", "porn", "sexy")) < 0.1


def test_parquet_goes_to_a_file(folder: Path, tmp_path: Path) -> None:
    (folder / "note.txt").write_text("no picture")
    output = tmp_path / "out.parquet"
    result = run(folder, "-o", output)
    table = pyarrow.parquet.read_table(output).to_pylist()
    assert result.exit_code == 3
    assert [row["status"] for row in table] == ["ok", "ok", "not_an_image"]
    assert table[0]["neutral"] > 0.9
    assert table[2]["neutral"] is None
    with pytest.raises(InputError, match="-o FILE"):
        raise raised(run(folder, "-f", "parquet"))


def raised(result: Result) -> BaseException:
    assert isinstance(result.exception, FigleafError), result.exception
    return result.exception


def test_exit_codes(folder: Path, harsh: Path) -> None:
    assert run(folder).exit_code == 0
    assert run(folder, "--policy", harsh).exit_code == 1
    assert run(folder, folder / "none.jpg").exit_code == 3
    assert run(folder, folder / "none.jpg", "--policy", harsh).exit_code == 1
    assert run(folder, "--no-such-option").exit_code == 2


def test_sort_only_and_top_k(folder: Path) -> None:
    by_unsafe = records(run(folder, "-r", "-f", "jsonl", "--sort", "unsafe", "-k", 1))
    scores = [record["unsafe"] for record in by_unsafe]
    assert scores == sorted(scores, reverse=True)
    assert all(len(record["scores"]) == 1 for record in by_unsafe)
    by_class = records(run(folder, "-r", "-f", "jsonl", "--sort", "drawings"))
    shares = [record["scores"]["drawings"] for record in by_class]
    assert shares == sorted(shares, reverse=True)
    by_name = records(run(folder, "-r", "-f", "jsonl", "--sort", "input"))
    assert [r["input"] for r in by_name] == sorted(r["input"] for r in by_name)
    missing = folder / "none.jpg"
    failed = records(run(folder, missing, "-f", "jsonl", "--only", "failed"))
    assert [record["input"] for record in failed] == [str(missing)]
    assert records(run(folder, missing, "-f", "jsonl", "--only", "block")) == []


def test_patterns_lists_and_standard_input(folder: Path, tmp_path: Path) -> None:
    found = records(run(folder / "**" / "*.jpg", "-f", "jsonl"))
    assert [Path(record["input"]).name for record in found] == ["rocket.jpg"]
    listed = tmp_path / "list.txt"
    listed.write_text(f"{folder / 'coffee.png'}\r\n\n{folder / 'none.jpg'}\n")
    assert [r["status"] for r in records(run("--list", listed, "-f", "jsonl"))] == [
        "ok",
        "not_found",
    ]
    lines = f"{folder / 'coffee.png'}\n".encode()
    assert len(records(run("--list", "-", "-f", "jsonl", stdin=lines))) == 1
    (piped,) = records(run("-", "-f", "jsonl", stdin=(folder / "coffee.png").read_bytes()))
    assert piped["status"] == "ok"


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder: Path) -> None:
    odd = folder / "a[1].png"
    odd.write_bytes((folder / "coffee.png").read_bytes())
    assert [r["input"] for r in records(run(odd, "-f", "jsonl"))] == [str(odd)]


@pytest.mark.parametrize("name", ["사진 (1).png", "é\n\x1b[31m.png", os.fsdecode(b"\xff\xfe.png")])
def test_odd_names_survive_every_format(folder: Path, tmp_path: Path, name: str) -> None:
    odd = folder / name
    odd.write_bytes((folder / "coffee.png").read_bytes())
    (record,) = records(run(odd, "-f", "jsonl"))
    assert record["input"] == str(odd)
    table = run(odd).stdout
    assert "\x1b" not in table
    for suffix in ("csv", "parquet", "json", "txt"):
        assert run(odd, "-o", tmp_path / f"out.{suffix}").exit_code == 0


def test_the_table(folder: Path) -> None:
    (folder / "note.txt").write_text("no picture")
    lines = run(folder).stdout.splitlines()
    assert lines[0].split() == ["input", "class", "score", "unsafe", "verdict"]
    assert lines[1].rstrip().endswith("allow")
    assert "█" in lines[1]
    assert "not_an_image" in lines[3]
    single = run(folder / "coffee.png").stdout.splitlines()
    assert len(single) == 1 + 5


def test_an_output_is_replaced_whole_or_not_at_all(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("before")
    assert isinstance(raised(run("no/match/*.png", "-o", output)), InputError)
    assert output.read_text() == "before"
    assert run(folder, "-o", output).exit_code == 0
    assert len(output.read_text().splitlines()) == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "nothing to classify"),
        (["no/match/*.png"], "no file matches"),
        (["-", "--list", "-"], "only once"),
        (["x.png", "--sort", "dress"], "cannot sort by 'dress'"),
        (["x.png", "-o", "out.xml"], "give --format"),
        (["x.png", "-o", "no/such/folder/out.csv"], "No such file"),
        (["x.png", "--policy", "harsh"], "no policy 'harsh'"),
        (["--list", "no-such-list"], "takes a file of paths"),
    ],
)
def test_wrong_use_says_what_to_do(arguments: list[str], complaint: str) -> None:
    assert complaint in str(raised(run(*arguments)))


def command(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "figleaf", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, stdout=pipe, stderr=pipe, **options)


def test_an_error_is_one_line_and_exit_code_2() -> None:
    with command("classify", "x.png", "--model", "none") as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == b""
    assert errors.startswith(b"figleaf: no model 'none'")
    assert len(errors.splitlines()) == 1


def test_ctrl_c_keeps_what_was_done(folder: Path, tmp_path: Path) -> None:
    listed, output = tmp_path / "list.txt", tmp_path / "out.json"
    listed.write_text(f"{folder / 'coffee.png'}\n" * 100_000)
    with command("classify", "--list", listed, "-o", output, *SMALL) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".out.json.*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    done = json.loads(output.read_text())
    assert 0 < len(done) < 100_000
    assert f"interrupted after {len(done):,} inputs".encode() in errors
    assert b"Traceback" not in errors


def test_a_reader_that_goes_away_is_no_error(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"{folder / 'coffee.png'}\n" * 2000)
    with command("classify", "--list", listed, "-f", "jsonl", *SMALL) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
    assert b"Traceback" not in errors
    assert b"Exception" not in errors
