"""The documentation against the code: names, options, links, and every example run."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import typer
from PIL import Image

import figleaf
from figleaf import labels
from figleaf.classify.policy import load_policy, presets
from figleaf.cli.app import app
from figleaf.dataset.records import Item, Kind, Reason
from figleaf.models.bundle import embedded, find_bundle
from figleaf.sources.vetting.categories import load_categories
from figleaf.sources.vetting.deny import load_deny_list
from figleaf.sources.vetting.plan import decide

ROOT = Path(__file__).parents[1]
READMES = [ROOT / "README.md", ROOT / "README.ko.md"]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*READMES, *DOCS, *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md"))]

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_PICTURES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
_TERMINAL = 90  # columns of the transcripts


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its text, and the line that it begins at."""

    page: Path
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path, *languages: str) -> list[Block]:
    source = page.read_text("utf-8")
    return [
        Block(page, found[2], dedent(found[3]), source[: found.start()].count("\n") + 1)
        for found in _FENCE.finditer(source)
        if found[2] in languages
    ]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def desk(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the examples assume: photo.jpg, photos/, slides.gif and my-policy.toml."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in _PICTURES:
        shutil.copy(pictures / name, photos)
    (photos / "gone.jpg").write_text("<!DOCTYPE html><title>404</title>")
    shutil.copy(pictures / "rocket.jpg", tmp_path / "photo.jpg")
    _save_slides(tmp_path / "slides.gif", pictures)
    (policy,) = blocks(ROOT / "docs/policies.md", "toml")
    (tmp_path / "my-policy.toml").write_text(policy.text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _save_slides(path: Path, pictures: Path) -> None:
    names = ("coffee.png", "rocket.jpg", "astronaut.png")
    first, *others = (
        Image.open(pictures / name).convert("RGB").resize((320, 240)) for name in names
    )
    first.save(path, save_all=True, append_images=others, duration=2000, loop=0)


# Python


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=name_of)
def test_python_blocks_run(page: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "example"}
    for block in blocks(page, "python"):
        # As many lines above as in the page, so that a traceback points into it.
        exec(compile("\n" * block.line + block.text, page, "exec"), namespace)


@pytest.mark.parametrize("name", figleaf.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert f"| `figleaf.{name}` |" in (ROOT / "docs/python.md").read_text("utf-8")


@pytest.mark.parametrize("status", figleaf.Status)
def test_every_status_is_documented(status: figleaf.Status) -> None:
    assert f"| `{status}` |" in (ROOT / "docs/classify.md").read_text("utf-8")


# The command line

CLI: Any = typer.main.get_command(app)


def commands_of(group: Any, before: str = "") -> dict[str, Any]:
    """Name -> command, those in groups under both names: "export dataset"."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = commands_of(command, f"{before}{name} ") if hasattr(command, "commands") else {}
        found |= inner or {f"{before}{name}": command}
    return found


NAMED = commands_of(CLI)
COMMANDS: dict[str, Any] = {"figleaf": CLI, **NAMED}


def options_of(command: str) -> set[str]:
    """Every long and short option of a command."""
    params = COMMANDS[command].params
    names = {name for option in params for name in (*option.opts, *option.secondary_opts)}
    return {name for name in names if name.startswith("-")} | {"--help", "-h"}


def documented_options() -> dict[str, set[str]]:
    """Command -> the options in the tables of its section of docs/cli.md."""
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    titles = [("figleaf", 0, 0)]
    titles += [
        (t[1], t.start(), t.end()) for t in re.finditer(r"^## figleaf ([\w ]+)$", page, re.M)
    ]
    ends = [start for _, start, _ in titles[1:]] + [len(page)]
    rows = re.compile(r"^\| (`-.*?) \|", re.MULTILINE)
    return {
        command: set(re.findall(r"`(-[\w-]+)`", " ".join(rows.findall(page[start:end]))))
        for (command, _, start), end in zip(titles, ends, strict=True)
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented_and_no_other(command: str) -> None:
    everywhere = {"--help", "-h"}
    assert documented_options()[command] - everywhere == options_of(command) - everywhere


def options_with_defaults() -> list[Any]:
    """Command, option and default of every option that has one in the code; a flag's is off."""
    return [
        (command, option.opts[0], option.default)
        for command in NAMED
        for option in COMMANDS[command].params
        if option.opts[0].startswith("--") and type(option.default) not in (bool, type(None))
    ]


@pytest.mark.parametrize(("command", "option", "default"), options_with_defaults())
def test_defaults_are_documented(command: str, option: str, default: Any) -> None:
    section = (ROOT / "docs/cli.md").read_text("utf-8").partition(f"## figleaf {command}\n")[2]
    row = re.search(rf"^\| `{option}`.*\| (.*?) \|$", section, re.MULTILINE)
    assert row
    assert row[1].strip("`") == str(default)


def test_help_is_documented() -> None:
    assert documented_options()["figleaf"] >= {"--help", "-h"}


def test_every_command_is_documented_and_no_other() -> None:
    assert documented_options().keys() == COMMANDS.keys()


@pytest.mark.parametrize("command", NAMED)
def test_every_command_has_an_example(command: str) -> None:
    example = f"figleaf {command}"
    assert f"Example: {example}" in COMMANDS[command].help
    assert re.search(rf"^\$ {example}\b", (ROOT / "docs/cli.md").read_text("utf-8"), re.MULTILINE)


def shown_commands() -> list[tuple[Block, str]]:
    """Every use of figleaf in a block for a shell, from its name to the end of the command."""
    use = re.compile(r"(?<![\w.-])figleaf(?: [^|&;\n]*)?(?=$|[|&;\n])", re.MULTILINE)
    return [
        (block, found[0])
        for page in PAGES
        for block in blocks(page, "console", "bash")
        for found in use.finditer("\n".join(commands_in(block)))
    ]


def commands_in(block: Block) -> list[str]:
    lines = block.text.splitlines()
    if block.language == "bash":
        return lines
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.mark.parametrize(("block", "use"), shown_commands(), ids=str)
def test_shown_commands_exist(block: Block, use: str) -> None:
    words = shlex.split(use)[1:]
    command = next(
        (name for name in NAMED if words[: len(name.split())] == name.split()), "figleaf"
    )
    if command == "figleaf" and words[:1] == ["models"]:
        command = "models list"  # what is short for it
    assert command != "figleaf" or not words or words[0].startswith("-"), block
    options = {word for word in words if re.match(r"--?[a-z]", word)}
    assert options <= options_of(command), block


def transcripts() -> list[tuple[str, str]]:
    """Command and output of every block that shows the output of one command, each pair once."""
    shown = [
        block.text.removeprefix("$ ").partition("\n")
        for page in PAGES
        for block in blocks(page, "console")
        if len(commands_in(block)) == 1
    ]
    return list(dict.fromkeys((command, output) for command, _, output in shown if output))


def without_figures(text: str) -> str:
    """Figures and bars masked: another processor may round the last digit differently."""
    text = re.sub(r"\d+(\.\d+)?(e-\d+)?", "#", text)
    return re.sub(r"[ ▏▎▍▌▋▊▉█]+", " ", text)


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """What `figleaf collect neutral=photos --out my-data` makes, but for the page in photos/."""
    root = tmp_path_factory.mktemp("collection")
    (root / "photos").mkdir()
    for name in _PICTURES:
        shutil.copy(pictures / name, root / "photos")
    rules = figleaf.CollectRules(workers=1)
    figleaf.collect([f"neutral={root / 'photos'}"], root / "my-data", rules=rules)
    return root / "my-data"


@pytest.mark.parametrize(("command", "output"), transcripts(), ids=lambda text: text[:60])
def test_transcripts_are_what_is_printed(
    desk: Path, collection: Path, command: str, output: str
) -> None:
    if " my-data" in command and "--out my-data" not in command:
        shutil.copytree(collection, desk / "my-data")
    words = [sys.executable, "-m", *shlex.split(command)]
    environment = os.environ | {"COLUMNS": str(_TERMINAL), "PYTHONUTF8": "1"}
    done = subprocess.run(words, env=environment, capture_output=True, check=False)
    assert without_figures(done.stdout.decode()) == without_figures(output)


# The pages


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))


