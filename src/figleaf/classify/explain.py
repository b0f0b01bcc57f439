"""Why: which parts of a picture a score is about, by the head at each place or by hiding parts."""

import os

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.classifier import Classifier
from figleaf.classify.explanation import Explanation, Heat, Method
from figleaf.classify.occlusion import Occlusion, occluded
from figleaf.classify.prediction import Prediction
from figleaf.classify.showing import Part, Shown
from figleaf.classify.source import Source
from figleaf.errors import ImageError, InputError, NoPlacesError
from figleaf.images.box import Box
from figleaf.models.placed import PlacedModel
from figleaf.models.shown import shown_of

AUTO = "auto"
UNSAFE = "unsafe"


class Explainer:
    """Explains what a classifier says of pictures. Its model is compiled once more, when needed.

    Args:
        classifier: which one; it stays the caller's to close.
        method: "places", "occlusion", or "auto": places where the model has them.
        occlusion: how pictures are hidden.

    Raises:
        NoPlacesError: "places" was asked for, and the model has none.
        InputError: another method.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        method: Method | str = AUTO,
        occlusion: Occlusion = Occlusion(),  # noqa: B008  # frozen, and shown in the documentation
    ) -> None:
        if method not in (AUTO, *Method):
            raise InputError(f"method must be {AUTO} or one of {', '.join(Method)}, not {method!r}")
        self.why_not_places = ""
        self._classifier = classifier
        self._occlusion = occlusion
        self._placed = None if method == Method.OCCLUSION else self._open(method == AUTO)

    @property
    def method(self) -> Method:
        """How pictures are explained; `why_not_places` says why not by places, if "auto" could."""
        return Method.OCCLUSION if self._placed is None else Method.PLACES

    def explain(
        self, source: Source, *, label: str | None = None, prediction: Prediction | None = None
    ) -> Explanation:
        """Explain a score of one input.

        Args:
            source: as for `Classifier.classify`. Of a moving picture it is the frame that decided,
                with the verdict "mean" the worst one; of a picture with crops the view that did.
            label: a class of the model; by default the unsafe score and, where the model has no
                class that the policy calls unsafe, the most probable class.
            prediction: what the classifier said of it, whole; by default it is asked.

        Raises:
            ImageError: it cannot be read, or is no usable picture.
            InputError: the model has no such class; no model was asked, since a list decided.
        """
        if prediction is None:
            source = _lasting(source)
            prediction = self._classifier.classify(source)
        if not prediction.ok:
            raise ImageError(prediction.status, prediction.reason)
        if not prediction.scores:
            raise InputError(f"{prediction.input}: {prediction.reason}: no model was asked")
        part = _deciding(prediction)
        shown = self._classifier.show(source, part)
        name, weights = self._explained(label, prediction)
        heats = self._heats(shown, part, weights)
        return Explanation(
            label=name,
            score=float(self._classifier.model.run([shown.prepared]).probabilities[0] @ weights),
            method=self.method,
            heats=heats,
            size=shown.size,
            part=part,
            small=shown.small,
            model=self._classifier.model.card.tag,
        )

    def _open(self, may_fail: bool) -> PlacedModel | None:
        try:
            return PlacedModel.of(self._classifier.model)
        except NoPlacesError as error:
            if not may_fail:
                raise
            self.why_not_places = str(error)
            return None

    def _explained(
        self, label: str | None, prediction: Prediction
    ) -> tuple[str, NDArray[np.float32]]:
        """What is explained, and the weight that each class has in it."""
        labels, policy = self._classifier.model.card.labels, self._classifier.policy
        if label is None:
            sums = [
                policy.unsafe_score({one: float(one == other) for one in labels})
                for other in labels
            ]
            if None not in sums:
                return UNSAFE, np.array(sums, np.float32)
            label = prediction.label
        if label not in labels:
            raise InputError(f"no class {label!r}: the model has {', '.join(labels)}")
        return label, np.array([one == label for one in labels], np.float32)

    def _heats(self, shown: Shown, part: Part, weights: NDArray[np.float32]) -> tuple[Heat, ...]:
        height, width = shown.size
        view = part.box or Box(0, 0, width, height)
        model = self._classifier.model
        size = round(view.height), round(view.width)
        specs = {spec.name: spec for spec in model.card.inputs}
        areas = {name: view.where(shown_of(size, spec), size) for name, spec in specs.items()}
        if self._placed is None:
            seen = list(areas.values())
            values, box = occluded(model, shown.prepared, seen, weights, self._occlusion)
            return (Heat(values, box, box),)
        grids = self._placed.run(shown.prepared)
        return tuple(
            Heat(
                grid @ weights,
                areas[one.input].where(one.window, specs[one.input].size),
                areas[one.input],
                one.input,
            )
            for one, grid in zip(self._placed.maps, grids, strict=True)
        )


def explain(
    classifier: Classifier,
    source: Source,
    *,
    method: Method | str = AUTO,
    label: str | None = None,
) -> Explanation:
    """Explain a score of one input; for several make an `Explainer`, which opens the model once.

    Args:
        classifier: whose score.
        source: as for `Classifier.classify`.
        method: "places", "occlusion", or "auto": places where the model has them.
        label: a class of the model; by default the unsafe score.

    Raises:
        ImageError, InputError, NoPlacesError: as `Explainer`.
    """
    return Explainer(classifier, method=method).explain(source, label=label)


def _lasting(source: Source) -> Source:
    """The same, so that it can be read twice."""
    is_path = isinstance(source, str | os.PathLike)
    return source if is_path or not hasattr(source, "read") else source.read()


def _deciding(prediction: Prediction) -> Part:
    """The part of the input that decided: whose scores are the input's, else the worst."""
    for frame in prediction.frames:
        if frame.scores == prediction.scores:
            return Part(seconds=frame.seconds)
    if prediction.frames:
        worst = max(prediction.frames, key=lambda frame: frame.unsafe or 0.0)
        return Part(seconds=worst.seconds)
    for view in prediction.views:
        if view.scores == prediction.scores:
            return Part(box=view.box)
    return Part()
