"""Keras layers, one by one: what each adds to the graph.

Fields and their defaults: https://keras.io/api/layers and TensorFlow.js's own layers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from figleaf.errors import ImportModelError
from figleaf.importing.tfjs.activations import activation, leaky_relu
from figleaf.importing.tfjs.arrays import reshaped
from figleaf.importing.tfjs.fields import Fields
from figleaf.importing.tfjs.net import NO_PADS, Net, Value, Window
from figleaf.importing.tfjs.weights import LayerWeights, folded, normalisation
from figleaf.models.graph import Pads, scalar


@dataclass(frozen=True, slots=True)
class Layer:
    """One call of a layer: its class and configuration, its arrays, and where it goes."""

    kind: str
    config: Fields
    weights: LayerWeights
    net: Net
    keras: int = 2

    @property
    def name(self) -> str:
        """The layer's name, with those of the models around it."""
        return "/".join(self.weights.path)

    def activated(self, x: Value) -> Value:
        """The value after the activation that the layer has of its own."""
        kind = activation_name(self.config)
        return activation(self.net, kind, x, f"{self.name}/{kind}", self.keras)


Apply = Callable[[Layer, Sequence[Value]], Value]


def activation_name(config: Fields) -> str:
    """The name in the field `activation`, which may be an object around it; "linear" for none."""
    raw = config.raw.get("activation")
    if isinstance(raw, dict):
        inner = config.inner("activation")
        found = inner.raw.get("config")
        if isinstance(found, str):
            return found
        return inner.text("class_name")
    return config.text("activation", "linear")


def apply(layer: Layer, inputs: Sequence[Value]) -> Value:
    """What a layer makes of values.

    Raises:
        ImportModelError: the layer is not known, is configured in a way that is not, or does not
            fit its arrays or its inputs.
    """
    known = LAYERS.get(layer.kind)
    if known is None:
        layer.config.refuse(
            f"layers of the class {layer.kind!r:.60} are not known; known are"
            f" {', '.join(sorted(LAYERS))}"
        )
    if layer.config.text("data_format", "channels_last") != "channels_last":
        layer.config.refuse("'data_format' is 'channels_first', which TensorFlow.js has not either")
    if not inputs:
        layer.config.refuse("it has no input")
    try:
        return known(layer, inputs)
    except (ValueError, IndexError, OverflowError) as error:
        # What no check here has thought of: an array or a list of another length, mostly.
        raise ImportModelError(f"{layer.config.where}: it does not fit ({error})") from error


def _nothing(layer: Layer, inputs: Sequence[Value]) -> Value:
    return inputs[0]


def _window(layer: Layer, size: str, strides: str = "strides") -> Window:
    """How a layer's kernel slides; a pool without strides steps by its size."""
    config = layer.config
    sides = config.pair(size)
    steps = config.pair(strides, sides if size == "pool_size" else (1, 1))
    padding = config.text("padding", "valid")
    if padding not in ("same", "valid"):
        config.refuse(f"'padding' is {padding!r:.40}, neither 'same' nor 'valid'")
    dilations = config.pair("dilation_rate", (1, 1))
    return Window(sides, steps, None if padding == "same" else NO_PADS, dilations)


def _convolution(layer: Layer, inputs: Sequence[Value]) -> Value:
    window, name = _window(layer, "kernel_size"), layer.name
    stored = layer.weights.find("kernel")
    if stored.values.ndim != 4 or stored.values.shape[:2] != window.size:
        layer.config.refuse(f"its kernel is {stored.values.shape}, not of {window.size}")
    filters = stored.values.shape[3]
    bias = layer.weights.maybe("bias", layer.config.flag("use_bias", True), (filters,))
    kernel = stored.kernel(3, 2, 0, 1)
    return layer.activated(layer.net.convolution(inputs[0], kernel, bias, window, name))


def _depthwise(layer: Layer, inputs: Sequence[Value]) -> Value:
    bias = layer.config.flag("use_bias", True)
    return layer.activated(_each_channel(layer, inputs[0], layer.name, bias))


def _each_channel(layer: Layer, x: Value, name: str, use_bias: bool) -> Value:
    """A convolution of each channel by itself: kernel [height, width, channels, multiplier]."""
    window = _window(layer, "kernel_size")
    stored = layer.weights.find("depthwise_kernel", "kernel")
    if stored.values.ndim != 4 or stored.values.shape[:2] != window.size:
        layer.config.refuse(f"its kernel is {stored.values.shape}, not of {window.size}")
    height, width, channels, multiplier = stored.values.shape
    if not x.is_map or channels != x.channels:
        layer.config.refuse(f"its kernel is {stored.values.shape}, for {x.shape}")
    kernel = reshaped(stored.kernel(2, 3, 0, 1), (channels * multiplier, 1, height, width))
    bias = layer.weights.maybe("bias", use_bias, (channels * multiplier,))
    return layer.net.convolution(x, kernel, bias, window, name)


