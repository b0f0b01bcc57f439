"""How a model looks at images: by the classes that it has, or, without any, by its features."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from figleaf import labels
from figleaf.classify.classifier import load
from figleaf.classify.features import FeatureExtractor
from figleaf.curate.screening.doubts import Doubt, doubt, expected_class
from figleaf.curate.screening.rules import ScreenRules
from figleaf.curate.screening.scores import (
    Image,
    Scored,
    Scorer,
    by_classifier,
    count_labels,
    forget_other_classes,
    forget_other_references,
    model_tag,
)
from figleaf.curate.screening.unlike import (
    LEAST,
    by_likeness,
    choose,
    doubt_unlike,
    fingerprint,
    learn,
)
from figleaf.curate.watch import Watch
from figleaf.dataset.labelling import LIKENESS, SCREEN
from figleaf.dataset.ledger import Ledger
from figleaf.dataset.store import Store
from figleaf.errors import ModelError
from figleaf.models.bundle import open_card
from figleaf.models.card import Card
from figleaf.models.model import load_model
from figleaf.models.runtime import Precision, has_bf16


@dataclass(frozen=True, slots=True)
class Look:
    """How a model looks at images.

    Attributes:
        who: what its doubts are filed under.
        tag: what its scores are filed under.
        hashes: of the model's files.
        labels: the classes whose images it looks at.
        not_screened: the other classes -> images.
        score: gives the scores.
        doubts: what scores make doubtful.
    """

    who: str
    tag: str
    hashes: Mapping[str, str]
    labels: Collection[str]
    not_screened: Mapping[str, int]
    score: Scorer
    doubts: Callable[[Iterable[Scored]], Iterator[tuple[Image, Doubt]]]


def open_look(ledger: Ledger, rules: ScreenRules, stack: ExitStack, watch: Watch) -> Look:
    """Load the model of some rules.

    Args:
        ledger: of the data set, open for writing.
        rules: the model and the limits.
        stack: closes what has to be closed.
        watch: is told of learning what classes look like.

    Raises:
        ModelError: the model cannot be used, or has classes that are none of figleaf's.
    """
    card = open_card(rules.model)
    return (_by_classes if card.labels else _by_likeness)(ledger, rules, stack, watch, card)


def _by_classes(
    ledger: Ledger, rules: ScreenRules, stack: ExitStack, watch: Watch, card: Card
) -> Look:
    # By a model that has only one of the two, all would seem safe, or unsafe.
    if {found.unsafe for name in card.labels if (found := labels.find(name))} != {False, True}:
        raise ModelError(
            f"{card.name} cannot screen: of its classes ({', '.join(card.labels)}) none is a safe"
            " one of figleaf's, or none an unsafe one; figleaf models lists others"
        )
    classifier = stack.enter_context(load(rules.model, fast=rules.fast))
    counts = count_labels(ledger)
    expected = {name: found for name in counts if (found := expected_class(name, rules))}

    def doubts(scored: Iterable[Scored]) -> Iterator[tuple[Image, Doubt]]:
        for one in scored:
            found = doubt(expected[one.image.label], one.scores or {}, rules)
            if found:
                yield one.image, found

    return Look(
        who=SCREEN,
        tag=model_tag(classifier.model, rules.model, scaled=rules.fast),
        hashes=card.sha256,
        labels=expected,
        not_screened={name: count for name, count in counts.items() if name not in expected},
        score=by_classifier(classifier),
        doubts=doubts,
    )


def _by_likeness(
    ledger: Ledger, rules: ScreenRules, stack: ExitStack, watch: Watch, card: Card
) -> Look:
    precision = Precision.BF16 if rules.fast and has_bf16() else Precision.F32
    model = load_model(rules.model, precision=precision)
    extractor = stack.enter_context(FeatureExtractor(model, scaled=rules.fast))
    counts = count_labels(ledger)
    chosen = choose(ledger, sorted(name for name, count in counts.items() if count >= LEAST))
    watch.start("learning what classes look like", len(chosen))
    reference = learn(chosen, extractor, Store(ledger.folder), watch.done)
    unlike = f"{model_tag(model, rules.model, scaled=rules.fast)} like "
    tag = f"{unlike}{fingerprint(chosen)}"
    forget_other_references(ledger, unlike, tag)
    forget_other_classes(ledger, tag)
    return Look(
        who=LIKENESS,
        tag=tag,
        hashes=card.sha256,
        labels=reference.labels,
        not_screened={name: n for name, n in counts.items() if name not in reference.labels},
        score=by_likeness(extractor, reference),
        doubts=lambda scored: doubt_unlike(scored, rules.unlike_below),
    )
