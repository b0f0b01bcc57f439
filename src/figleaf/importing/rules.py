"""What whoever imports a model says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImportRules:
    """What the model's own files do not say, or say otherwise.

    Attributes:
        labels: the model's class -> ours, where figleaf does not know it (`map_labels`).
        name: of the model; by default what its folder is called.
        version: by default the beginning of the revision, or "1".
        license: by default what its model card says; "unknown" where nobody knows.
        onnx: the ONNX file to take, where there are several.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    version: str | None = None
    license: str | None = None
    onnx: str | None = None
