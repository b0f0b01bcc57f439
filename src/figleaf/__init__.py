"""figleaf: NSFW image classification on your own machine.

    import figleaf

    with figleaf.load() as classifier:
        prediction = classifier.classify("photo.jpg", top_k=5)
    print(prediction.label, prediction.scores, prediction.decision)

The public names are imported when they are first used, so that `import figleaf` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from figleaf._version import __version__

if TYPE_CHECKING:
    from figleaf.classify.classifier import Classifier, load
    from figleaf.classify.policy import Policy, load_policy
    from figleaf.classify.prediction import Decision, Prediction
    from figleaf.curate.stats import stats
    from figleaf.dataset.dataset import Dataset
    from figleaf.errors import FigleafError, Status
    from figleaf.export.dataset import export_dataset
    from figleaf.images import Limits
    from figleaf.models.runtime import Precision
    from figleaf.sources.collect import collect
    from figleaf.sources.rules import CollectRules

__all__ = [
    "Classifier",
    "CollectRules",
    "Dataset",
    "Decision",
    "FigleafError",
    "Limits",
    "Policy",
    "Precision",
    "Prediction",
    "Status",
    "__version__",
    "collect",
    "export_dataset",
    "load",
    "load_policy",
    "stats",
]

_HOMES = {
    "Classifier": "figleaf.classify.classifier",
    "CollectRules": "figleaf.sources.rules",
    "Dataset": "figleaf.dataset.dataset",
    "Decision": "figleaf.classify.prediction",
    "FigleafError": "figleaf.errors",
    "Limits": "figleaf.images",
    "Policy": "figleaf.classify.policy",
    "Precision": "figleaf.models.runtime",
    "Prediction": "figleaf.classify.prediction",
    "Status": "figleaf.errors",
    "collect": "figleaf.sources.collect",
    "export_dataset": "figleaf.export.dataset",
    "load": "figleaf.classify.classifier",
    "load_policy": "figleaf.classify.policy",
    "stats": "figleaf.curate.stats",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
