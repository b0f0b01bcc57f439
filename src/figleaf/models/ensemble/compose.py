"""Several models in one graph, which does their arithmetic.

Two rules. `mean`, of models with the same classes: the weighted mean of their probabilities.

`mean-unsafe`, of models with the five classes and binary ones: let u be the weighted mean of every
member's unsafe score (the sum of its unsafe classes), p the weighted mean of the probabilities of
those with five classes, and p' = p + e with e = 1e-6. Then

    unsafe class k:  u       * p'[k] / (sum of p' over the unsafe classes)
    safe class k:    (1 - u) * p'[k] / (sum of p' over the safe classes)

so that the unsafe score is u, and the classes share it as the five-class members see them; e keeps
the quotients finite where a member is certain. The classes are the five.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from figleaf.errors import InputError, ModelError
from figleaf.labels import FIVE, find
from figleaf.models.card import Card, Input
from figleaf.models.origin import Rule
from figleaf.models.surgery import in_one_opset, opset_of, renamed, side_by_side

if TYPE_CHECKING:
    import onnx

EPSILON = 1e-6
_AXES_ARE_AN_INPUT = 13  # of ReduceSum, from this opset on
_FIVE = tuple(label.name for label in FIVE)
_PROBABILITIES, _FEATURES = "probabilities", "features"
_OWN = "ensemble/"
"""What the names of the ensemble's own nodes begin with."""


@dataclass(frozen=True, slots=True)
class Part:
    """A model of an ensemble: its card, its graph as bytes, and what it counts."""

    card: Card
    graph: bytes
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Composed:
    """What an ensemble is.

    Attributes:
        rule: how scores become one.
        labels: its classes.
        features: the width of the members' features side by side; 0 where a member has none.
        inputs: one for each way in which some member's pictures are prepared.
        graph: ONNX, the same bytes for the same members.
    """

    rule: Rule
    labels: tuple[str, ...]
    features: int
    inputs: tuple[Input, ...]
    graph: bytes


def rule_of(cards: Sequence[Card]) -> Rule:
    """The rule for models.

    Raises:
        InputError: fewer than two, two of one name, other colours under transparent pixels, or
            classes that no rule is for.
    """
    names = [card.name for card in cards]
    if len(cards) < 2:
        raise InputError(f"{'+'.join(names)}: an ensemble has two members or more")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"two members are called {twice}: give one another name")
    if len({card.background for card in cards}) > 1:
        raise InputError(f"{'+'.join(names)}: they want other colours under transparent pixels")
    if len({card.computes for card in cards}) > 1:
        raise InputError(
            f"{'+'.join(names)}: one computes in int8, another does not: quantize both, or neither"
        )
    if all(card.labels and card.labels == cards[0].labels for card in cards):
        return Rule.MEAN
    if any(_is_five(card) for card in cards) and all(map(_tells_unsafe, cards)):
        return Rule.MEAN_UNSAFE
    classes = "; ".join(f"{c.name} has {', '.join(c.labels) or 'none'}" for c in cards)
    raise InputError(
        "an ensemble is of models with the same classes, or of five-class and binary ones:"
        f" {classes}"
    )


def _is_five(card: Card) -> bool:
    return tuple(sorted(found.name if (found := find(n)) else n for n in card.labels)) == _FIVE


def _tells_unsafe(card: Card) -> bool:
    """Whether figleaf knows all of its classes, safe ones and unsafe ones."""
    known = [find(name) for name in card.labels]
    return None not in known and {one.unsafe for one in known if one} == {False, True}


