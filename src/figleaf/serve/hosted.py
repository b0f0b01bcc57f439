"""What a server answers with, all of which can be replaced while it runs: models, policies, lists,
keys.

A reload makes new ones beside the old; requests that have begun end with those that they began
with, and a model that nobody uses any more is let go. What cannot be loaded changes nothing.
"""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from figleaf.classify.classifier import policy_for
from figleaf.classify.decoding import enough_for
from figleaf.classify.lists import Lists, load_lists
from figleaf.classify.looking import Recipe
from figleaf.classify.moving import FrameRules
from figleaf.classify.policy import Policy, presets
from figleaf.classify.verdict import Verdicts
from figleaf.errors import InputError
from figleaf.models.bundle import open_card, outside
from figleaf.models.card import Card
from figleaf.models.model import Model, load_model
from figleaf.models.runtime import Precision, has_bf16
from figleaf.models.writing import CARD, GRAPH
from figleaf.serve.batching import Batcher
from figleaf.serve.keys import Gate, load_keys
from figleaf.serve.problems import Kind, ProblemError
from figleaf.serve.rules import ServeRules
from figleaf.web.site import offered_policies

_numbers = itertools.count()

Observe = Callable[[str, int, float, float], None]
"""Is told of each batch: a model's tag, how many pictures, seconds waited, seconds that it took."""


class HostedModel:
    """A model that is loaded, has run once, and waits for pictures.

    Attributes:
        model: what runs.
        batcher: brings it pictures.
        policy: what decides where a request names none.
        number: its own: no other one's in this process.
    """

    def __init__(self, model: Model, policy: Policy, rules: ServeRules, observe: Observe) -> None:
        # Once before anybody waits: what cannot run is not taken in, and leaves no threads.
        grey = tuple(np.full((*spec.size, 3), 127, np.float32) for spec in model.card.inputs)
        model.run([grey])
        self.model = model
        self.policy = policy
        self._recipe = Recipe(
            model.card.inputs,
            frames=FrameRules(most=rules.max_frames),
            at_least=enough_for(model.card.inputs) if rules.fast else None,
        )
        self.batcher = Batcher(
            model,
            wait=rules.batch_wait,
            observe=lambda *figures: observe(model.card.tag, *figures),
        )
        self.number = next(_numbers)
        self._users = 1  # the catalogue that it is in
        self._counting = threading.Lock()

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.model.card

    def recipe(self, lists: Lists) -> Recipe:
        """How images are decoded for it, and hashed for the lists."""
        return replace(self._recipe, with_pdq=lists.needs_pdq, with_further=lists.blocks_by_pdq)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep it while a request needs it."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def acquire(self) -> None:
        """Keep it from being let go."""
        with self._counting:
            self._users += 1

    def release(self) -> None:
        """One user less; the last one lets it go."""
        with self._counting:
            self._users -= 1
            is_last = self._users == 0
        if is_last:
            self.batcher.close()


@dataclass(frozen=True, slots=True)
class Choice:
    """What a request asked for: a model, and how its results are made."""

    hosted: HostedModel
    verdicts: Verdicts


@dataclass(frozen=True)
class Catalogue:
    """All that one load has brought.

    Attributes:
        models: by name; the first is the default.
        policies: that requests may name, by name.
        default_policy: the name of the one that was given first; None where each model has its own.
        lists: of hashes, consulted before any model.
        gate: lets requests in.
    """

    models: Mapping[str, HostedModel]
    policies: Mapping[str, Policy]
    default_policy: str | None
    lists: Lists
    gate: Gate

    def choose(self, model: str | None, policy: str | None) -> Choice:
        """The model and policy that a request names, or those that it gets without.

        Raises:
            ProblemError: it names one that is not here, or that does not go with the other.
        """
        hosted = next(iter(self.models.values())) if model is None else self._named(model)
        if hosted is None:
            raise ProblemError(
                Kind.INVALID, f"no such model here; there are {', '.join(self.models)}"
            )
        chosen = hosted.policy if policy is None else self.policies.get(policy)
        if chosen is None:
            raise ProblemError(
                Kind.INVALID, f"no such policy here; there are {', '.join(self.policies)}"
            )
        if policy is not None and not chosen.covers(hosted.card.labels):
            detail = f"policy {chosen.tag} has no threshold for the classes of {hosted.card.tag}"
            raise ProblemError(Kind.INVALID, detail)
        return Choice(hosted, Verdicts(hosted.card, chosen, hosted.model.precision))

    def _named(self, model: str) -> HostedModel | None:
        """The model of a name, or of a tag, which is what results call it."""
        tagged = (one for one in self.models.values() if one.card.tag == model)
        return self.models.get(model) or next(tagged, None)

    def retire(self) -> None:
        """Let go of all models that no later catalogue has, once nobody uses them."""
        for hosted in self.models.values():
            hosted.release()