def _separable(layer: Layer, inputs: Sequence[Value]) -> Value:
    deep = _each_channel(layer, inputs[0], f"{layer.name}/depthwise", use_bias=False)
    stored = layer.weights.find("pointwise_kernel")
    if stored.values.ndim != 4:
        layer.config.refuse(f"its pointwise kernel is {stored.values.shape}")
    filters = stored.values.shape[3]
    bias = layer.weights.maybe("bias", layer.config.flag("use_bias", True), (filters,))
    window = Window((1, 1))
    return layer.activated(
        layer.net.convolution(deep, stored.kernel(3, 2, 0, 1), bias, window, layer.name)
    )


def _dense(layer: Layer, inputs: Sequence[Value]) -> Value:
    stored = layer.weights.find("kernel")
    units = stored.values.shape[-1] if stored.values.ndim else 0
    bias = layer.weights.maybe("bias", layer.config.flag("use_bias", True), (units,))
    return layer.activated(layer.net.dense(inputs[0], stored.kernel(0, 1), bias, layer.name))


def _batch_normalisation(layer: Layer, inputs: Sequence[Value]) -> Value:
    (x,), config = inputs, layer.config
    raw = config.raw.get("axis", -1)
    (axis,) = raw if isinstance(raw, list) and len(raw) == 1 else (raw,)
    if axis not in (-1, len(x.shape)):
        config.refuse(f"'axis' is {raw!r:.40}, not the last one of {x.shape}")
    factor, shift = normalisation(
        layer.weights,
        x.channels,
        config.number("epsilon", 1e-3),
        scale=config.flag("scale", True),
        center=config.flag("center", True),
    )
    return layer.net.normalise(x, factor, shift, layer.name)


def _activation(layer: Layer, inputs: Sequence[Value]) -> Value:
    kind = activation_name(layer.config)
    return activation(layer.net, kind, inputs[0], layer.name, layer.keras)


def _relu(layer: Layer, inputs: Sequence[Value]) -> Value:
    config, net, x = layer.config, layer.net, inputs[0]
    if config.number("threshold", 0):
        config.refuse("a 'threshold' other than 0 is not known here")
    slope = config.number("negative_slope", 0)
    limit = config.number("max_value") if config.has("max_value") else None
    if slope:
        x = leaky_relu(net, x, slope, f"{layer.name}/leaky")
        if limit is None:
            return x
        return net.pairwise("Min", x, scalar(limit), layer.name)
    return net.unary("Relu", x, layer.name) if limit is None else net.clip(x, 0, limit, layer.name)


def _leaky_relu(layer: Layer, inputs: Sequence[Value]) -> Value:
    config = layer.config
    slope = config.number("negative_slope" if config.has("negative_slope") else "alpha", 0.3)
    return leaky_relu(layer.net, inputs[0], slope, layer.name)


def _prelu(layer: Layer, inputs: Sequence[Value]) -> Value:
    return layer.net.prelu(inputs[0], layer.weights.floats("alpha"), layer.name)


def _elu(layer: Layer, inputs: Sequence[Value]) -> Value:
    alpha = layer.config.number("alpha", 1)
    return layer.net.unary("Elu", inputs[0], layer.name, alpha=alpha)


def _softmax(layer: Layer, inputs: Sequence[Value]) -> Value:
    return layer.net.softmax(inputs[0], _axis(layer), layer.name)


def _axis(layer: Layer) -> int:
    """The field `axis`, counted without the batch."""
    axis = layer.config.whole("axis", -1)
    if axis == 0:
        layer.config.refuse("'axis' is 0: it works over the pictures of a batch")
    return axis - 1 if axis > 0 else axis


def _border(config: Fields, key: str) -> Pads:
    """A border as Keras writes it: n, (rows, columns), or ((top, bottom), (left, right))."""
    raw = config.raw.get(key, 1 if key == "padding" else 0)
    rows, columns = raw if isinstance(raw, list) and len(raw) == 2 else (raw, raw)
    sides = [one if isinstance(one, list) else [one, one] for one in (rows, columns)]
    top, bottom = config.whole_numbers(key, sides[0], 2)
    left, right = config.whole_numbers(key, sides[1], 2)
    return top, left, bottom, right


def _zero_padding(layer: Layer, inputs: Sequence[Value]) -> Value:
    return layer.net.pad(inputs[0], _border(layer.config, "padding"), 0, layer.name)


def _cropping(layer: Layer, inputs: Sequence[Value]) -> Value:
    return layer.net.crop(inputs[0], _border(layer.config, "cropping"), layer.name)


def _pool(kind: str) -> Apply:
    def apply_pool(layer: Layer, inputs: Sequence[Value]) -> Value:
        return layer.net.pool(kind, inputs[0], _window(layer, "pool_size"), layer.name)

    return apply_pool


