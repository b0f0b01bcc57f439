"""Ask a server, `figleaf serve`, for the verdicts that `figleaf.Classifier` gives here.

    from figleaf.client import Client

    with Client("http://127.0.0.1:8000") as client:
        print(client.classify("photo.jpg").decision)

Raises:
    MissingExtraError: when this is imported without httpx2.
"""

from figleaf.errors import MissingExtraError, ServerError

try:
    import httpx2  # noqa: F401  # first, so that its absence is told in our words
except ImportError as error:
    raise MissingExtraError("client", "asking a server") from error

from figleaf.client.asynchronous import AsyncClient
from figleaf.client.blocking import Client
from figleaf.client.offer import ServedModel, ServedPolicy
from figleaf.client.rules import ClientRules
from figleaf.client.sources import ClientSource, Url

__all__ = [
    "AsyncClient",
    "Client",
    "ClientRules",
    "ClientSource",
    "ServedModel",
    "ServedPolicy",
    "ServerError",
    "Url",
]