def load_catalogue(
    rules: ServeRules, observe: Observe, before: Catalogue | None = None
) -> Catalogue:
    """Load what the rules name; of the models that `before` has, those that have changed.

    Args:
        rules: what to load.
        observe: is told of batches.
        before: the catalogue that is to be replaced; unchanged models are shared with it.

    Raises:
        FigleafError: something cannot be loaded; nothing has changed then.
    """
    lists = load_lists(rules.allow_lists, rules.block_lists)
    keys = None if rules.keys is None else load_keys(rules.keys)
    policies = offered_policies(rules.policies)
    default = policies[0] if rules.policies else None
    # Before any is loaded: a process that ends as soon as it has compiled one can be aborted by it.
    cards = _cards(rules.models)
    models: dict[str, HostedModel] = {}
    try:
        for name, card in cards.items():
            models[card.name] = _hosted(name, card, default, rules, observe, before)
    except BaseException:
        for hosted in models.values():
            hosted.release()
        raise
    return Catalogue(
        models,
        {policy.name: policy for policy in policies},
        default.name if default else None,
        lists,
        Gate(keys, before=before.gate if before else None),
    )


def _cards(models: Iterable[str | Path]) -> dict[str | Path, Card]:
    """Each model's card; no two may have the same name."""
    found: dict[str | Path, Card] = {}
    names: set[str] = set()
    for model in models:
        card = open_card(model)
        if card.name in names:
            raise InputError(f"two models are called {card.name}: give one another name")
        names.add(card.name)
        found[model] = card
    return found


def _hosted(
    name: str | Path,
    card: Card,
    default: Policy | None,
    rules: ServeRules,
    observe: Observe,
    before: Catalogue | None,
) -> HostedModel:
    policy = policy_for(card, default)
    old = before.models.get(card.name) if before else None
    if old and old.card.raw == card.raw and old.policy == policy:
        old.acquire()
        return old
    bf16 = rules.fast and has_bf16()
    precision = rules.precision or (Precision.BF16 if bf16 else Precision.F32)
    model = load_model(name, precision=precision, streams=rules.threads)
    if not model.card.labels:
        raise InputError(f"{card.name} has no classes: it gives features, to train upon")
    return HostedModel(model, policy_for(model.card, default), rules, observe)


def changed_files(rules: ServeRules) -> Sequence[tuple[str, int, int]]:
    """What tells whether anything that `load_catalogue` reads has changed: names, times, sizes."""
    files = [*rules.allow_lists, *rules.block_lists, *([rules.keys] if rules.keys else [])]
    files += [Path(policy) for policy in rules.policies if policy not in presets()]
    folders = [folder for model in rules.models for folder in outside(model)]
    # The graph as well: where it is written after the card, that alone could not be loaded yet.
    files += [folder / name for folder in folders for name in (CARD, GRAPH)]
    return [_state_of(file) for file in files]


def _state_of(file: Path) -> tuple[str, int, int]:
    try:
        info = file.stat()
    except OSError:  # being replaced, or gone
        return str(file), 0, -1
    return str(file), info.st_mtime_ns, info.st_size
