"""From what a model says of one input to a `Prediction`: the one place where it is put together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.lists import Listing
from figleaf.classify.policy import Policy
from figleaf.classify.prediction import Prediction
from figleaf.errors import ImageError, Status
from figleaf.models.card import Card
from figleaf.models.runtime import Precision


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Makes predictions for one model, computed in one precision, under one policy."""

    card: Card
    policy: Policy
    precision: Precision

    def verdict(self, name: str, probabilities: NDArray[np.float32]) -> Prediction:
        """Of an input that was classified.

        Args:
            name: what the result calls the input.
            probabilities: float32 of shape (classes,), in the order of the card's labels.
        """
        pairs = zip(self.card.labels, map(float, probabilities), strict=True)
        scores = dict(sorted(pairs, key=lambda pair: -pair[1]))
        decision, reason = self.policy.decide(scores)
        return Prediction(
            input=name,
            status=Status.OK,
            label=next(iter(scores)),
            scores=scores,
            unsafe=self.policy.unsafe_score(scores),
            decision=decision,
            reason=reason,
            policy=self.policy.tag,
            model=self.card.tag,
            precision=self.precision,
        )

    def failure(self, name: str, error: ImageError) -> Prediction:
        """Of an input that could not be classified; the policy says what becomes of those."""
        return Prediction(
            input=name,
            status=error.status,
            label=None,
            scores={},
            unsafe=None,
            decision=self.policy.unreadable,
            reason=error.reason,
            policy=self.policy.tag,
            model=self.card.tag,
            precision=self.precision,
        )

    def listed(self, name: str, listing: Listing) -> Prediction:
        """Of an input that a list decided on: no model was asked, so that there are no scores."""
        return Prediction(
            input=name,
            status=Status.OK,
            label=None,
            scores={},
            unsafe=None,
            decision=listing.decision,
            reason=listing.reason,
            policy=self.policy.tag,
            model=self.card.tag,
            precision=self.precision,
        )
