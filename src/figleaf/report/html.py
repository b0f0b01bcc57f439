"""Pages of one file that need nothing else, and may reach nothing else."""

import os
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from figleaf.errors import MissingExtraError
from figleaf.report.tables import printable
from figleaf.report.texts import Words

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).with_name("templates")


def require_extra(purpose: str = "a page of statistics") -> None:
    """See that what pages are made with is there.

    Args:
        purpose: what it is needed for, for the message.

    Raises:
        MissingExtraError: it is not.
    """
    try:
        import jinja2  # noqa: F401  # its absence is what is looked for
        import matplotlib as mpl  # noqa: F401  # likewise
    except ImportError:
        raise MissingExtraError("report", purpose) from None


def render(
    template: str,
    words: Words,
    *,
    scripts: Sequence[str] = ("reveal.js",),
    styles: Sequence[str] = ("page.css",),
    films: bool = False,
    **values: Any,
) -> str:
    """A page.

    Its style and script are part of it, and its policy names their hashes: nothing else is run,
    no style attribute holds, and images come from the page itself or from files of this computer.

    Args:
        template: its file in `templates`; it extends `page.html.j2`.
        words: of the page's language.
        scripts: files in `templates`, run one after another.
        styles: files in `templates`, the later ones with the last word.
        films: whether videos of this computer are let in, too.
        values: what the template shows; text is escaped wherever it stands.

    Raises:
        MissingExtraError: Jinja2 is not installed.
    """
    style = "\n".join((_TEMPLATES / name).read_text("utf-8") for name in styles)
    script = "\n".join((_TEMPLATES / name).read_text("utf-8") for name in scripts)
    policy = (
        f"default-src 'none'; img-src data: file:;{' media-src file:;' if films else ''}"
        f" style-src {_hash(style)};"
        f" script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    page = _environment().get_template(template)
    return page.render(words=words, style=style, script=script, policy=policy, **values)


def link(target: Path, beside: Path) -> str:
    """How a page names a file of this computer: relative to itself where both may move together.

    Args:
        target: the file.
        beside: the folder that the page is in.

    Returns:
        a percent-encoded relative path; a file URI where the two share nothing but the root.
    """
    # Not resolved: a browser takes the dots away from the path as it was given, links or not.
    file, folder = os.path.abspath(target), os.path.abspath(beside)  # noqa: PTH100
    if _shared(file, folder) == Path(file).anchor:
        return Path(file).as_uri()
    return quote(os.fsencode(Path(os.path.relpath(file, folder)).as_posix()))


def _shared(file: str, folder: str) -> str:
    try:
        return os.path.commonpath([file, folder])
    except ValueError:  # on two drives
        return Path(file).anchor


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _environment() -> "Environment":
    require_extra()
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def escaped(value: object) -> object:
        is_text = isinstance(value, str) and not isinstance(value, Markup)
        return printable(str(value)) if is_text else value

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
    )
