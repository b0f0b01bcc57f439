"""`figleaf hash`, and the lists that are made with it."""

import csv
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from figleaf.classify.lists import load_lists
from figleaf.cli.app import app
from figleaf.errors import RulesError
from figleaf.images import decode
from figleaf.images.phash import pdq


def hashed(*words: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["hash", *map(str, words)], input=stdin)


def classified(*words: object) -> Result:
    arguments = ["classify", *map(str, words), "--model", "mobilenet_v2"]
    return CliRunner().invoke(app, arguments)


def test_what_is_printed_is_a_list(folder: Path, tmp_path: Path) -> None:
    photo = folder / "astronaut.png"
    data = photo.read_bytes()
    result = hashed(photo)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"sha256:{hashlib.sha256(data).hexdigest()}  # {photo}",
        f"pdq:{pdq(decode(data).pixels).hex}  # {photo}, quality 100",
    ]
    for options in ((), ("--json",)):
        path = tmp_path / "list"
        path.write_text(hashed(folder, "-r", *options).stdout)
        lists = load_lists(block=[path])
        assert len(lists.block) == 6
        assert lists.of_bytes(data)


def test_kinds_and_standard_input(folder: Path) -> None:
    data = (folder / "coffee.png").read_bytes()
    lines = hashed("-", "--kind", "sha256", stdin=data).stdout
    assert lines == f"sha256:{hashlib.sha256(data).hexdigest()}  # <stdin>\n"
    assert hashed("-", "--kind", "pdq", stdin=data).stdout.startswith("pdq:")
    assert hashed("-", "--kind", "md5", stdin=data).exit_code == 2


def test_json_has_every_field(folder: Path) -> None:
    (record,) = map(json.loads, hashed(folder / "coffee.png", "--json").stdout.splitlines())
    assert set(record) == {"input", "status", "reason", "sha256", "pdq", "quality"}
    assert (record["status"], record["quality"]) == ("ok", 100)


def test_what_is_no_picture_is_listed_by_its_bytes(folder: Path) -> None:
    (folder / "note.txt").write_text("no picture")
    result = hashed(folder / "note.txt", folder / "gone.jpg")
    assert result.exit_code == 3
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == ["sha256"]
    assert "note.txt: not_an_image: " in result.stderr
    assert "gone.jpg: not_found: no such file" in result.stderr


def test_a_vague_hash_is_shown_and_not_listed(tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save(plain)
    result = hashed(plain)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].startswith("# pdq:")
    assert "too little detail" in result.stderr
    (tmp_path / "list.txt").write_text(result.stdout)
    assert not load_lists(block=[tmp_path / "list.txt"]).needs_pdq


def test_a_name_adds_no_line_to_a_list(folder: Path, tmp_path: Path) -> None:
    odd = folder / f"a\nsha256:{'0' * 64}\n\x1b[31m.png"
    (folder / "coffee.png").rename(odd)
    result = hashed(odd)
    assert "\x1b" not in result.stdout
    (tmp_path / "list.txt").write_text(result.stdout)
    assert len(load_lists(block=[tmp_path / "list.txt"]).block) == 2


@pytest.fixture
def lists(folder: Path, tmp_path: Path) -> list[str]:
    """Options that allow one photo and block another; sub/rocket.jpg is on neither."""
    allowed, blocked = tmp_path / "allowed.txt", tmp_path / "blocked.txt"
    allowed.write_text(hashed(folder / "astronaut.png", "--kind", "pdq").stdout)
    blocked.write_text(hashed(folder / "coffee.png", "--kind", "sha256").stdout)
    return ["--allow-list", str(allowed), "--block-list", str(blocked)]


def test_a_correction_sticks(folder: Path, lists: list[str], harsh: Path) -> None:
    result = classified(folder, "-r", "-f", "jsonl", *lists, "--policy", harsh)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["decision"], one["reason"]) for one in found[:2]] == [
        ("allow", "allow list allowed.txt (pdq)"),
        ("block", "block list blocked.txt (sha256)"),
    ]
    for one in found[:2]:
        assert (one["status"], one["label"], one["scores"], one["unsafe"]) == ("ok", None, {}, None)
        assert (one["policy"], one["model"]) == ("harsh@1", "mobilenet_v2@1")
    assert found[2]["decision"] == "block"
    assert found[2]["label"]
    assert "3 inputs, 1 allow, 2 block" in result.stderr


def test_exit_codes_go_by_the_lists(folder: Path, lists: list[str], harsh: Path) -> None:
    allow, block = lists[:2], lists[2:]
    assert classified(folder, *block).exit_code == 1
    assert classified(folder / "astronaut.png", *allow, "--policy", harsh).exit_code == 0
    assert isinstance(classified(folder, "--block-list", "gone").exception, RulesError)


def test_several_lists_may_be_given(folder: Path, lists: list[str], tmp_path: Path) -> None:
    more = tmp_path / "more.txt"
    more.write_text(hashed(folder / "astronaut.png", "--kind", "sha256").stdout)
    result = classified(folder, "-f", "jsonl", *lists, "--block-list", more)
    decisions = [json.loads(line)["decision"] for line in result.stdout.splitlines()]
    assert decisions == ["block", "block"]


def test_every_format_shows_it(folder: Path, lists: list[str], tmp_path: Path) -> None:
    table = classified(folder, "-r", *lists).stdout.splitlines()
    assert table[1].split()[1:] == ["allow", "list", "allowed.txt", "(pdq)", "allow"]
    assert table[2].split()[1:] == ["block", "list", "blocked.txt", "(sha256)", "block"]
    # The verdicts lie one under the other.
    assert table[1].rindex("allow") == table[3].rindex("allow")
    (record,) = json.loads(classified(folder / "coffee.png", "-f", "json", *lists).stdout)
    assert (record["decision"], record["scores"]) == ("block", {})
    row = next(csv.DictReader(io.StringIO(classified(folder, "-f", "csv", *lists).stdout)))
    assert (row["label"], row["neutral"], row["decision"]) == ("", "", "allow")
    line = classified(folder / "coffee.png", "-f", "nsfwjs", *lists).stdout
    assert json.loads(line)["predictions"] == []
    output = tmp_path / "out.parquet"
    classified(folder, "-o", output, *lists)
    stored = pyarrow.parquet.read_table(output).to_pylist()
    assert [(one["label"], one["decision"]) for one in stored] == [(None, "allow"), (None, "block")]


@pytest.mark.parametrize("key", ["unsafe", "porn"])
def test_what_was_listed_comes_between_scores_and_failures(
    folder: Path, lists: list[str], key: str
) -> None:
    words = (folder / "gone.jpg", folder, "-r", "-f", "jsonl", *lists)
    found = [json.loads(line) for line in classified(*words, "--sort", key).stdout.splitlines()]
    names = [Path(one["input"]).name for one in found]
    assert names == ["rocket.jpg", "astronaut.png", "coffee.png", "gone.jpg"]
    only = [json.loads(line) for line in classified(*words, "--only", "block").stdout.splitlines()]
    assert [Path(one["input"]).name for one in only] == ["coffee.png"]
    failed = classified(*words, "--only", "failed").stdout.splitlines()
    assert [Path(json.loads(line)["input"]).name for line in failed] == ["gone.jpg"]