def headings(page: Path) -> list[tuple[int, str]]:
    found = re.findall(r"^(#+) (.+)$", prose(page), re.MULTILINE)
    return [(len(marks), title) for marks, title in found]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in headings(page)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_internal_links_resolve(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_links_every_page() -> None:
    links = set(re.findall(r"\]\(([^)\s#]+)\)", prose(READMES[0])))
    assert {name_of(page) for page in DOCS} <= links


def test_both_readmes_have_the_same_structure() -> None:
    english, korean = READMES
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(korean)]
    shapes = [
        [(block.language, block.text) for block in blocks(page, "bash", "console", "python")]
        for page in READMES
    ]
    assert shapes[0] == shapes[1]
    assert linked(english) == linked(korean)


def linked(page: Path) -> list[str]:
    """The pages that a README links, but for the other README."""
    links = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return sorted({link for link in links if not link.startswith("README")})


@pytest.mark.parametrize(
    ("page", "language"), [(READMES[0], "en"), (READMES[1], "ko")], ids=("en", "ko")
)
def test_the_readme_defines_the_classes(page: Path, language: labels.Language) -> None:
    for label in labels.FIVE:
        row = rf"^\| `{label.name}` \| .* \| {re.escape(label.definition(language))} \|$"
        assert re.search(row, page.read_text("utf-8"), re.MULTILINE), label.name