def _global_pool(kind: str) -> Apply:
    def apply_pool(layer: Layer, inputs: Sequence[Value]) -> Value:
        layer.net.expect_map(inputs[0], layer.name)
        keep = layer.config.flag("keepdims", False)
        return layer.net.reduce(kind, inputs[0], (0, 1), keep, layer.name)

    return apply_pool


def _flatten(layer: Layer, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    return layer.net.reshape(x, (int(np.prod(x.shape)),), layer.name)


def _reshape(layer: Layer, inputs: Sequence[Value]) -> Value:
    (x,), config = inputs, layer.config
    target = list(config.whole_numbers("target_shape", config.raw.get("target_shape")))
    return layer.net.reshape(x, resolved(target, x, config), layer.name)


def resolved(target: list[int], x: Value, config: Fields) -> list[int]:
    """The shape with its one -1, if any, worked out."""
    if target.count(-1) > 1 or any(side < -1 or side == 0 for side in target):
        config.refuse(f"the shape {target!r:.80} cannot be made")
    known = int(np.prod([side for side in target if side > 0]))
    whole = int(np.prod(x.shape))
    return [whole // known if side == -1 else side for side in target]


def _permute(layer: Layer, inputs: Sequence[Value]) -> Value:
    axes = layer.config.whole_numbers("dims", layer.config.raw.get("dims"))
    return layer.net.transpose(inputs[0], [axis - 1 for axis in axes], layer.name)


def _merge(kind: str) -> Apply:
    def apply_merge(layer: Layer, inputs: Sequence[Value]) -> Value:
        return _merged(layer, kind, inputs)

    return apply_merge


def _merged(layer: Layer, kind: str, inputs: Sequence[Value]) -> Value:
    done = inputs[0]
    for number, one in enumerate(inputs[1:], 2):
        name = layer.name if number == len(inputs) else f"{layer.name}/{number}"
        done = layer.net.pairwise(kind, done, one, name)
    return done


def _average(layer: Layer, inputs: Sequence[Value]) -> Value:
    total = _merged(layer, "Add", inputs)
    return layer.net.pairwise("Div", total, scalar(len(inputs)), f"{layer.name}/mean")


def _concatenate(layer: Layer, inputs: Sequence[Value]) -> Value:
    return layer.net.concat(inputs, _axis(layer), layer.name)


def _rescaling(layer: Layer, inputs: Sequence[Value]) -> Value:
    scale, offset = _numbers(layer.config, "scale", 1), _numbers(layer.config, "offset", 0)
    scaled = layer.net.pairwise("Mul", inputs[0], scale, f"{layer.name}/scaled")
    return layer.net.pairwise("Add", scaled, offset, layer.name)


def _numbers(
    config: Fields, key: str, default: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A number, or one for each channel."""
    raw = config.raw.get(key)
    if isinstance(raw, list) and raw and all(type(one) in (int, float) for one in raw):
        return np.array(raw, np.float32)
    return scalar(config.number(key, default))


def _normalisation(layer: Layer, inputs: Sequence[Value]) -> Value:
    """(x - mean) / sqrt(variance), at least 1e-7, with statistics that were adapted to data."""
    (x,) = inputs
    parts = []
    for name in ("mean", "variance"):
        has = layer.config.has(name)
        array = _numbers(layer.config, name, 0) if has else layer.weights.floats(name)
        parts.append(np.broadcast_to(array.reshape(-1), (x.channels,)).astype(np.float64))
    mean, variance = parts
    factor, shift = folded(mean, np.maximum(variance, 1e-14), 0, None, None)
    return layer.net.normalise(x, factor, shift, layer.name)


LAYERS: Mapping[str, Apply] = {
    "Conv2D": _convolution,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "BatchNormalization": _batch_normalisation,
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "PReLU": _prelu,
    "ELU": _elu,
    "Softmax": _softmax,
    "ZeroPadding2D": _zero_padding,
    "Cropping2D": _cropping,
    "MaxPooling2D": _pool("MaxPool"),
    "AveragePooling2D": _pool("AveragePool"),
    "GlobalAveragePooling2D": _global_pool("ReduceMean"),
    "GlobalMaxPooling2D": _global_pool("ReduceMax"),
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "Add": _merge("Add"),
    "Subtract": _merge("Sub"),
    "Multiply": _merge("Mul"),
    "Maximum": _merge("Max"),
    "Minimum": _merge("Min"),
    "Average": _average,
    "Concatenate": _concatenate,
    "Rescaling": _rescaling,
    "Normalization": _normalisation,
    # Nothing at all at inference.
    "Dropout": _nothing,
    "SpatialDropout2D": _nothing,
    "AlphaDropout": _nothing,
    "GaussianDropout": _nothing,
    "GaussianNoise": _nothing,
    "ActivityRegularization": _nothing,
    "RandomFlip": _nothing,
    "RandomRotation": _nothing,
    "RandomZoom": _nothing,
    "RandomTranslation": _nothing,
    "RandomContrast": _nothing,
    "RandomBrightness": _nothing,
}
