"""Who may import whom: `labels, errors <- images <- models <- classify <- dataset <- ... <- cli`.

Every import statement counts, those inside functions and under TYPE_CHECKING included.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "figleaf"
MODULES = sorted(SOURCE.rglob("*.py"))

LAYERS = (
    frozenset({"labels", "errors", "_version"}),
    frozenset({"images"}),
    frozenset({"models"}),
    frozenset({"classify"}),
    frozenset({"dataset"}),
    frozenset({"sources"}),
    frozenset({"curate"}),
    frozenset({"metrics"}),
    frozenset({"training"}),
    frozenset({"importing"}),
    frozenset({"auditing"}),
    frozenset({"evaluation"}),
    frozenset({"report"}),
    frozenset({"actions"}),
    frozenset({"export"}),
    frozenset({"pipeline"}),
    frozenset({"practice"}),
    frozenset({"web"}),
    frozenset({"serve"}),
    frozenset({"client"}),
    frozenset({"cli"}),
)
ROOT = frozenset({"__init__", "__main__"})
"""The front doors, which may reach every layer and which no layer reaches."""

INFERENCE = frozenset({"labels", "errors", "_version", "images", "models", "classify"})
FORBIDDEN = {
    "sqlite3": "the ledger's; inference needs no data set",
    "torch": "training's, where it is used",
    "transformers": "importing's, where it is used",
    "huggingface_hub": "importing's",
    "ray": "the cluster's, where it is used",
    "aiohttp": "fetching's",
    "pandas": "the data set's, where it is asked for",
    "faiss": "a peer",
    "matplotlib": "reports'",
    "jinja2": "reports'",
    "typer": "the command line's",
    "rich": "the command line's",
    "fastapi": "serving's",
    "uvicorn": "serving's",
    "httpx2": "the client's",
}


def layer_of(path: Path) -> str:
    """The first name under figleaf: "models" for models/card.py, "labels" for labels.py."""
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imports_of(path: Path) -> Iterator[str]:
    """The full name of everything that a module imports, wherever the statement stands."""
    package = ("figleaf", *path.relative_to(SOURCE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def allowed_to(layer: str) -> frozenset[str]:
    """The layer itself and those to the left of it."""
    rank = next(rank for rank, names in enumerate(LAYERS) if layer in names)
    return frozenset().union(*LAYERS[: rank + 1])


@pytest.fixture(params=MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def module(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_every_module_has_a_layer() -> None:
    assert {layer_of(path) for path in MODULES} == frozenset().union(ROOT, *LAYERS)


def test_imports_point_to_the_left(module: Path) -> None:
    layer = layer_of(module)
    if layer in ROOT:
        return
    for name in imports_of(module):
        package, _, rest = name.partition(".")
        # `from figleaf import load` would go through the front door, which is no layer either.
        assert package != "figleaf" or rest.partition(".")[0] in allowed_to(layer), name


def test_the_lowest_layer_stands_alone(module: Path) -> None:
    if layer_of(module) not in LAYERS[0]:
        return
    assert {name.partition(".")[0] for name in imports_of(module)} <= sys.stdlib_module_names


def test_inference_imports_nothing_of_other_jobs(module: Path) -> None:
    if layer_of(module) not in INFERENCE:
        return
    assert not {name.partition(".")[0] for name in imports_of(module)} & FORBIDDEN.keys()


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after running some code."""
    report = "\nimport sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code + report], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"numpy", "openvino", "onnx", "PIL", "typer", "rich", "click"}


def test_importing_figleaf_imports_nothing_heavy() -> None:
    assert not loaded_by("import figleaf") & HEAVY


def test_the_version_comes_before_the_framework() -> None:
    code = "import sys\nsys.argv = ['figleaf', '--version']\nfrom figleaf.cli import main\nmain()\n"
    assert not loaded_by(code) & HEAVY


def test_classifying_loads_nothing_of_other_jobs(photo: Path) -> None:
    code = (
        "import figleaf\n"
        "with figleaf.load('mobilenet_v2') as classifier:\n"
        f"    assert classifier.classify({str(photo)!r}).ok\n"
    )
    assert not loaded_by(code) & FORBIDDEN.keys()
