"""The licence that a model card names in its front matter."""

import re

_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^(license|license_name):[ \t]*(\S[^\n#]*?)[ \t]*(?:#.*)?$", re.MULTILINE)
_OTHER = "other"


def license_of(readme: str) -> str | None:
    """The licence, "apache-2.0"; None where the card names none.

    Only a plain value on the line of its name is read, which is how the hub writes it.
    """
    front = _FRONT.match(readme)
    if front is None:
        return None
    found = {name: value.strip("'\"") for name, value in _FIELD.findall(front[1])}
    named = found.get("license")
    if named == _OTHER:
        named = found.get("license_name")
    is_plain = named and named.isprintable() and not named.startswith(("[", "|", ">"))
    return named if is_plain else None
