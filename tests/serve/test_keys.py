"""API keys, and how much each may ask."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from figleaf.errors import RulesError
from figleaf.serve.keys import Gate, Key, load_keys, new_key
from figleaf.serve.problems import Kind, ProblemError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def admit(gate: Gate, headers: Mapping[str, str]) -> Key | None:
    key = gate.key_of(headers)
    gate.check_rate(key)
    return key


def gate_for(key: str, rate: float | None, burst: float, clock: Clock) -> Gate:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return Gate((Key("website", digest, rate, burst),), clock)


def problem(gate: Gate, **headers: str) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        admit(gate, {name.replace("_", "-"): value for name, value in headers.items()})
    return caught.value


def test_without_a_file_of_keys_everybody_is_let_in() -> None:
    gate = Gate(None)
    assert admit(gate, {}) is None
    gate.charge(None, 1000)


def test_a_key_in_either_header() -> None:
    gate = gate_for("secret", None, 1, Clock())
    for headers in (
        {"authorization": "Bearer secret"},
        {"authorization": "bearer  secret "},
        {"x-api-key": "secret"},
    ):
        admitted = admit(gate, headers)
        assert admitted is not None
        assert admitted.name == "website"


def test_no_key_or_a_wrong_one() -> None:
    gate = gate_for("secret", None, 1, Clock())
    assert problem(gate).kind is Kind.UNAUTHORIZED
    assert problem(gate, x_api_key="Secret").kind is Kind.UNAUTHORIZED
    assert problem(gate, authorization="Basic secret").kind is Kind.UNAUTHORIZED
    assert problem(gate, x_api_key="\udcff").kind is Kind.UNAUTHORIZED
    assert problem(gate).headers()["www-authenticate"].startswith("Bearer")


def test_a_rate_is_kept_on_average_and_bursts_are_made_up_for() -> None:
    clock = Clock()
    gate = gate_for("k", rate=2, burst=4, clock=clock)
    key = admit(gate, {"x-api-key": "k"})
    gate.charge(key, 9)  # one request may go over: 5 too many, and 1 to go on with: 3 s
    refused = problem(gate, x_api_key="k")
    assert refused.kind is Kind.RATE_LIMITED
    assert refused.retry_after == 3
    clock.now += 2.9
    assert problem(gate, x_api_key="k").retry_after == 1
    clock.now += 0.2
    assert admit(gate, {"x-api-key": "k"}) is key
    clock.now += 1000
    gate.charge(key, 4)  # no more than the burst was saved up
    assert problem(gate, x_api_key="k").kind is Kind.RATE_LIMITED


def test_a_reload_gives_nothing_back() -> None:
    clock = Clock()
    gate = gate_for("k", rate=1, burst=4, clock=clock)
    gate.charge(admit(gate, {"x-api-key": "k"}), 4)
    digest = hashlib.sha256(b"k").hexdigest()
    later = Gate((Key("website", digest, 1, 4), Key("new", "0" * 64, 1, 4)), clock, before=gate)
    assert problem(later, x_api_key="k").kind is Kind.RATE_LIMITED
    clock.now += 1
    assert admit(later, {"x-api-key": "k"}) is not None


def test_a_file_of_keys(tmp_path: Path) -> None:
    key, digest = new_key()
    assert hashlib.sha256(key.encode()).hexdigest() == digest
    file = tmp_path / "keys.toml"
    file.write_text(
        f'[keys.a]\nsha256 = "{digest}"\nrate = 5\n[keys.b]\nsha256 = "{"0" * 64}"\nburst = 2\n'
    )
    assert load_keys(file) == (Key("a", digest, 5, 10), Key("b", "0" * 64, None, 2))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected tables such as"),
        ("[keys]\n", "expected tables such as"),
        ("[other.a]\n", "expected tables such as"),
        ("keys = 1\n", "expected tables such as"),
        ("[keys.a\n", "not a file of keys"),
        ("[keys.a]\nsha256 = 1\n", "'sha256' is not"),
        ("[keys.a]\nkey = 'x'\n", "unknown field 'key'"),
        ("[keys]\na = 1\n", "not a table"),
        (f"[keys.a]\nsha256 = '{'0' * 64}'\nrate = -1\n", "'rate' is -1"),
        (f"[keys.a]\nsha256='{'0' * 64}'\n[keys.b]\nsha256='{'0' * 64}'\n", "two names"),
    ],
)
def test_files_that_are_not_valid(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(text)
    with pytest.raises(RulesError, match=words) as caught:
        load_keys(file)
    assert "keys.toml" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="figleaf keys"):
        load_keys(tmp_path / "none.toml")
