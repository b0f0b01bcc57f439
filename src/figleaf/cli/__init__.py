"""The command line: parse, call the library, translate errors. Nothing else lives here."""

import sys


def main() -> None:
    """The `figleaf` command."""
    if sys.argv[1:] == ["--version"]:
        # Before the framework is imported: a version should come in a blink.
        from figleaf._version import __version__

        print(f"figleaf {__version__}")
        return
    try:
        from figleaf.cli.app import run

        run()
    except KeyboardInterrupt:
        # Even while the framework is imported or the last output is flushed.
        sys.exit(130)
