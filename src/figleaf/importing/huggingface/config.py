"""What `config.json` says of a model: its classes, in order, and whether it can be taken at all."""

import re
from collections.abc import Mapping
from typing import Any

from figleaf.errors import ImportModelError

FILE = "config.json"

_WHOLE = re.compile(r"0|[1-9][0-9]{0,5}")  # of an output


def check_config(config: Mapping[str, Any]) -> None:
    """Refuse what no bundle can be made of.

    Raises:
        ImportModelError: the repository wants to run its own code, the weights are quantised in a
            way of their own, or the outputs are no classes that exclude each other.
    """
    if "auto_map" in config:
        raise ImportModelError(
            f"{FILE} has 'auto_map': the model is Python code of the repository's own, which would"
            " have to be run. figleaf never does; an ONNX file exported where it is trusted needs"
            " no code: save it with a config.json without 'auto_map'"
        )
    if config.get("quantization_config"):
        raise ImportModelError(
            f"{FILE} has 'quantization_config': weights that only its own library can read. Take"
            " the model that it was made of, and `figleaf models quantize` what comes of it"
        )
    kind = config.get("problem_type")
    if kind not in (None, "single_label_classification"):
        raise ImportModelError(
            f"{FILE}: 'problem_type' is {kind!r}: the scores are not shares of a whole, and no"
            " policy's threshold would mean what it says"
        )
    if kind := config.get("function_to_apply"):
        raise ImportModelError(f"{FILE}: 'function_to_apply' is {kind!r}; figleaf knows softmax")


def read_labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes, in the order of the outputs.

    Raises:
        ImportModelError: there are none, their numbers are not 0..n-1, or `label2id` or timm's
            `label_names` contradicts `id2label`.
    """
    raw = config.get("id2label")
    if not isinstance(raw, dict) or not raw:
        raise ImportModelError(
            f"{FILE} has no 'id2label': which output is which class cannot be known. Ask whoever"
            " made the model, and write it into the file"
        )
    by_number = {_number(key): _name(key, name) for key, name in raw.items()}
    if sorted(by_number) != list(range(len(raw))):
        raise ImportModelError(
            f"{FILE}: 'id2label' has the numbers {', '.join(raw)}, not 0 to {len(raw) - 1}"
        )
    # By their numbers: as strings "10" comes before "2".
    labels = tuple(by_number[number] for number in range(len(raw)))
    _check_inverse(labels, config.get("label2id"))
    _check_names(labels, config)
    count = config.get("num_labels")
    if count is not None and count != len(labels):
        raise ImportModelError(f"{FILE}: 'num_labels' is {count!r}, 'id2label' has {len(labels)}")
    return labels


def _number(key: str) -> int:
    if not _WHOLE.fullmatch(key):
        raise ImportModelError(f"{FILE}: 'id2label' has {key!r}, which is no number of an output")
    return int(key)


def _name(key: str, name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ImportModelError(f"{FILE}: 'id2label' calls {key} {name!r}, which is no name")
    return name


def _check_inverse(labels: tuple[str, ...], raw: Any) -> None:
    if raw is None:
        return
    expected = {name: number for number, name in enumerate(labels)}
    if not isinstance(raw, dict):
        raise ImportModelError(f"{FILE}: 'label2id' is {raw!r}, not an object")
    told = {name: int(number) if _is_digits(number) else number for name, number in raw.items()}
    if told != expected and len(expected) == len(labels):
        raise ImportModelError(
            f"{FILE}: 'id2label' says {expected}, 'label2id' says {raw}: one of them is wrong, and"
            " which cannot be known. Ask whoever made the model"
        )


def _check_names(labels: tuple[str, ...], config: Mapping[str, Any]) -> None:
    """See that timm's own fields, where there are any, say the same."""
    nested = config.get("pretrained_cfg")
    for one in (config, nested if isinstance(nested, dict) else {}):
        names = one.get("label_names")
        if names and names != list(labels):
            raise ImportModelError(
                f"{FILE}: 'label_names' are {names}, another field of it says otherwise: which is"
                " right cannot be known. Ask whoever made the model"
            )


def _is_digits(value: Any) -> bool:
    return isinstance(value, str) and _WHOLE.fullmatch(value) is not None
