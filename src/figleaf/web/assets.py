"""Where the page's files are: in what is installed, or in a checkout's `web/`."""

from dataclasses import dataclass
from pathlib import Path

from figleaf.errors import PageError

_PACKAGE = Path(__file__).parent
_CHECKOUT = Path(__file__).parents[3]

RUNTIME_FILES = (
    "ort.wasm.min.mjs",
    "ort.webgpu.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort-wasm-simd-threaded.asyncify.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
    "LICENSE",
)
"""Of onnxruntime-web: one engine for the processor, and one that knows WebGPU as well."""

_REMEDY = (
    "install npm (Node.js 20 or later) and figleaf again, `pip install -e .` in a checkout, or take"
    " a wheel that has the page"
)


@dataclass(frozen=True, slots=True)
class Assets:
    """Folders of files.

    Attributes:
        page: what a person sees: index.html and what it loads.
        library: `figleaf-web`.
        runtime: onnxruntime-web, of which `RUNTIME_FILES` are used.
    """

    page: Path
    library: Path
    runtime: Path


def find_assets(package: Path = _PACKAGE, checkout: Path = _CHECKOUT) -> Assets:
    """The page's folders.

    A wheel has all of them in `figleaf/web/static`. In a checkout the page and the library are
    read from `web/`, so that an edit needs no build; the build's hook has put the runtime, which is
    not kept in the repository, into `static`.

    Args:
        package: the folder of `figleaf.web`.
        checkout: the folder of a checkout, if it is one.

    Raises:
        PageError: something is missing; the message says what, and what to do.
    """
    static = package / "static"
    installed = (static / "page", static / "figleaf")
    page, library = installed if installed[0].is_dir() else _sources(checkout)
    runtime = static / "ort"
    if not (page / "index.html").is_file() or not (library / "index.js").is_file():
        raise PageError(f"figleaf was installed without its page; {_REMEDY}")
    missing = [name for name in RUNTIME_FILES if not (runtime / name).is_file()]
    if missing:
        raise PageError(f"figleaf was installed without onnxruntime-web ({missing[0]}); {_REMEDY}")
    return Assets(page, library, runtime)


def _sources(checkout: Path) -> tuple[Path, Path]:
    return checkout / "web" / "page", checkout / "web" / "src"
