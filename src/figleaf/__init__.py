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
    from figleaf.auditing.audit import audit
    from figleaf.auditing.report import AuditReport
    from figleaf.auditing.rules import AuditRules
    from figleaf.classify.classifier import Classifier, load
    from figleaf.classify.crops import CropRules
    from figleaf.classify.explain import explain
    from figleaf.classify.explanation import Explanation
    from figleaf.classify.moving import FrameRules
    from figleaf.classify.policy import Policy, load_policy
    from figleaf.classify.prediction import Decision, FrameScores, Prediction, ViewScores
    from figleaf.curate.cleaning.clean import clean
    from figleaf.curate.cleaning.rules import CleanRules
    from figleaf.curate.restore import restore
    from figleaf.curate.screening.rules import ScreenRules
    from figleaf.curate.screening.screen import screen
    from figleaf.curate.splitting.rules import SplitChanges, SplitRules
    from figleaf.curate.splitting.split import check_split, split
    from figleaf.curate.stats import stats
    from figleaf.dataset.dataset import Dataset
    from figleaf.errors import FigleafError, Status
    from figleaf.evaluation.compare import Comparison, compare
    from figleaf.evaluation.evaluate import Evaluation, evaluate
    from figleaf.evaluation.policy_fit.fit import fit_policy
    from figleaf.evaluation.policy_fit.fitted import FittedPolicy
    from figleaf.evaluation.policy_fit.rules import FitRules
    from figleaf.evaluation.rules import EvaluateRules
    from figleaf.export.dataset import export_dataset
    from figleaf.export.tfjs.export import TfjsExport, export_tfjs
    from figleaf.images import Limits
    from figleaf.importing.importer import import_model
    from figleaf.importing.rules import ImportRules
    from figleaf.models.runtime import Precision
    from figleaf.pipeline.rules import RunRules
    from figleaf.pipeline.run import RunReport, run
    from figleaf.sources.collect import collect
    from figleaf.sources.rules import CollectRules
    from figleaf.training.finetune.rules import FinetuneRules
    from figleaf.training.report import TrainReport
    from figleaf.training.rules import TrainRules
    from figleaf.training.train import train
    from figleaf.web.export import export_web

__all__ = [
    "AuditReport",
    "AuditRules",
    "Classifier",
    "CleanRules",
    "CollectRules",
    "Comparison",
    "CropRules",
    "Dataset",
    "Decision",
    "EvaluateRules",
    "Evaluation",
    "Explanation",
    "FigleafError",
    "FinetuneRules",
    "FitRules",
    "FittedPolicy",
    "FrameRules",
    "FrameScores",
    "ImportRules",
    "Limits",
    "Policy",
    "Precision",
    "Prediction",
    "RunReport",
    "RunRules",
    "ScreenRules",
    "SplitChanges",
    "SplitRules",
    "Status",
    "TfjsExport",
    "TrainReport",
    "TrainRules",
    "ViewScores",
    "__version__",
    "audit",
    "check_split",
    "clean",
    "collect",
    "compare",
    "evaluate",
    "explain",
    "export_dataset",
    "export_tfjs",
    "export_web",
    "fit_policy",
    "import_model",
    "load",
    "load_policy",
    "restore",
    "run",
    "screen",
    "split",
    "stats",
    "train",
]

_HOMES = {
    "AuditReport": "figleaf.auditing.report",
    "AuditRules": "figleaf.auditing.rules",
    "Classifier": "figleaf.classify.classifier",
    "CleanRules": "figleaf.curate.cleaning.rules",
    "CollectRules": "figleaf.sources.rules",
    "Comparison": "figleaf.evaluation.compare",
    "CropRules": "figleaf.classify.crops",
    "Dataset": "figleaf.dataset.dataset",
    "Decision": "figleaf.classify.prediction",
    "EvaluateRules": "figleaf.evaluation.rules",
    "Evaluation": "figleaf.evaluation.evaluate",
    "Explanation": "figleaf.classify.explanation",
    "FigleafError": "figleaf.errors",
    "FinetuneRules": "figleaf.training.finetune.rules",
    "FitRules": "figleaf.evaluation.policy_fit.rules",
    "FittedPolicy": "figleaf.evaluation.policy_fit.fitted",
    "FrameRules": "figleaf.classify.moving",
    "FrameScores": "figleaf.classify.prediction",
    "ImportRules": "figleaf.importing.rules",
    "Limits": "figleaf.images",
    "Policy": "figleaf.classify.policy",
    "Precision": "figleaf.models.runtime",
    "Prediction": "figleaf.classify.prediction",
    "RunReport": "figleaf.pipeline.run",
    "RunRules": "figleaf.pipeline.rules",
    "ScreenRules": "figleaf.curate.screening.rules",
    "SplitChanges": "figleaf.curate.splitting.rules",
    "SplitRules": "figleaf.curate.splitting.rules",
    "Status": "figleaf.errors",
    "TfjsExport": "figleaf.export.tfjs.export",
    "TrainReport": "figleaf.training.report",
    "TrainRules": "figleaf.training.rules",
    "ViewScores": "figleaf.classify.prediction",
    "audit": "figleaf.auditing.audit",
    "check_split": "figleaf.curate.splitting.split",
    "clean": "figleaf.curate.cleaning.clean",
    "collect": "figleaf.sources.collect",
    "compare": "figleaf.evaluation.compare",
    "evaluate": "figleaf.evaluation.evaluate",
    "explain": "figleaf.classify.explain",
    "export_dataset": "figleaf.export.dataset",
    "export_tfjs": "figleaf.export.tfjs.export",
    "export_web": "figleaf.web.export",
    "fit_policy": "figleaf.evaluation.policy_fit.fit",
    "import_model": "figleaf.importing.importer",
    "load": "figleaf.classify.classifier",
    "load_policy": "figleaf.classify.policy",
    "restore": "figleaf.curate.restore",
    "run": "figleaf.pipeline.run",
    "screen": "figleaf.curate.screening.screen",
    "split": "figleaf.curate.splitting.split",
    "stats": "figleaf.curate.stats",
    "train": "figleaf.training.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
