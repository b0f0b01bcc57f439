"""What the OpenAPI document promises, asked of a running server by schemathesis."""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import negative_data_rejection

from figleaf.images import Limits
from figleaf.models.runtime import Precision
from figleaf.serve.app import create_app
from figleaf.serve.keys import new_key
from figleaf.serve.rules import fetch_rules
from figleaf.serve.server import Running, running
from figleaf.serve.service import Surroundings

from .conftest import MODEL, rules_for

RULES = rules_for(
    limits=Limits(max_bytes=2**20, max_pixels=2**20),
    max_body=2**20,
    fetch=fetch_rules(),
    keys=Path("keys.toml"),
)
KEY, DIGEST = new_key()
KNOWN = {"model": MODEL, "policy": "strict"}
"""Which names there are is not the document's to say: a reload may change them."""

schema = schemathesis.openapi.from_dict(create_app(RULES).openapi())


async def find_nothing(name: str) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_NONAME, "no names here")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    keys = tmp_path_factory.mktemp("keys") / "keys.toml"
    keys.write_text(f'[keys.test]\nsha256 = "{DIGEST}"\n')
    with running(replace(RULES, keys=keys), Surroundings(resolve=find_nothing)) as started:
        yield started


def test_every_precision_is_in_the_document() -> None:
    schemas = create_app(RULES).openapi()["components"]["schemas"]
    for name in ("Result", "ModelInfo"):
        reference = schemas[name]["properties"]["precision"]["$ref"]
        assert schemas[reference.rpartition("/")[2]]["enum"] == list(Precision)


@schema.parametrize()
@hypothesis.seed(7)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_promises(case: "schemathesis.Case[Any]", served: Running) -> None:
    for name, known in KNOWN.items():
        given = (case.query or {}).get(name)
        if isinstance(given, str) and len(given) <= 200:
            case.query[name] = known
    # Whatever the bytes of a file are, they are valid as such: its result says what they are.
    is_json = case.media_type in (None, "application/json")
    no_check: list[CheckFunction] = [] if is_json else [negative_data_rejection]
    case.call_and_validate(
        base_url=served.url,
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=30,
        excluded_checks=no_check,
    )
