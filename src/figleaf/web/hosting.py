"""How a static site is hosted, in a few lines for a terminal."""

import shlex

from figleaf.web.headers import ISOLATION, title_of


def how_to_host(folder: str) -> list[str]:
    """What to tell whoever has made a site.

    Args:
        folder: where it lies, as it was named.
    """
    named = [(title_of(name), value) for name, value in ISOLATION.items()]
    trial = shlex.join(["python", "-m", "http.server", "-b", "127.0.0.1", "-d", folder])
    return [
        f"to try it, with one thread: {trial}",
        "any web server can host it, by HTTPS (but for localhost); more threads need these headers"
        " with every file:",
        *(f"  {name}: {value}" for name, value in named),
        "  nginx: " + " ".join(f'add_header {name} "{value}";' for name, value in named),
        "  Caddy: header { " + " ".join(f"{name} {value}" for name, value in named) + " }",
        "  Netlify, Cloudflare Pages: the site's file _headers has them",
    ]
