"""The command line: parse, call the library, translate errors. Nothing else lives here."""

import sys


def main() -> None:
    """The `figleaf` command."""
    if sys.argv[1:] == ["--version"]:
        # Before the framework is imported: a version should come in a blink.
        from figleaf._version import __version__

        print(f"figleaf {__version__}")
        return
    from figleaf.cli.interruption import end_interrupted, ending_at_once

    with ending_at_once():
        from figleaf.cli.app import run
    try:
        run()
    except KeyboardInterrupt:  # while the last output is flushed
        end_interrupted()
