"""Evaluation: models on labelled images, against each other, and on pictures never seen.

The package has the name of its function, and can be called: `figleaf.evaluate(...)` is
`figleaf.evaluate.evaluation.evaluate(...)`.
"""

import sys
from types import ModuleType
from typing import Any


class _Package(ModuleType):
    """This package, which can be called."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        from figleaf.evaluate.evaluation import evaluate

        return evaluate(*args, **named)


sys.modules[__name__].__class__ = _Package
