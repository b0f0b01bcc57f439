"""Activations by the names that Keras and TensorFlow.js give them.

Formulas: Keras, https://keras.io/api/layers/activations; `hard_sigmoid` as TensorFlow.js and
Keras 2 have it, 0.2 x + 0.5 within 0..1, where Keras 3 takes x / 6 + 0.5.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from figleaf.errors import ImportModelError
from figleaf.importing.tfjs.net import Net, Value
from figleaf.models.graph import scalar

_PLAIN = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "exponential": "Exp",
    "elu": "Elu",
    "selu": "Selu",
}
_SAME = {
    "hardsigmoid": "hard_sigmoid",
    "silu": "swish",
    "hard_silu": "hard_swish",
    "hardswish": "hard_swish",
    "leakyrelu": "leaky_relu",
    "gelunew": "gelu_new",
}


def activation(net: Net, kind: str, x: Value, name: str, keras: int = 2) -> Value:
    """The activation of a value.

    Args:
        net: that it becomes a part of.
        kind: as Keras has it: "relu", "linear", "swish"; in any case.
        x: what it is applied to.
        name: of the layer.
        keras: the version of Keras, which `hard_sigmoid` differs by.

    Raises:
        ImportModelError: it is not known.
    """
    kind = _SAME.get(kind.lower(), kind.lower())
    if kind == "linear":
        return x
    if kind in _PLAIN:
        return net.unary(_PLAIN[kind], x, name)
    if kind == "softmax":
        return net.softmax(x, -1, name)
    if kind == "hard_sigmoid":
        return hard_sigmoid(net, x, name, 1 / 6 if keras >= 3 else 0.2)
    if kind not in _MADE:
        raise ImportModelError(f"{name}: the activation {kind!r:.60} is not known")
    return _MADE[kind](net, x, name)


def hard_sigmoid(net: Net, x: Value, name: str, slope: float) -> Value:
    """slope * x + 0.5, within 0..1."""
    return net.unary("HardSigmoid", x, name, alpha=slope, beta=0.5)


def leaky_relu(net: Net, x: Value, slope: float, name: str) -> Value:
    """x where it is over 0, else x * slope."""
    return net.unary("LeakyRelu", x, name, alpha=slope)


def _swish(net: Net, x: Value, name: str) -> Value:
    return net.pairwise("Mul", x, net.unary("Sigmoid", x, f"{name}/sigmoid"), name)


def _hard_swish(net: Net, x: Value, name: str) -> Value:
    return net.pairwise("Mul", x, hard_sigmoid(net, x, f"{name}/gate", 1 / 6), name)


def _mish(net: Net, x: Value, name: str) -> Value:
    soft = net.unary("Softplus", x, f"{name}/softplus")
    return net.pairwise("Mul", x, net.unary("Tanh", soft, f"{name}/tanh"), name)


def _gelu(net: Net, x: Value, name: str) -> Value:
    """x / 2 * (1 + erf(x / sqrt 2)): Hendrycks and Gimpel, 2016."""
    part = net.pairwise("Mul", x, scalar(1 / math.sqrt(2)), f"{name}/scaled")
    return _half(net, x, net.unary("Erf", part, f"{name}/erf"), name)


def _gelu_new(net: Net, x: Value, name: str) -> Value:
    """The same by tanh: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))."""
    square = net.pairwise("Mul", x, x, f"{name}/square")
    term = net.pairwise("Mul", square, scalar(0.044715), f"{name}/term")
    bent = net.pairwise(
        "Mul", net.pairwise("Add", term, scalar(1), f"{name}/one"), x, f"{name}/bent"
    )
    inner = net.pairwise("Mul", bent, scalar(math.sqrt(2 / math.pi)), f"{name}/inner")
    return _half(net, x, net.unary("Tanh", inner, f"{name}/tanh"), name)


def _half(net: Net, x: Value, gate: Value, name: str) -> Value:
    opened = net.pairwise("Add", gate, scalar(1), f"{name}/opened")
    half = net.pairwise("Mul", x, scalar(0.5), f"{name}/half")
    return replace(net.pairwise("Mul", half, opened, name))


_MADE: dict[str, Callable[[Net, Value, str], Value]] = {
    "relu6": lambda net, x, name: net.clip(x, 0, 6, name),
    "leaky_relu": lambda net, x, name: leaky_relu(net, x, 0.2, name),
    "swish": _swish,
    "hard_swish": _hard_swish,
    "mish": _mish,
    "gelu": _gelu,
    "gelu_new": _gelu_new,
}
