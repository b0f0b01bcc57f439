"""How a static site is hosted, in a few lines for a terminal."""

import shlex

from figleaf.web.headers import ISOLATION, title_of

NGINX_MODULES = r"location ~ \.mjs$ { types { } default_type text/javascript; }"
"""nginx 1.22 knows no .mjs, and browsers run no module that comes as text/plain."""


def how_to_host(folder: str) -> list[str]:
    """What to tell whoever has made a site.

    Args:
        folder: where it lies, as it was named.
    """
    trial = shlex.join(["python", "-m", "http.server", "-b", "127.0.0.1", "-d", folder])
    return [
        f"to try it, with one thread: {trial}",
        "any web server can host it, over HTTPS but for localhost; for more threads every file"
        " needs these headers:",
        *(f"  {title_of(name)}: {value}" for name, value in ISOLATION.items()),
        '  nginx: add_header NAME "VALUE"; for each, and: ' + NGINX_MODULES,
        "  Caddy: header NAME VALUE, a line for each",
        "  Netlify, Cloudflare Pages: the site's file _headers has them",
    ]
