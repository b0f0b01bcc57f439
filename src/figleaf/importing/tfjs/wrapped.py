"""JSON and bytes out of the JavaScript that the package `nsfwjs` wraps its models in.

Its topology is an object literal and its weights are base64 strings, each inside a minified UMD
module. Nothing is executed: the literal is rewritten to JSON token by token, the base64 is cut out.
"""

import base64
import json
import re
from typing import Any

_EXPORTS = ".exports="
# A string; a boolean in its minified form; a number without its leading zero; a bare key.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|![01]|(?<![\w.])-?\.\d+(?:e[-+]?\d+)?|[A-Za-z_$][\w$]*(?=:)'
)
_BOOLEANS = {"!0": "true", "!1": "false"}


def object_literal(script: str) -> dict[str, Any]:
    """The object that a minified UMD module exports, read as JSON.

    Raises:
        ValueError: the module exports no object.
    """
    start = script.index(_EXPORTS + "{") + len(_EXPORTS)
    text = _TOKEN.sub(lambda match: _as_json(match.group()), script[start:])
    value, _ = json.JSONDecoder().raw_decode(text)
    return dict(value)


def base64_literal(script: bytes) -> bytes:
    """The bytes that a minified UMD module exports as one base64 string.

    Raises:
        ValueError: the module exports no such string.
    """
    start = script.index(_EXPORTS.encode() + b'"') + len(_EXPORTS) + 1
    return base64.b64decode(script[start : script.index(b'"', start)], validate=True)


def _as_json(token: str) -> str:
    if token.startswith('"'):
        return token
    if token in _BOOLEANS:
        return _BOOLEANS[token]
    if token[0] in "-.":
        return token.replace(".", "0.", 1)
    return f'"{token}"'
