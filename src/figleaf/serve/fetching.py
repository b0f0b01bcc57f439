"""The images that requests name by URL, fetched through the guard that collecting has.

Only public addresses are connected to, whatever a name, a redirect or a name server says, and a
body is read up to the limit. The client is told that a URL could not be had, and not why in a way
that would let it map the network that the server is in.
"""

import asyncio
from importlib.util import find_spec

from figleaf.dataset.records import Reason
from figleaf.errors import ImageError, MissingExtraError, Status
from figleaf.sources.fetching.fetch import Fetcher
from figleaf.sources.fetching.fetched import FetchError

_TOLD = {
    Reason.GONE: (Status.NOT_FOUND, "the URL's host says that it is gone"),
    Reason.TOO_MANY_BYTES: (Status.TOO_MANY_BYTES, "the URL's file is larger than the limit"),
    Reason.EMPTY: (Status.EMPTY, "the URL's host gave no bytes"),
    Reason.BAD_URL: (Status.UNREADABLE, "not a URL that can be fetched"),
}
_OTHER = (Status.UNREADABLE, "the URL could not be fetched")


def check_fetching() -> None:
    """Make sure that URLs can be fetched, before a server begins that promises it.

    Raises:
        MissingExtraError: what it needs is not installed.
    """
    if any(find_spec(name) is None for name in ("aiohttp", "protego")):
        raise MissingExtraError("data", "fetching URLs")


async def fetch_image(fetcher: Fetcher, url: str, seconds: float) -> bytes:
    """The bytes behind a URL.

    Args:
        fetcher: what fetches, when it is the host's turn.
        url: where from.
        seconds: until then, turn or no turn.

    Raises:
        ImageError: they could not be had; it tells no more than an outsider may know.
    """
    try:
        async with asyncio.timeout(seconds):
            return (await fetcher.fetch(url)).body
    except FetchError as error:
        status, reason = _TOLD.get(error.reason, _OTHER)
        raise ImageError(status, reason) from error
    except TimeoutError as error:
        raise ImageError(*_OTHER) from error
