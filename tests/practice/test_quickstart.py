"""The whole job on a small practice set: offline, in one folder, and on from where it stopped."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from figleaf.curate.watch import Watch
from figleaf.errors import InputError
from figleaf.pipeline.rules import StageName
from figleaf.pipeline.run import RunWatch
from figleaf.practice.listing import Recipe
from figleaf.practice.pictures import STAND_INS
from figleaf.practice.quickstart import Quickstart, quickstart, recipe
from figleaf.practice.serving import Ports, serving

FAULTS = {"gone": 2, "dead host": 1, "page": 1, "resized": 1, "two classes": 1, "mislabelled": 2}
SMALL = Recipe(dict.fromkeys(STAND_INS, 9), FAULTS)

SCRIPT = r"""
import fcntl, json, socket, struct, sys
from figleaf.practice.quickstart import quickstart
from figleaf.practice.listing import Recipe

with socket.socket() as one:  # SIOCSIFFLAGS: this machine's own interface, up
    fcntl.ioctl(one, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
interfaces = [name for _, name in socket.if_nameindex()]
done = quickstart(sys.argv[1], made=Recipe(*json.loads(sys.argv[2])))
print(json.dumps([interfaces, len(done.surprises), len(done.run.stages)]))
"""
TRACE = "connect,sendto,open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2"
WRITES = re.compile(r"\b(mkdir|mkdirat|rename|renameat|renameat2|creat)\(|O_(WRONLY|RDWR|CREAT)")
NAMED = re.compile(r'"([^"]+)"')


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Quickstart:
    return quickstart(tmp_path_factory.mktemp("made") / "quick", made=SMALL)


def _stopped(stage: StageName) -> RunWatch:
    """Who stops a run in the middle of a stage."""
    at: list[StageName] = []

    def stop(count: int) -> None:
        if at[-1] is stage and count >= 3:
            raise KeyboardInterrupt

    return RunWatch(begins=at.append, within=Watch(done=stop))


def test_the_small_set_gives_a_report(made: Quickstart) -> None:
    page = made.run.page.read_text("utf-8")
    assert "Practice set" in page
    assert made.run.page.is_relative_to(made.run.out)
    assert made.surprises == ()
    assert made.mislabelled == 2
    assert 0 <= made.found <= made.mislabelled
    assert made.looked_at <= 4
    assert [one.name for one in made.run.stages] == list(StageName)


def test_the_same_call_again_does_nothing(made: Quickstart) -> None:
    again = quickstart(made.run.out.parent, made=SMALL)
    assert all(one.skipped for one in again.run.stages)
    assert again.to_dict()["found"] == made.found
    assert again.surprises == ()


def test_what_was_stopped_while_it_was_served_goes_on(made: Quickstart, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        quickstart(tmp_path / "quick", made=SMALL, watch=_stopped(StageName.COLLECT))
    begun = (tmp_path / "quick" / "practice.json").read_text()
    done = quickstart(tmp_path / "quick", made=SMALL)
    assert (tmp_path / "quick" / "practice.json").read_text() == begun  # the same ports
    assert done.surprises == ()
    assert done.run.figures["clean"] == made.run.figures["clean"]
    assert done.run.figures["evaluate"] == made.run.figures["evaluate"]


def test_a_port_that_another_program_has_taken_meanwhile(made: Quickstart) -> None:
    folder = made.run.out.parent
    ports = json.loads((folder / "practice.json").read_bytes())
    with (
        serving(lambda path: None, Ports(ports["live"])),  # type: ignore[arg-type,return-value]
        pytest.raises(InputError, match=f"the ports {ports['live']} and {ports['dead']}"),
    ):
        quickstart(folder, made=SMALL)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(InputError, match="no quickstart's"):
            quickstart(place, made=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_what_a_killed_one_was_about_to_write_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "practice.json.part").write_text("{")
    with pytest.raises(KeyboardInterrupt):
        quickstart(tmp_path, made=SMALL, watch=_stopped(StageName.COLLECT))
    assert json.loads((tmp_path / "practice.json").read_bytes())["seed"] == 0


def test_another_seed_in_the_same_folder(made: Quickstart) -> None:
    with pytest.raises(InputError, match="begun with seed 0"):
        quickstart(made.run.out.parent, seed=1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 9}', '{"format": 1, "seed": "x"}'])
def test_a_record_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "practice.json").write_text(text)
    with pytest.raises(InputError, match="not as it was written"):
        quickstart(tmp_path)


def test_the_set_is_in_the_references_proportions_with_enough_of_each() -> None:
    made = recipe()
    order = sorted(made.sound, key=lambda label: made.sound[label])
    assert order[0] == "hentai"
    assert order[-2:] == ["neutral", "porn"]
    assert min(made.sound.values()) >= 30
    assert 0.02 <= made.faults["mislabelled"] / sum(made.sound.values()) <= 0.05
    assert 400 <= sum(made.sound.values()) + sum(made.faults.values()) <= 600


def test_the_docs_tell_of_this_set() -> None:
    text = (Path(__file__).parents[2] / "docs" / "quickstart.md").read_text("utf-8")
    made = recipe()
    rows = [line for line in text.splitlines() if re.match(r"\|.*\|\s*\d+ \|", line)]
    counts = [int(line.split("|")[2]) for line in rows]
    assert sum(counts) == sum(made.sound.values()) + sum(made.faults.values())
    assert f"{sum(counts)} URLs in five lists" in text
    assert counts[0] == sum(made.sound.values())


@pytest.mark.skipif(
    not (shutil.which("strace") and shutil.which("unshare")),
    reason="strace or unshare is not installed",
)
def test_no_network_but_this_machines_and_nothing_written_elsewhere(tmp_path: Path) -> None:
    home, out, trace = tmp_path / "home", tmp_path / "quick", tmp_path / "trace"
    temporary = tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    environment = {
        key: value for key, value in os.environ.items() if key not in ("CI", "MPLCONFIGDIR")
    }
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    words = ["unshare", "-rn", "strace", "-f", "-qq", "-e", f"trace={TRACE}", "-o", str(trace)]
    asked = json.dumps([dict(SMALL.sound), dict(SMALL.faults)])
    done = subprocess.run(
        [*words, sys.executable, "-c", SCRIPT, str(out), asked],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [["lo"], 0, len(StageName)]
    lines = [line for line in trace.read_text().splitlines() if "= -1" not in line]
    assert any("practice.json" in line for line in lines)  # it did trace
    asked_for = [line for line in lines if "sin_port" in line]
    assert [line for line in asked_for if '"127.0.0.1"' not in line] == []
    named = {path for line in lines if WRITES.search(line) for path in NAMED.findall(line)}
    within = (str(out), str(temporary), "/dev/", "/proc/")
    assert {path for path in named if not path.startswith(within)} == set()
    assert [*home.iterdir(), *temporary.iterdir()] == []
