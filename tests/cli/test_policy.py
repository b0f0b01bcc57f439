"""`figleaf policy fit` as people run it: table, file, hints, codes."""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from .test_collect import Done, figleaf

PHOTOS = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "rocket.jpg", "page.png")


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """Six photos, one of them twice, and a page under a picture's name."""
    folder = tmp_path_factory.mktemp("made") / "my traffic"
    folder.mkdir()
    for name in PHOTOS:
        shutil.copy(pictures / name, folder)
    shutil.copy(pictures / "camera.png", folder / "again.png")
    (folder / "gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    return folder


def fit(*words: object, **environment: str) -> Done:
    return figleaf("policy", "fit", "-m", "mobilenet_v2", "--repeats", "20", *words, **environment)


def test_a_table_a_file_and_what_to_do_next(safe: Path, tmp_path: Path) -> None:
    path = tmp_path / "my policy.toml"
    done = fit("--safe", safe, "--fpr", ".5", "--fpr", ".15", "-o", path)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].split("  ")[0] == "decision"
    assert "95% interval" in lines[0]
    assert "recall" not in lines[0]
    review, block = (line.split() for line in lines[1:3])
    assert (review[:3], review[5:7]) == (["review", "rate", "0.5"], ["3", "43%"])
    assert (block[:3], block[5:7]) == (["block", "rate", "0.15"], ["1", "14%"])
    assert lines[4].split() == ["of", "10,000,", "1%", "unsafe", "safe", "unsafe"]
    assert lines[5].split() == ["allow", "5,657.1", "-"]
    told = done.err.splitlines()
    assert told[:2] == [
        "safe: my traffic, 7 images; 1 file left out: not_an_image 1",
        "safe: 1 image repeats another, by bytes or nearly: intervals count them together",
    ]
    assert told[-2].startswith(f"{path}: fitted@1, for mobilenet_v2@1 alone")
    assert figleaf("policies", path).code == 0
    # The command that is shown is run as it stands: what is held back is what was said.
    next_ = figleaf(*shlex.split(told[-1])[1:], "--format", "jsonl")
    assert next_.code == 1
    assert len(next_.out.splitlines()) == 4  # 3 photos, and the page


def test_the_command_of_the_issue_writes_a_file(
    safe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = fit("--safe", safe, "--fpr", ".001")
    assert done.code == 0
    assert "less than one of 7 images" in done.err
    assert (tmp_path / "policy.toml").read_text("utf-8").count("review = 0.") == 1
    done = fit("--safe", safe)
    assert (done.code, done.out) == (2, "")
    assert "figleaf: policy.toml: is there already; --overwrite replaces it" in done.err
    assert fit("--safe", safe, "--overwrite", "-q").code == 0


def test_json_with_unsafe_pictures(safe: Path, tmp_path: Path, pictures: Path) -> None:
    """Drawings stand in for what is unsafe."""
    for name in ("text.png", "horse.png"):
        (tmp_path / "drawn").mkdir(exist_ok=True)
        shutil.copy(pictures / name, tmp_path / "drawn")
    words = ["--unsafe", tmp_path / "drawn", "--unsafe-class", "drawings", "--recall", "1"]
    words += ["--fpr", ".2", "--base-rate", ".5", "--name", "mine", "--policy-version", "3"]
    words += ["--unreadable", "block", "-o", tmp_path / "p.toml"]
    done = fit("--safe", safe, "--json", *words)
    assert done.code == 0
    found = json.loads(done.out)
    assert found["policy"] == "mine@3"
    assert found["unsafe_classes"] == ["drawings"]
    assert {line["aim"] for line in found["lines"]} == {"recall", "false_positive_rate"}
    assert found["lines"][0]["recall"]["value"] == 1
    assert sum(band["expected_unsafe"] for band in found["decisions"]) == 5000
    assert 'unreadable = "block"' in (tmp_path / "p.toml").read_text("utf-8")
    done = fit("--safe", safe, *words, "--overwrite")
    assert "recall" in done.out.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--safe", "{}", "--fpr", "2"], "--fpr must be a share, 0..1, not 2.0"),
        (["--safe", "{}", "--recall", ".9"], "recall needs unsafe pictures"),
        (["--safe", "{}", "--recall", "0"], "--recall must be a share above 0"),
        (["--safe", "{}/none"], "No such file"),
        (["--safe", ""], "an empty name: name a folder of pictures"),
        (["--safe", "{}", "--unsafe", "{}"], "name each file once"),
        (["--safe", "{}", "--unsafe-class", "nude"], "has no class 'nude'; it has drawings"),
        (["--safe", "{}", "-m", "none"], "none"),
        (["--safe", "{}", "-o", "{}"], "a folder; name a file to write the policy to"),
        ([], "Missing option '--safe'"),
    ],
)
def test_wrong_use(
    words: list[str], message: str, safe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = fit(*(word.format(safe) for word in words))
    assert done.code == 2
    assert message in done.err
    assert list(tmp_path.iterdir()) == []
