"""From what a model says of one input to a `Prediction`: the one place where it is put together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.crops import View
from figleaf.classify.lists import Listing
from figleaf.classify.moving import MAX, MEAN, FrameRules
from figleaf.classify.policy import Policy
from figleaf.classify.prediction import FrameScores, Prediction, ViewScores
from figleaf.errors import ImageError, Status
from figleaf.models.card import Card
from figleaf.models.runtime import Precision


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model says of one frame.

    Attributes:
        seconds: when it is shown, counted from the first frame.
        probabilities: float32 of shape (classes,), in the order of the card's labels.
    """

    seconds: float
    probabilities: NDArray[np.float32]


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
        scores = self._named(probabilities)
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

    def verdict_of_frames(
        self, name: str, frames: Sequence[Scored], rules: FrameRules, unseen: float | None = None
    ) -> Prediction:
        """Of a moving picture, some of whose frames were classified.

        Label, scores and unsafe score are those of the frame that decides or, with "mean", the
        means; `reason` says which. Where a part of it could not be looked at, the decision is at
        least the policy's on what cannot be read.

        Args:
            name: what the result calls the input.
            frames: one or more, in order of time.
            rules: how frames become a verdict.
            unseen: seconds from which on something could not be looked at; None where all was.
        """
        timeline = tuple(self._frame(frame) for frame in frames)
        count = f"{len(timeline)} frame" + "s" * (len(timeline) > 1)
        if rules.verdict == MEAN:
            rows = np.stack([frame.probabilities for frame in frames])
            found = self.verdict(name, rows.mean(axis=0, dtype=np.float64).astype(np.float32))
            where = f"(mean of {count})"
        else:
            rank = rules.rank(len(timeline))
            place = sorted(range(len(timeline)), key=lambda n: _badness(timeline[n]))[-rank]
            found = self.verdict(name, frames[place].probabilities)
            which = "max" if rules.verdict == MAX else f"{rank}"
            where = f"at {frames[place].seconds:.1f} s ({which} of {count})"
        found = replace(found, reason=f"{found.reason} {where}", frames=timeline)
        return found if unseen is None else self._in_doubt(found, unseen)

    def verdict_of_views(
        self, name: str, views: Sequence[View], probabilities: Sequence[NDArray[np.float32]]
    ) -> Prediction:
        """Of a still picture that was looked at in parts, too: the worst part decides.

        That is the one with the most severe decision and, among those, the highest unsafe score.
        Label, scores and unsafe score are its own; `reason` says which it is, and where.

        Args:
            name: what the result calls the input.
            views: the parts, the whole first.
            probabilities: of each, as for `verdict`.
        """
        found = tuple(map(self._view, views, probabilities))
        place = max(range(len(found)), key=lambda n: (*_harm(found[n]), -n))
        view, count = found[place], f"{len(found)} view" + "s" * (len(found) > 1)
        box = view.to_dict()["box"] if place else None
        where = f"in {view.name} {box}" if box else f"in the {view.name}"
        verdict = self.verdict(name, probabilities[place])
        return replace(verdict, reason=f"{verdict.reason} {where} (max of {count})", views=found)

    def _view(self, view: View, probabilities: NDArray[np.float32]) -> ViewScores:
        scores = self._named(probabilities)
        decision, _ = self.policy.decide(scores)
        return ViewScores(view.name, view.box, scores, self.policy.unsafe_score(scores), decision)

    def _frame(self, frame: Scored) -> FrameScores:
        scores = self._named(frame.probabilities)
        decision, _ = self.policy.decide(scores)
        return FrameScores(frame.seconds, scores, self.policy.unsafe_score(scores), decision)

    def _named(self, probabilities: NDArray[np.float32]) -> dict[str, float]:
        pairs = zip(self.card.labels, map(float, probabilities), strict=True)
        return dict(sorted(pairs, key=lambda pair: -pair[1]))

    def _in_doubt(self, found: Prediction, unseen: float) -> Prediction:
        """The same where a part went unseen: nobody allows what nobody could see."""
        reason = f"{found.reason}; from {unseen:.1f} s on not all could be decoded"
        least = self.policy.unreadable
        if found.decision is not None and found.decision.severity >= least.severity:
            return replace(found, reason=reason)
        return replace(found, decision=least, reason=f"{reason}: {least}")

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


def _badness(frame: FrameScores) -> tuple[int, float, float]:
    """What orders frames from harmless to harmful; of two alike the later one comes first."""
    return *_harm(frame), -frame.seconds


def _harm(part: FrameScores | ViewScores) -> tuple[int, float]:
    severity = -1 if part.decision is None else part.decision.severity
    return severity, part.unsafe or 0.0