@pytest.mark.parametrize("page", [*READMES, ROOT / "docs/models.md"], ids=name_of)
@pytest.mark.parametrize("model", embedded())
def test_the_models_are_listed_with_their_sizes(page: Path, model: str) -> None:
    megabytes = (find_bundle(model) / "model.onnx").stat().st_size / 1e6
    row = re.search(rf"^\| `{model}`.*\|$", page.read_text("utf-8"), re.MULTILINE)
    assert row
    assert f" {megabytes:.1f} " in row[0]


@pytest.mark.parametrize("preset", presets())
def test_the_presets_are_listed_with_their_thresholds(preset: str) -> None:
    page = (ROOT / "docs/policies.md").read_text("utf-8")
    row = re.search(rf"^\| `{preset}`.*\|$", page, re.MULTILINE)
    assert row
    policy = load_policy(preset)
    thresholds = {t for rule in policy.rules for t in (rule.review, rule.block) if t is not None}
    assert {float(figure) for figure in re.findall(r"\.\d+", row[0])} == thresholds
    assert row[0].endswith(f"| {policy.unreadable} |")


MEASURED = {
    "README.md": ("speed", "training"),
    "README.ko.md": ("speed", "training"),
    "docs/audit.md": ("audit-applied",),
    "docs/classify.md": ("drift", "borders", "crops", "explain"),
    "docs/curate.md": ("planted-faults",),
    "docs/models.md": ("false-alarms",),
    "docs/policies.md": ("policy-false-alarms",),
    "docs/train.md": ("clothing", "training-speed"),
    "benchmarks/README.md": (
        "results",
        "memory",
        "startup",
        "int8",
        "collect",
        "ledger",
        "duplicates",
        "curate",
        "features",
        "head",
        "training_cost",
        "clothing",
        "audit",
        "rehearsal",
    ),
}
"""The blocks of each page, between <!-- NAME --> and <!-- /NAME -->, that figures are put into."""


@pytest.mark.parametrize("page", MEASURED)
def test_measured_blocks_hold_figures(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for name in MEASURED[page]:
        (block,) = re.findall(f"<!-- {name} -->(.*?)<!-- /{name} -->", text, re.DOTALL)
        assert not re.search(r"not (measured|run) yet", block, re.IGNORECASE), name
        assert re.search(r"\d", block), name


@pytest.mark.parametrize("page", [*READMES, ROOT / "docs/models.md"], ids=name_of)
def test_the_choice_of_a_model_is_argued_with_what_was_measured(page: Path) -> None:
    results = ROOT / "benchmarks/results/safe_pictures.json"
    found = json.loads(results.read_text("utf-8"))["found"]
    photos = {one["model"]: one for one in found if one["pictures"] == found[0]["pictures"]}
    shares = {photos[name]["called"]["neutral"] for name in ("inception_v3", "mobilenet_v2")}
    shares |= {one["unsafe_over"]["0.5"] for one in photos.values()}
    wanted = {f"{100 * share:.1f}" for share in shares}
    wanted |= {f"{100 * photos['mobilenet_v2_mid']['called']['drawings']:.0f}"}
    stated = re.findall(r"(\d*\.?\d+) ?%", prose(page))
    assert wanted <= {figure if figure[0] != "." else f"0{figure}" for figure in stated}
    assert f"{found[0]['count']:,}" in prose(page)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_documented(reason: Reason) -> None:
    row = f"| `{reason}` | {reason.state} | {'yes' if reason.may_pass else 'no'} |"
    assert row in (ROOT / "docs/collect.md").read_text("utf-8")


def test_the_public_list_comes_to_what_is_documented() -> None:
    """Of the second public collection, by its categories' names and counts alone."""
    shared = os.environ.get("FIGLEAF_SHARED")
    if shared is None:
        pytest.skip("needs FIGLEAF_SHARED")
    lines = (Path(shared) / "categories.tsv").read_text("utf-8").splitlines()[1:]
    deny, categories = load_deny_list(), load_categories()
    counts: dict[str, list[int]] = {}
    for category, urls in (line.split("\t") for line in lines):
        item = Item(Kind.URL, "", "", "source", f"{category}/forum", category=category)
        denied, decision = deny.check(category), decide(item, deny, categories)
        tier = {1: "denied, tier one", 2: "denied, tier two"}.get(denied.tier if denied else 0)
        counts.setdefault(tier or decision.label or "unmapped", []).append(int(urls))
    page = (ROOT / "docs/data-sets.md").read_text("utf-8")
    counts["all"] = [urls for found in counts.values() for urls in found]
    for name, found in counts.items():
        assert f"| {name} | {len(found)} | {sum(found):,} |" in page, name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_marked_blocks_are_closed(page: Path) -> None:
    marks = re.findall(r"<!-- (/?)(speed|drift|[\w-]*false-alarms) -->", page.read_text("utf-8"))
    assert len(marks) % 2 == 0
    for (start, opened), (end, closed) in list(pairwise(marks))[::2]:
        assert (start, end, opened) == ("", "/", closed)
