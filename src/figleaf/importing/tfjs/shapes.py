"""TensorFlow's operations on shapes: what makes another of a value, and what computes with one."""

from figleaf.importing.tfjs.layers import resolved
from figleaf.importing.tfjs.net import Value
from figleaf.importing.tfjs.operation import Operation, Shape


def reshape(op: Operation) -> Value:
    """Another shape, by a constant or by sides of a shape."""
    x, to = op.value(0), op.read(1)
    if isinstance(to, Shape):
        batch, *rest = to.sides
        if batch is not None or None in rest:
            op.node.refuse("to a shape in which the batch is not the first")
        return op.net.reshape(x, [side for side in rest if side is not None], op.node.name)
    target = op.whole_numbers(1)
    if not target or target[0] not in (-1, 1):
        op.node.refuse(f"to {target}, in which the batch is not the first")
    return op.net.reshape(x, resolved(target[1:], x, op.node.attr), op.node.name)


def squeeze(op: Operation) -> Value:
    """Without axes of length 1."""
    x = op.value(0)
    wanted = [one % (len(x.shape) + 1) for one in op.node.whole_numbers("squeeze_dims")]
    if 0 in wanted or any(x.shape[one - 1] != 1 for one in wanted):
        op.node.refuse(f"'squeeze_dims' is {wanted}, for {x.shape}")
    gone = wanted or [i + 1 for i, side in enumerate(x.shape) if side == 1]
    rest = [side for i, side in enumerate(x.shape) if i + 1 not in gone]
    return op.net.reshape(x, rest, op.node.name)


def expand(op: Operation) -> Value:
    """With one more axis of length 1."""
    x = op.value(0)
    (axis,) = op.whole_numbers(1)
    axis %= len(x.shape) + 2
    if axis == 0:
        op.node.refuse("before the batch, which is not known here")
    shape = [*x.shape[: axis - 1], 1, *x.shape[axis - 1 :]]
    return op.net.reshape(x, shape, op.node.name)


def transpose(op: Operation) -> Value:
    """The axes in another order; the batch stays the first."""
    first, *axes = op.whole_numbers(1) or [1]
    if first != 0:
        op.node.refuse("moves the batch, which is not known here")
    return op.net.transpose(op.value(0), [axis - 1 for axis in axes], op.node.name)


def shape_of(op: Operation) -> Shape:
    """The shape as a value."""
    return Shape((None, *op.value(0).shape))


def slice_of_shape(op: Operation) -> Shape:
    """One side, or some, of a shape: what Keras' own Reshape and Flatten are traced to."""
    shape = op.read(0)
    if not isinstance(shape, Shape):
        op.node.refuse("of something else than a shape, which is not known here")
    (begin,), (end,), (step,) = (op.whole_numbers(number) for number in (1, 2, 3))
    masks = {key: op.node.whole(key) for key in ("begin_mask", "end_mask", "shrink_axis_mask")}
    if masks["shrink_axis_mask"]:
        return Shape((shape.sides[begin],))
    first = None if masks["begin_mask"] else begin
    return Shape(shape.sides[first : None if masks["end_mask"] else end : step])


def pack(op: Operation) -> Shape:
    """Sides to a shape."""
    sides: list[int | None] = []
    for number, one in enumerate(op.inputs):
        found = one.sides if isinstance(one, Shape) else tuple(op.whole_numbers(number))
        if len(found) != 1:
            op.node.refuse("of something else than sides of a shape, which is not known here")
        sides.append(None if found[0] == -1 and not sides else found[0])
    return Shape(tuple(sides))
