"""What is true of images, in a model's own classes and in the two of safe and unsafe."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf import labels
from figleaf.classify.policy import Policy
from figleaf.errors import InputError
from figleaf.evaluation.scoring import unsafe_columns


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of images, as far as a model can be held to it.

    Attributes:
        classes: the number of each image's class among the model's, int64 of shape (images,); None
            where some class of the data is none of the model's.
        unsafe: whether each image's class is in the policy's unsafe sum, of shape (images,); None
            where none, or all, of the model's classes are.
        others: classes of the data that the model has not.
        own: classes of the data that neither figleaf nor the policy knows: they count as safe.
    """

    classes: NDArray[np.int64] | None
    unsafe: NDArray[np.bool_] | None
    others: tuple[str, ...]
    own: tuple[str, ...]


def truth_of(data: Sequence[str], classes: Sequence[str], policy: Policy, model: str) -> Truth:
    """Hold labels against a model's classes and a policy's.

    Other names that figleaf knows for a class, and capitals, make no difference.

    Args:
        data: the label of each image.
        classes: the model's.
        policy: its sum `unsafe` says what is unsafe, of the data as of the model.
        model: what messages call the model.

    Raises:
        InputError: the model's classes are not the data's, and do not tell safe from unsafe either.
    """
    numbers = number_labels(data, classes)
    others = tuple(sorted({label for label, n in zip(data, numbers, strict=True) if n < 0}))
    of_model = unsafe_columns(classes, policy)
    is_binary = bool(of_model.any() and not of_model.all())
    if others and not is_binary:
        raise InputError(
            f"{model} tells {', '.join(classes)}; it has no class {', '.join(others)} as the data"
            f" have, and none that policy {policy.tag} calls unsafe, or only such: it cannot be"
            " held against these labels"
        )
    unsafe = unsafe_among(data, policy, classes)
    return Truth(
        classes=None if others else numbers,
        unsafe=np.array([unsafe[label] for label in data], bool) if is_binary else None,
        others=others,
        own=unknown_among(unsafe, policy),
    )


def unsafe_among(
    data: Iterable[str], policy: Policy, *models: Sequence[str]
) -> dict[str, np.bool_]:
    """Each class of the data -> whether it is unsafe: in the policy's sum, or the same as a model's
    class that is, whatever its capitals.

    Args:
        data: names of classes, sorted in what comes back.
        policy: the policy.
        models: the classes of each model.
    """
    there = sorted(set(data))
    found = unsafe_columns(there, policy)
    for classes in models:
        # -1, for no class of the model, takes the one that is put at the end.
        columns = np.append(unsafe_columns(classes, policy), False)
        found = found | columns[number_labels(there, classes)]
    return dict(zip(there, found, strict=True))


def unknown_among(unsafe: Mapping[str, np.bool_], policy: Policy) -> tuple[str, ...]:
    """Classes of the data that are safe for want of anything that knows them: neither figleaf nor
    the policy does."""
    return tuple(name for name, own in unsafe.items() if not (own or _is_known(name, policy)))


def number_labels(data: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """The number of each label among a model's classes, of shape (images,); -1 for none.

    The same name goes first, then another name of figleaf's for the same class.
    """
    by_class = {_canonical(name): number for number, name in enumerate(classes)}
    by_name = {name: number for number, name in enumerate(classes)}
    found = {label: by_name.get(label, by_class.get(_canonical(label), -1)) for label in set(data)}
    return np.array([found[label] for label in data], np.int64)


def _canonical(name: str) -> str:
    known = labels.find(name)
    return known.name if known else name.strip().casefold()


def _is_known(name: str, policy: Policy) -> bool:
    known = labels.find(name)
    return known is not None or any(name in rule.classes for rule in policy.rules)
