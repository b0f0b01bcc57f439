"""The command as its users run it, in this process where that is enough."""

import csv
import io
import json
import os
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow.parquet
import pytest
import skimage.data
from PIL import Image
from typer.testing import CliRunner, Result

from figleaf.cli.app import app
from figleaf.errors import FigleafError, InputError

DATA = Path(skimage.data.data_dir)
SMALL = ["--model", "mobilenet_v2"]


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    words = ["classify", *map(str, arguments), *SMALL]
    return CliRunner().invoke(app, words, input=stdin, catch_exceptions=True)


def records(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


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
        (["--list", "."], "takes a file of paths"),
    ],
)
def test_wrong_use_says_what_to_do(arguments: list[str], complaint: str) -> None:
    assert complaint in str(raised(run(*arguments)))


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    """A policy that blocks what cannot be read, and no photo."""
    path = tmp_path / "strict.toml"
    path.write_text(
        'format = 1\nname = "s"\nversion = 1\ndescription = ""\nunreadable = "block"\n'
        '[sums.unsafe]\nclasses = ["porn"]\nblock = 1\n'
    )
    return path


def test_what_failed_is_counted_once_and_its_decision_is_kept(folder: Path, strict: Path) -> None:
    arguments = [folder, folder / "none.jpg", "--policy", strict, "-f", "jsonl"]
    result = run(*arguments)
    assert "3 inputs, 2 allow, 1 failed (1 not_found) in" in result.stderr
    assert result.exit_code == 1
    for only in ("block", "failed"):
        (kept,) = records(run(*arguments, "--only", only))
        assert kept["status"] == "not_found"
    assert len(records(run(*arguments, "--only", "allow"))) == 2
    assert records(run(*arguments, "--only", "review")) == []


def test_standard_input_has_a_name_and_limits(folder: Path) -> None:
    picture = (folder / "coffee.png").read_bytes()
    for data, status in ((picture, "ok"), (b"", "empty"), (b"text", "not_an_image")):
        (record,) = records(run("-", "-f", "jsonl", stdin=data))
        assert (record["input"], record["status"]) == ("<stdin>", status)
    (large,) = records(run("-", "-f", "jsonl", "--max-bytes", 1000, stdin=picture))
    assert large["status"] == "too_many_bytes"


@pytest.mark.parametrize(
    ("late", "complaint"),
    [
        (["no/match/*.png"], "no file matches"),
        (["--list", "no-such-list"], "takes a file of paths"),
        (["--list", "."], "takes a file of paths"),
    ],
)
def test_wrong_use_is_found_before_the_model_is_loaded(
    folder: Path, late: list[str], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "figleaf.cli.classifying.asked.load", lambda *_, **__: pytest.fail("loaded")
    )
    assert complaint in str(raised(run(folder, *late)))


def test_a_list_that_is_a_pipe_is_read_once(folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=(f"{folder / 'coffee.png'}\n",))
    writer.start()
    found = records(run("--list", pipe, "-f", "jsonl"))
    writer.join(timeout=20)
    assert [record["status"] for record in found] == ["ok"]


def film(path: Path) -> Path:
    with Image.open(DATA / "astronaut.png") as image:
        upright = image.convert("RGB").resize((64, 64))
    upright.save(path, save_all=True, append_images=[upright.rotate(90)], duration=700, loop=0)
    return path


def test_a_film_has_a_timeline(tmp_path: Path) -> None:
    path = film(tmp_path / "a.webp")
    (record,) = records(run(path, "-f", "jsonl", "-k", 2))
    assert [frame["seconds"] for frame in record["frames"]] == [0.0, 0.7]
    assert all(len(frame["scores"]) == 2 for frame in record["frames"])
    assert record["reason"].endswith("(max of 2 frames)")
    (mean,) = records(run(path, "-f", "jsonl", "--verdict", "mean"))
    assert mean["reason"].endswith("(mean of 2 frames)")
    (first,) = records(run(path, "-f", "jsonl", "--frames", 1))
    assert len(first["frames"]) == 1
    (long,) = records(run(path, "-f", "jsonl", "--longest", 1))
    assert long["status"] == "unsupported"
    assert isinstance(run(path, "--verdict", "min").exception, InputError)


def test_a_film_in_tables(tmp_path: Path) -> None:
    path = film(tmp_path / "a.webp")
    assert run(path).stdout.splitlines()[1].endswith(", 2 frames")
    rows = list(csv.DictReader(io.StringIO(run(path, "-f", "csv").stdout)))
    assert "frames" not in rows[0]
    assert rows[0]["reason"].endswith("(max of 2 frames)")
    target = tmp_path / "out.parquet"
    assert run(path, "-o", target).exit_code == 0
    assert "frames" not in pyarrow.parquet.read_table(target).column_names
    (record,) = records(run(path, "-f", "nsfwjs"))
    assert set(record) == {"input", "status", "predictions"}
