"""What a server is asked to do, and how much it takes."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from figleaf.errors import InputError
from figleaf.images import Limits
from figleaf.models.bundle import DEFAULT_MODEL
from figleaf.models.runtime import Precision
from figleaf.sources.fetching.fetched import FetchRules

_MEBI = 2**20

SERVER_LIMITS = Limits(max_bytes=32 * _MEBI, max_pixels=2**26)
"""Of one image: less than what a person's own files may have, for anybody may send these."""


def fetch_rules(
    max_bytes: int = SERVER_LIMITS.max_bytes, *, allow_loopback: bool = False
) -> FetchRules:
    """How a server fetches the URLs that its clients name: once, soon, and only what is small.

    A person asked for that very file, so robots.txt, which is for crawlers, has no say.
    """
    return FetchRules(
        in_flight=32,
        per_host=8,
        deadline=15.0,
        connect_timeout=5.0,
        max_bytes=max_bytes,
        retries=0,
        max_redirects=3,
        robots=False,
        no_ai=False,
        allow_loopback=allow_loopback,
    )


@dataclass(frozen=True, slots=True)
class ServeRules:
    """How to serve.

    Attributes:
        host: the address to listen on; 127.0.0.1 is this machine's alone.
        port: 0 for one that is free.
        models: embedded models' names or bundles' folders; the first is the default.
        policies: presets' names or TOML files; the first is the default, and without one each model
            has what its card suggests. Clients may name these and the presets.
        fast: bf16 where the processor has it, and JPEGs decoded at a fraction of their size.
        precision: overrides what `fast` would choose.
        threads: pictures at work in the model at once, a core each; None for one for each core.
        workers: processes that decode; None for one for each core.
        allow_lists: files of hashes of what is allowed whatever the model says.
        block_lists: of what is blocked; see `figleaf.classify.lists`.
        keys: a file of API keys; None lets everybody in.
        cors_origins: origins whose pages may read the answers; none by default.
        fetch: how URLs in requests are fetched; None refuses them.
        cache: pictures whose scores are remembered by their content; 0 for none.
        limits: bytes and pixels of one image.
        max_body: bytes of one request's body.
        max_images: in one request.
        max_frames: of an animation or video that are looked at.
        max_queue: images accepted and not answered yet; beyond it the answer is 503.
        max_connections: at once; more are answered with 503 and closed.
        memory: bytes of bodies held at once; beyond it the answer is 503.
        header_timeout: seconds for a request's line and headers to come.
        body_timeout: seconds for its body to come.
        write_timeout: seconds that an answer may wait for its reader.
        keep_alive: seconds that an idle connection is kept.
        decode_deadline: seconds for decoding one image; its process is killed then.
        batch_wait: seconds that a picture waits for others at most, to be run together with them.
        drain_timeout: seconds that a server that is asked to end has for what it accepted.
        page: whether / is the page that classifies in the browser, and models can be downloaded.
        reload: seconds between looks at whether a bundle, policy, list or file of keys has changed;
            None looks on SIGHUP alone.

    Raises:
        InputError: a value is out of range.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    models: tuple[str | Path, ...] = (DEFAULT_MODEL,)
    policies: tuple[str | Path, ...] = ()
    fast: bool = False
    precision: Precision | None = None
    threads: int | None = None
    workers: int | None = None
    allow_lists: tuple[Path, ...] = ()
    block_lists: tuple[Path, ...] = ()
    keys: Path | None = None
    cors_origins: tuple[str, ...] = ()
    fetch: FetchRules | None = None
    cache: int = 0
    limits: Limits = field(default=SERVER_LIMITS)
    max_body: int = 64 * _MEBI
    max_images: int = 32
    max_frames: int = 16
    max_queue: int = 128
    max_connections: int = 1024
    memory: int = 512 * _MEBI
    header_timeout: float = 10.0
    body_timeout: float = 60.0
    write_timeout: float = 30.0
    keep_alive: float = 30.0
    decode_deadline: float = 10.0
    batch_wait: float = 0.002
    drain_timeout: float = 30.0
    page: bool = True
    reload: float | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not self.models:
            raise InputError("models must name at least one")
        if not 0 <= self.port <= 65535:
            raise InputError(f"port must be from 0 to 65535, not {self.port}")
        for name in _WHOLE:
            value = getattr(self, name)
            if value is not None and value < (0 if name == "cache" else 1):
                least = 0 if name == "cache" else 1
                raise InputError(f"{name} must be at least {least}, not {value}")
        for name in _SECONDS:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"{name} must be a number of seconds above zero, not {value}")
        if not 0 <= self.batch_wait < 1:
            raise InputError(f"batch_wait must be from 0 to 1 second, not {self.batch_wait}")
        if self.max_body < self.limits.max_bytes:
            raise InputError(
                f"max_body must be at least max_bytes, {self.limits.max_bytes:,}, "
                f"not {self.max_body:,}: a request holds an image"
            )
        if self.memory < self.max_body:
            raise InputError(
                f"memory must be at least max_body, {self.max_body:,}, not {self.memory:,}"
            )
        _check_origins(self.cors_origins)


def _check_origins(origins: Iterable[str]) -> None:
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise InputError(
                "cors_origin must be as browsers send it, https://app.example or"
                f" https://app.example:8443 (no path, no slash at the end), not {origin!r}"
            )


_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?")
"""A scheme, a host and its port, in lower case as browsers write them."""


_WHOLE = (
    *("threads", "workers", "cache", "max_body", "max_images", "max_frames", "max_queue"),
    *("max_connections", "memory"),
)
_SECONDS = (
    *("header_timeout", "body_timeout", "write_timeout", "keep_alive", "decode_deadline"),
    *("drain_timeout", "reload"),
)
