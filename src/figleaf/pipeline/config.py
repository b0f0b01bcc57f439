"""A run as a TOML file: sources, a folder, and the rules of each stage."""

import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from figleaf.errors import FigleafError, InputError
from figleaf.pipeline.rules import RunRules

FORMAT = 1
TEMPLATE = Path(__file__).with_name("template.toml")
_MOST_BYTES = 2**20
_TEXTS = ("name", "language", "note")
_TOP = ("format", "sources", "out", *_TEXTS)
_OFF = "off"
"""In the table of screening: leave that stage out."""
_NAMED_PATHS = {
    ("screen", "model"),
    ("train", "backbone"),
    ("train", "weights"),
    ("audit", "backbone"),
    ("evaluate", "policy"),
}
"""Texts that may be the name of something that comes along, or a path."""
_LEFT_OUT = {("evaluate", "part")}
"""What a run decides by itself."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a file says.

    Attributes:
        sources: what is collected; () where the file names none.
        out: the run's folder; None where the file does not say.
        rules: of every stage.
    """

    sources: tuple[str, ...]
    out: Path | None
    rules: RunRules


def template(sources: tuple[str, ...], out: str) -> str:
    """A file to start from, with comments: all that it says holds without it, too.

    Args:
        sources: that it names.
        out: the run's folder, that it names.
    """
    text = TEMPLATE.read_text("utf-8")
    named = ", ".join(map(_quoted, sources))
    return text.replace('["SOURCE"]', f"[{named}]", 1).replace('"OUT"', _quoted(out), 1)


def _quoted(text: str) -> str:
    """A text as TOML has it."""
    escaped = "".join(
        f"\\u{ord(one):04x}" if ord(one) < 32 or one in '"\\\x7f' else one for one in text
    )
    return f'"{escaped}"'


def read_config(path: str | Path) -> Config:
    """Read a file; paths in it are relative to its folder.

    Raises:
        InputError: it cannot be read, or a table or a name in it is unknown, or a value is not what
            it should be; the message names it.
    """
    file = Path(path)
    try:
        with file.open("rb") as opened:
            text = opened.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise InputError(f"{file}: over {_MOST_BYTES:,} bytes, which no such file needs")
        raw = tomllib.loads(text.decode())
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{file}: not a file to run by ({reason}); figleaf init makes one"
        ) from None
    try:
        return _config(raw, file.parent)
    except FigleafError as error:
        raise InputError(f"{file}: {error}") from error


def _config(raw: Mapping[str, Any], base: Path) -> Config:
    if raw.get("format") != FORMAT:
        raise InputError(f"'format' is {raw.get('format')!r}, this figleaf reads {FORMAT}")
    stages = {one.name: one for one in fields(RunRules) if is_dataclass(_kind(one.name))}
    if unknown := sorted(raw.keys() - {*_TOP, *stages}):
        known = ", ".join([*_TOP, *(f"[{name}]" for name in stages)])
        raise InputError(f"unknown field {unknown[0]!r}; there are {known}")
    values: dict[str, Any] = {}
    for name in _TEXTS:
        if name in raw:
            values[name] = _value(str, raw[name], (name,), base)
    for name in stages:
        if name in raw:
            values[name] = _stage(name, raw[name], base)
    return Config(
        tuple(_source(one, base) for one in _texts(raw.get("sources", []), "sources")),
        base / _value(str, raw["out"], ("out",), base) if "out" in raw else None,
        RunRules(**values),
    )


def _stage(name: str, raw: Any, base: Path) -> Any:
    """The rules of a stage."""
    if not isinstance(raw, dict):
        raise InputError(f"{name!r} is {raw!r}, not a table: [{name}]")
    if name == "screen" and _OFF in raw:
        off = _value(bool, raw[_OFF], (name, _OFF), base)
        if off:
            return None
        raw = {key: value for key, value in raw.items() if key != _OFF}
    return _made(_kind(name), raw, (name,), base)


def _kind(name: str) -> Any:
    """The class of a stage's rules."""
    return _without_none(get_type_hints(RunRules)[name])


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [one for one in get_args(hint) if one is not type(None)]
        return kinds[0] if len(kinds) == 1 else hint
    return hint


def _made(kind: Any, raw: Mapping[str, Any], where: tuple[str, ...], base: Path) -> Any:
    """Rules of a class, from a table."""
    hints = get_type_hints(kind)
    names = [one.name for one in fields(kind) if (*where, one.name) not in _LEFT_OUT]
    table = f"[{'.'.join(where)}]"
    values = {}
    for name, value in raw.items():
        if name not in names:
            raise InputError(f"{table} has no {name!r}; there are {', '.join(names)}")
        values[name] = _value(hints[name], value, (*where, name), base)
    try:
        return kind(**values)
    except FigleafError as error:
        raise InputError(f"{table} {error}") from error


def _value(hint: Any, raw: Any, where: tuple[str, ...], base: Path) -> Any:
    """A value as a field has it.

    Raises:
        InputError: it is of another type.
    """
    kind = _without_none(hint)
    if is_dataclass(kind) and isinstance(raw, dict):
        return _made(kind, raw, where, base)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(raw, list):
        kinds = arguments[:1] * len(raw) if arguments[-1] is Ellipsis else arguments
        if len(kinds) == len(raw):
            return tuple(
                _value(one, each, where, base) for one, each in zip(kinds, raw, strict=True)
            )
    elif origin is not None and issubclass(_class_of(origin), Mapping) and isinstance(raw, dict):
        return {key: _value(arguments[1], each, where, base) for key, each in raw.items()}
    elif (found := _plain(kind, raw, where, base)) is not None:
        return found
    table = f"[{'.'.join(where[:-1])}] " if where[:-1] else ""
    raise InputError(f"{table}{where[-1]!r} is {raw!r}, not {_words(kind)}")


def _class_of(origin: Any) -> type:
    return origin if isinstance(origin, type) else object


def _plain(kind: Any, raw: Any, where: tuple[str, ...], base: Path) -> Any:
    """A value of a plain type; None where it is of another."""
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    for one in kinds:
        if one is bool or one is int:
            if type(raw) is one:
                return raw
        elif one is float:
            if type(raw) in (int, float):
                return float(raw)
        elif one is Path and len(kinds) == 1 and isinstance(raw, str) and raw:
            return base / raw
        elif isinstance(one, type) and issubclass(one, Enum) and isinstance(raw, str):
            if raw in [str(each) for each in one]:
                return one(raw)
        elif one is str and isinstance(raw, str):
            return _there(raw, base) if where in _NAMED_PATHS else raw
    return None


def _there(text: str, base: Path) -> str:
    """A name as it is, a path relative to the file's folder."""
    # A file may have a plus sign in its own name.
    parts = [text] if (base / text).exists() else text.split("+")
    return "+".join(str(base / one) if one and (base / one).exists() else one for one in parts)


def _words(kind: Any) -> str:
    named: dict[Any, str] = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        Path: "a path",
    }
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(map(str, kind))}"
    if get_origin(kind) is tuple:
        return "a list"
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(_words(one) for one in get_args(kind) if one in named)
    return named.get(kind, "a table")


def _texts(raw: Any, name: str) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(one, str) and one for one in raw):
        raise InputError(f"{name!r} is {raw!r}, not a list of texts")
    return tuple(raw)


def _source(text: str, base: Path) -> str:
    """A source, its path relative to the file's folder; it may have a class in front of it."""
    label, sign, path = text.partition("=")
    if not sign or "/" in label or (base / text).exists():
        return str(base / text)
    return f"{label}={base / path}"
