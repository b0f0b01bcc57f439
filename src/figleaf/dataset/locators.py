"""How locators and other people's text stand in SQLite, which takes only valid Unicode as text.

Names of files need not be valid: an archive from an old Korean or Japanese system has them in that
system's encoding, which Python shows as lone surrogates; a JSON list may have those outright.
"""

_ERRORS = "surrogatepass"

Written = str | bytes
"""A locator in its column: text, or, where it is not valid Unicode, its bytes."""


def encoded(locator: str) -> bytes:
    """The locator's bytes, different for every locator."""
    return locator.encode("utf-8", _ERRORS)


def written(locator: str) -> Written:
    """The locator as its column takes it."""
    try:
        locator.encode()
    except UnicodeEncodeError:
        return encoded(locator)
    return locator


def restored(value: Written) -> str:
    """The locator as it was before `written`."""
    return value if isinstance(value, str) else value.decode("utf-8", _ERRORS)


def readable(text: str) -> str:
    """The text with an escape in place of what is not valid Unicode: for people, not for files."""
    return text.encode("utf-8", "backslashreplace").decode()


def shown(value: Written | None, key: bytes) -> str:
    """A locator for people; that of a blocklisted item was withheld, and its key stands for it."""
    return f"withheld:{key.hex()}" if value is None else readable(restored(value))