def compose(members: Sequence[Part]) -> Composed:
    """Put models together.

    Args:
        members: two or more, in the order of the ensemble's name.

    Raises:
        InputError: as `rule_of`; a weight that is not above 0.
        ModelError: the graphs cannot be put together.
    """
    import onnx

    rule = rule_of([one.card for one in members])
    if not all(0 < one.weight < float("inf") for one in members):
        raise InputError("weights must be above 0, one for each member")
    inputs, names = _shared_inputs([one.card for one in members])
    cards = [one.card for one in members]
    labels = cards[0].labels if rule is Rule.MEAN else _FIVE
    features = sum(card.features for card in cards) if all(c.features for c in cards) else 0
    try:
        parts = in_one_opset(
            [
                renamed(onnx.load_model_from_string(one.graph), f"{one.card.name}/", own)
                for one, own in zip(members, names, strict=True)
            ]
        )
        arithmetic = _Arithmetic(side_by_side(parts, "figleaf"), opset_of(parts[0]))
        del arithmetic.graph.input[:]
        arithmetic.graph.input.extend(_declared(inputs))
        if rule is Rule.MEAN:
            arithmetic.mean(members)
        else:
            arithmetic.mean_unsafe(members)
        if features:
            arithmetic.features(members)
        arithmetic.declare(len(labels), features)
        graph = _checked(arithmetic.graph, parts)
    except Exception as e:  # of ONNX's own passes, whose errors have no common base
        reason = str(e).strip().partition("\n")[0]
        together = "+".join(card.name for card in cards)
        raise ModelError(f"{together}: the graphs cannot be put together: {reason}") from e
    return Composed(rule, labels, features, inputs, graph)


def _shared_inputs(cards: Sequence[Card]) -> tuple[tuple[Input, ...], list[dict[str, str]]]:
    """The inputs of the whole, and what each member's are called there."""
    found: dict[Input, Input] = {}
    names = []
    for card in cards:
        own = {}
        for spec in card.inputs:
            nameless = replace(spec, name="")
            found.setdefault(nameless, replace(spec, name=f"{card.name}/{spec.name}"))
            own[spec.name] = found[nameless].name
        names.append(own)
    if len(found) == 1:  # as of a single model
        (only,) = found
        return (replace(only, name="image"),), [dict.fromkeys(own, "image") for own in names]
    return tuple(found.values()), names


def _declared(inputs: Sequence[Input]) -> list["onnx.ValueInfoProto"]:
    from onnx import TensorProto, helper

    return [
        helper.make_tensor_value_info(one.name, TensorProto.FLOAT, ["batch", *one.size, 3])
        for one in inputs
    ]


