"""Folders with the page's files in small, for tests that need no browser."""

from pathlib import Path

from figleaf.web.assets import RUNTIME_FILES, Assets

WASM = b"\0asm\1\0\0\0" + b"figleaf " * 40_000
"""Of several pieces, and worth compressing."""

_PAGE = {
    "index.html": "<!doctype html><title>stand-in</title>",
    "page.js": "export const words = 1;\n" * 100,
    "sw.js": "// service worker",
    "notes.md": "not for the browser",
    ".hidden.js": "nor this",
}
_LIBRARY = {
    "index.js": "export const load = 1;",
    "index.d.ts": "export const load: 1;",
    "deep/in.js": "export {};",
}


def standin(folder: Path) -> Assets:
    """The folders of a page that does nothing, in a new folder."""
    assets = Assets(folder / "page", folder / "src", folder / "ort")
    for inside, texts in ((assets.page, _PAGE), (assets.library, _LIBRARY)):
        for name, text in texts.items():
            path = inside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    assets.runtime.mkdir()
    for name in RUNTIME_FILES:
        (assets.runtime / name).write_bytes(WASM if name.endswith(".wasm") else name.encode())
    return assets


NAMES = {
    "index.html",
    "page.js",
    "sw.js",
    "figleaf/index.js",
    "figleaf/deep/in.js",
    *(f"ort/{name}" for name in RUNTIME_FILES),
}
"""What a site has of it."""
