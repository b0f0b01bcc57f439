"""What comes of reading another project's model: all that a bundle is written of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figleaf.models.writing import write_bundle


@dataclass(frozen=True, slots=True)
class Imported:
    """A model that was read, and is not written yet.

    Attributes:
        card: as `models.card` reads it, but for the hashes and what whoever imports it is to say
            (`named`).
        graph: ONNX, as bundles have it.
        notes: what was understood and done, a line each, for whoever imports it to judge.
    """

    card: dict[str, Any]
    graph: bytes
    notes: tuple[str, ...] = ()

    def write(self, out: Path) -> Path:
        """Write the bundle.

        Raises:
            InputError, BundleError, ModelError: see `write_bundle`.
        """
        return write_bundle(out, self.card, self.graph)
