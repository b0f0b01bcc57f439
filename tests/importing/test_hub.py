"""The hub, spoken to by the real library over real HTTP, on the loopback interface."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from figleaf.errors import ImportModelError, InputError
from figleaf.importing.huggingface.hub import parse_source
from figleaf.importing.importer import import_model
from figleaf.models.card import read_card

from .hub_server import COMMIT, Hub, hub
from .onnx_models import lay_out

pytest.importorskip("huggingface_hub")

NAME = "owner/red-model"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Hub]:
    folder = lay_out(tmp_path / "repository")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "onnx/model_fp16.onnx").write_bytes(b"another")
    (folder / "training_args.bin").write_bytes(b"another pickle")
    with hub(NAME, folder) as running:
        yield running


# The library reads HF_HUB_OFFLINE once, when it is imported, and other tests set it.
ONLINE = """
import sys
from pathlib import Path
from figleaf.errors import ImportModelError
from figleaf.importing.importer import import_model
from figleaf.importing.rules import ImportRules
source, out, endpoint = sys.argv[1:4]
revision = sys.argv[4] if len(sys.argv) > 4 else None
try:
    import_model(source, out, rules=ImportRules(revision=revision), tell=print,
                 endpoint=endpoint or None)
except ImportModelError as error:
    print("REFUSED", error)
"""


def run(
    source: str, out: Path, endpoint: str, *more: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    home = out.parent / "home"
    home.mkdir(exist_ok=True)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "TRANSFORMERS_")) and "proxy" not in name.lower()
    }
    return subprocess.run(
        [
            sys.executable,
            "-W",
            "error::DeprecationWarning:figleaf",
            "-c",
            ONLINE,
            source,
            str(out),
            endpoint,
            *more,
        ],
        env=kept | {"HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_only_what_is_needed_of_one_commit_is_downloaded(served: Hub, tmp_path: Path) -> None:
    out = tmp_path / "red"
    done = run(f"hf:{NAME}", out, served.endpoint)
    assert done.returncode == 0, done.stderr
    card = read_card(out / "card.json")
    assert card.imported is not None
    assert (card.imported.repository, card.imported.revision) == (NAME, COMMIT)
    assert card.version == COMMIT[:12]
    assert card.license == "mit"
    wanted = {"README.md", "config.json", "onnx/model.onnx", "preprocessor_config.json"}
    assert card.imported.files.keys() == wanted
    got = {one.partition(" ")[2] for one in served.asked if one.startswith("GET /owner")}
    assert got == {f"/{NAME}/resolve/{COMMIT}/{name}" for name in wanted}
    assert f"repository: {NAME} at {COMMIT}" in done.stdout
    for name in wanted:
        assert f"downloaded: {name}, " in done.stdout
    assert done.stdout.index("downloaded:") < done.stdout.index("classes: normal -> sfw")
    assert not any("telemetry" in one for one in served.asked)
    assert all("torch" not in agent for agent in served.agents)
    assert [path.name for path in (tmp_path / "home").rglob("*") if path.is_file()] == []


def test_the_hubs_address_is_that_of_the_environment(served: Hub, tmp_path: Path) -> None:
    done = run(f"hf:{NAME}@main", tmp_path / "red", "", HF_ENDPOINT=served.endpoint)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "red/card.json").is_file()


@pytest.mark.parametrize(
    ("refusal", "complaint"),
    [
        ((401, "RepoNotFound"), "no such model, or it is private"),
        ((404, "RepoNotFound"), "no such model, or it is private"),
        ((403, "GatedRepo"), "accept its terms on its page"),
        ((500, ""), "the hub gives nothing"),
    ],
)
def test_what_the_hub_refuses_is_told_in_our_words(
    served: Hub, tmp_path: Path, refusal: tuple[int, str], complaint: str
) -> None:
    served.refusal = refusal
    done = run(f"hf:{NAME}", tmp_path / "red", served.endpoint)
    assert complaint in done.stdout, done.stderr
    assert not (tmp_path / "red").exists()


def test_without_a_network_it_says_what_to_do(served: Hub, tmp_path: Path) -> None:
    gone = run(f"hf:{NAME}", tmp_path / "red", "http://127.0.0.1:9")
    assert "import their folder" in gone.stdout, gone.stderr
    offline = run(f"hf:{NAME}", tmp_path / "red", served.endpoint, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in offline.stdout, offline.stderr
    assert served.asked == []


def test_a_revision_that_is_not_there_is_named(served: Hub, tmp_path: Path) -> None:
    done = run(f"hf:{NAME}", tmp_path / "red", served.endpoint, "v9")
    assert "has no revision 'v9'" in done.stdout, done.stderr


def test_a_damaged_download_is_noticed(served: Hub, tmp_path: Path) -> None:
    served.lied.add("onnx/model.onnx")
    done = run(f"hf:{NAME}", tmp_path / "red", served.endpoint)
    assert "the download is damaged" in done.stdout, done.stderr
    assert not (tmp_path / "red").exists()


def test_shards_are_those_that_the_index_names(tmp_path: Path) -> None:
    # Refused once it is there, so that torch need not look at it.
    folder = lay_out(tmp_path / "repository", config={"problem_type": "regression"})
    (folder / "onnx/model.onnx").unlink()
    for name in ("one", "two", "stray"):
        (folder / f"{name}.safetensors").write_bytes(name.encode())
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with hub(NAME, folder) as served:
        done = run(f"hf:{NAME}", tmp_path / "red", served.endpoint)
        assert "downloaded: one.safetensors, 3 bytes" in done.stdout, done.stderr
        assert "stray" not in done.stdout
        index["weight_map"]["c"] = "../../.ssh/id.safetensors"
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        done = run(f"hf:{NAME}", tmp_path / "red", served.endpoint)
        assert "is no safetensors file beside it" in done.stdout, done.stderr
        for broken in ("{", "[]", '{"weight_map": {}, "weight_map": 1}'):
            (folder / "model.safetensors.index.json").write_text(broken)
            done = run(f"hf:{NAME}", tmp_path / "red", served.endpoint)
            assert "REFUSED" in done.stdout, done.stderr


def test_another_commit_than_the_one_asked_for_is_refused(served: Hub, tmp_path: Path) -> None:
    done = run(f"hf:{NAME}", tmp_path / "red", served.endpoint, COMMIT)
    assert done.returncode == 0, done.stderr
    served.moved = True
    done = run(f"hf:{NAME}", tmp_path / "other", served.endpoint, COMMIT)
    assert f"asked for the commit {COMMIT}, the hub gives" in done.stdout, done.stderr
    assert not (tmp_path / "other").exists()


def test_how_a_repository_is_written() -> None:
    assert parse_source("hf:owner/name") == ("owner/name", None)
    assert parse_source("hf:owner/name@v1") == ("owner/name", "v1")
    assert parse_source("hf:owner/name", "v1") == ("owner/name", "v1")
    for text in ("hf:name", "hf:owner/name@", "hf:a/b/c", "hf:../name x", "hf:"):
        with pytest.raises(ImportModelError, match="write hf:OWNER/NAME"):
            parse_source(text)
    with pytest.raises(ImportModelError, match="says another one"):
        parse_source("hf:owner/name@v1", "v2")


def test_what_is_there_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is overwritten"):
        import_model(f"hf:{NAME}", tmp_path, endpoint="http://127.0.0.1:9")
