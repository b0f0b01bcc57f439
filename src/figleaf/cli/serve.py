"""`figleaf serve`: the HTTP service; `figleaf keys`: an API key for it."""

import math
from pathlib import Path
from typing import Annotated

import typer

from figleaf.cli.options import ModelsOption, PoliciesOption, PrecisionOption, naming_options
from figleaf.cli.terminal import say
from figleaf.errors import InputError, MissingExtraError
from figleaf.images import Limits
from figleaf.serve.rules import ServeRules, fetch_rules

_DEFAULT = ServeRules()
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 for all of this machine's.")
    ] = _DEFAULT.host,
    port: Annotated[int, typer.Option(help="0 for one that is free.")] = _DEFAULT.port,
    model: ModelsOption = None,
    policy: PoliciesOption = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="bf16 and scaled JPEG decoding: faster, not quite exact.")
    ] = False,
    precision: PrecisionOption = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Pictures in the model at once; one a core.", show_default=False),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that decode; one a core.", show_default=False),
    ] = None,
    allow_list: Annotated[
        list[Path] | None,
        typer.Option(help="Hashes of what is allowed whatever the model says; can be given again."),
    ] = None,
    block_list: Annotated[
        list[Path] | None, typer.Option(help="Hashes of what is blocked; can be given again.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="A file of API keys, see figleaf keys.", show_default=False)
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(help="An origin whose pages may read the answers; can be given again."),
    ] = None,
    fetch_urls: Annotated[
        bool, typer.Option("--fetch-urls", help="Fetch the URLs in requests, public ones alone.")
    ] = False,
    cache: Annotated[
        int, typer.Option(min=0, help="Pictures whose scores are remembered, by their hash.")
    ] = _DEFAULT.cache,
    max_bytes: Annotated[
        int, typer.Option(min=1, help="Of one image.")
    ] = _DEFAULT.limits.max_bytes,
    max_pixels: Annotated[
        int, typer.Option(min=1, help="Of one image.")
    ] = _DEFAULT.limits.max_pixels,
    max_frames: Annotated[
        int, typer.Option(min=1, help="Of a moving picture that are looked at.")
    ] = _DEFAULT.max_frames,
    max_body: Annotated[int, typer.Option(min=1, help="Bytes of one request.")] = _DEFAULT.max_body,
    max_images: Annotated[int, typer.Option(min=1, help="In one request.")] = _DEFAULT.max_images,
    max_queue: Annotated[
        int, typer.Option(min=1, help="Images accepted and not answered; beyond it: 503.")
    ] = _DEFAULT.max_queue,
    max_connections: Annotated[
        int, typer.Option(min=1, help="At once.")
    ] = _DEFAULT.max_connections,
    memory: Annotated[
        int, typer.Option(min=1, help="Bytes of requests held at once; beyond it: 503.")
    ] = _DEFAULT.memory,
    body_timeout: Annotated[
        float, typer.Option(help="Seconds for a request's body to come.")
    ] = _DEFAULT.body_timeout,
    decode_deadline: Annotated[
        float, typer.Option(help="Seconds for decoding one image; its process is killed then.")
    ] = _DEFAULT.decode_deadline,
    drain_timeout: Annotated[
        float, typer.Option(help="Seconds to finish what was accepted, when it is to end.")
    ] = _DEFAULT.drain_timeout,
    page: Annotated[
        bool,
        typer.Option(
            "--page/--no-page",
            help="The page at /, which classifies in the browser and downloads the models for it.",
        ),
    ] = _DEFAULT.page,
    reload: Annotated[
        float | None,
        typer.Option(
            help="Seconds between looks at whether a bundle, policy, list or key has changed; "
            "otherwise on SIGHUP alone.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve verdicts over HTTP: POST /v1/classify, /v1/models, /healthz, /readyz, /metrics, a page.

    It keeps no image. Lines of JSON go to standard output. SIGTERM and Ctrl-C end it once it has
    answered what it accepted; SIGHUP loads changed models, policies, lists and keys.

    Example: figleaf serve --port 8080 --fast --block-list known.txt --keys keys.toml
    """
    with naming_options():
        rules = ServeRules(
            host=host,
            port=port,
            models=tuple(model or _DEFAULT.models),
            policies=tuple(policy or ()),
            fast=fast,
            precision=precision,
            threads=threads,
            workers=workers,
            allow_lists=tuple(allow_list or ()),
            block_lists=tuple(block_list or ()),
            keys=keys,
            cors_origins=tuple(cors_origin or ()),
            fetch=fetch_rules(max_bytes) if fetch_urls else None,
            cache=cache,
            limits=Limits(max_bytes=max_bytes, max_pixels=max_pixels),
            max_body=max(max_body, max_bytes) if max_body == _DEFAULT.max_body else max_body,
            max_images=max_images,
            max_frames=max_frames,
            max_queue=max_queue,
            max_connections=max_connections,
            memory=memory,
            body_timeout=body_timeout,
            decode_deadline=decode_deadline,
            drain_timeout=drain_timeout,
            page=page,
            reload=reload,
        )
    if host not in _LOOPBACK and keys is None:
        say(f"figleaf: whoever reaches {host} can use this server: --keys asks for a key")
    try:
        from figleaf.serve.server import run
    except ModuleNotFoundError as error:
        raise MissingExtraError("serve", "serving") from error
    run(rules)


def keys(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is: logs show it.")],
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Images a second, on average.", show_default=False),
    ] = None,
) -> None:
    """Make an API key, and the lines of the file of keys that figleaf serve --keys reads.

    The key is shown once, on standard error; the lines, which hold its hash, go to standard output.

    Example: figleaf keys website --rate 20 >> keys.toml
    """
    from figleaf.serve.keys import new_key

    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"a key's name has letters, digits, - and _ alone, unlike {name!r}")
    if rate is not None and not math.isfinite(rate):
        raise InputError(f"--rate must be a number of images a second, not {rate}")
    key, digest = new_key()
    print(f'[keys.{name}]\nsha256 = "{digest}"')
    if rate is not None:
        print(f"rate = {rate:.15g}")
    print()
    say(f"the key, which nothing can show again: {key}")