class _Arithmetic:
    """Adds to a graph what makes one answer of several."""

    def __init__(self, graph: "onnx.GraphProto", opset: int) -> None:
        self.graph = graph
        self._opset = opset
        self._has_axis = False

    def mean(self, members: Sequence[Part]) -> None:
        scores = [f"{one.card.name}/{_PROBABILITIES}" for one in members]
        self._weighted(scores, [one.weight for one in members], _PROBABILITIES)

    def mean_unsafe(self, members: Sequence[Part]) -> None:
        unsafe = self._weighted(
            [self._unsafe(one.card) for one in members],
            [one.weight for one in members],
            f"{_OWN}mean",
        )
        self._constant("zero", 0.0)
        one_ = self._constant("one", 1.0)
        # Rounded sums may pass 1 by a hair, and 1 minus that would be no probability.
        bounded = self._node("Clip", [unsafe, f"{_OWN}zero", one_], f"{_OWN}unsafe")
        safe = self._node("Sub", [one_, bounded], f"{_OWN}safe")
        five = [one for one in members if _is_five(one.card)]
        shares = self._node(
            "Add",
            [
                self._weighted(
                    [self._in_our_order(one.card) for one in five],
                    [one.weight for one in five],
                    f"{_OWN}classes",
                ),
                self._constant("epsilon", EPSILON),
            ],
            f"{_OWN}shares",
        )
        is_unsafe = np.array([[label.unsafe for label in FIVE]], np.float32)
        parts = [
            self._part(shares, bounded, is_unsafe, "unsafe_classes"),
            self._part(shares, safe, 1 - is_unsafe, "safe_classes"),
        ]
        self._node("Add", parts, _PROBABILITIES)

    def features(self, members: Sequence[Part]) -> None:
        names = [f"{one.card.name}/{_FEATURES}" for one in members]
        self._node("Concat", names, _FEATURES, axis=1)

    def declare(self, classes: int, features: int) -> None:
        from onnx import TensorProto, helper

        for name, width in ((_PROBABILITIES, classes), (_FEATURES, features)):
            if width:
                shape: list[str | int | None] = ["batch", width]
                self.graph.output.append(
                    helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                )

    def _part(self, shares: str, total: str, mask: NDArray[np.float32], name: str) -> str:
        """The classes of a mask, which share a total as they share what `shares` has of them."""
        those = self._node("Mul", [shares, self._constant(f"{name}/mask", mask)], f"{_OWN}{name}/p")
        held = self._sum(those, f"{_OWN}{name}/sum")
        factor = self._node("Div", [total, held], f"{_OWN}{name}/factor")
        return self._node("Mul", [those, factor], f"{_OWN}{name}")

    def _unsafe(self, card: Card) -> str:
        """The unsafe score, [batch, 1]."""
        unsafe = [bool((found := find(name)) and found.unsafe) for name in card.labels]
        mask = self._constant(f"{card.name}/mask", np.array([unsafe], np.float32))
        scores = f"{card.name}/{_PROBABILITIES}"
        those = self._node("Mul", [scores, mask], f"{_OWN}{card.name}/unsafe_classes")
        return self._sum(those, f"{_OWN}{card.name}/unsafe")

    def _sum(self, scores: str, output: str) -> str:
        """The sum over the classes, [batch, 1]."""
        # Not as a product with ones: OpenVINO would compute all that leads to a product in bf16
        # where that is asked for, and a sum of 1.004 is none of probabilities.
        if self._opset < _AXES_ARE_AN_INPUT:
            return self._node("ReduceSum", [scores], output, axes=[1], keepdims=1)
        if not self._has_axis:
            self._constant("classes_axis", np.array([1], np.int64))
            self._has_axis = True
        return self._node("ReduceSum", [scores, f"{_OWN}classes_axis"], output, keepdims=1)

    def _in_our_order(self, card: Card) -> str:
        """The five probabilities in the order of `labels.FIVE`."""
        scores = f"{card.name}/{_PROBABILITIES}"
        ours = [found.name for name in card.labels if (found := find(name))]
        if tuple(ours) == _FIVE:
            return scores
        places = np.array([ours.index(name) for name in _FIVE], np.int64)
        order = self._constant(f"{card.name}/order", places)
        return self._node("Gather", [scores, order], f"{_OWN}{card.name}/classes", axis=1)

    def _weighted(self, values: Sequence[str], weights: Sequence[float], output: str) -> str:
        """The mean of values by weights, which are brought to the sum 1."""
        shares = np.array(weights, np.float64) / sum(weights)
        if len(values) == 1:
            return self._node("Identity", values, output)
        scaled = [
            self._node(
                "Mul",
                [value, self._constant(f"{output}/share_{number}", share)],
                f"{_OWN}{output}/{number}",
            )
            for number, (value, share) in enumerate(zip(values, shares, strict=True))
        ]
        return self._node("Sum", scaled, output)

    def _constant(self, name: str, value: float | NDArray[np.float32] | NDArray[np.int64]) -> str:
        from onnx import numpy_helper

        array = np.asarray(value, np.float32) if not isinstance(value, np.ndarray) else value
        full = name if name.startswith(_OWN) else f"{_OWN}{name}"
        self.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), full))
        return full

    def _node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.graph.node.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def _checked(graph: "onnx.GraphProto", parts: Sequence["onnx.ModelProto"]) -> bytes:
    from onnx import checker, helper

    opsets = {one.domain: one.version for part in parts for one in part.opset_import}
    others = sorted((d, v) for d, v in opsets.items() if d not in ("", "ai.onnx"))
    model = helper.make_model(
        graph,
        opset_imports=[
            helper.make_opsetid("", opset_of(parts[0])),
            *(helper.make_opsetid(domain, version) for domain, version in others),
        ],
        ir_version=max(part.ir_version for part in parts),
        producer_name="figleaf",
    )
    checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
