"""Several graphs run as one, whose features stand side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from figleaf.models.runtime import Arrays, Runtime


class JoinedRuntime:
    """A `Runtime` of several others, each of which has one input and the output `features`.

    Args:
        parts: what each input of the whole is called -> the runtime, and what it calls its own.
    """

    def __init__(self, parts: Mapping[str, tuple[Runtime, str]]) -> None:
        self.most = min(runtime.most for runtime, _ in parts.values())
        self._parts = parts

    def infer(self, inputs: Arrays, outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """See `Runtime`; there are features, and nothing else."""
        found = [
            runtime.infer({own: inputs[name]}, ["features"])["features"]
            for name, (runtime, own) in self._parts.items()
        ]
        return {"features": np.concatenate(found, axis=1)}
