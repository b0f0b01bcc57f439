"""What comes of reading another project's model: all that a bundle is written of."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from figleaf.errors import ImportModelError
from figleaf.models.writing import write_bundle

_FIRST = "1"


@dataclass(frozen=True, slots=True)
class Imported:
    """A model that was read, and is not written yet.

    Attributes:
        card: as `models.card` reads it, but for the hashes, and perhaps the name, the version and
            the license: see `named`.
        graph: ONNX, as bundles have it.
        notes: what was understood and done, a line each, for whoever imports it to judge.
    """

    card: dict[str, Any]
    graph: bytes
    notes: tuple[str, ...] = ()

    def named(
        self,
        name: str,
        *,
        version: str | None = None,
        license: str | None = None,  # noqa: A002  # the card's word
    ) -> "Imported":
        """The same with a whole card.

        Args:
            name: the model's.
            version: by default what the source tells, else "1".
            license: by default what the source tells.

        Raises:
            ImportModelError: nobody tells the license.
        """
        told = license or self.card.get("license")
        if not told:
            raise ImportModelError(
                f"{name}: its files name no licence: give --license, as whoever made the model told"
                " it, or --license unknown"
            )
        first = {
            "format": self.card["format"],
            "name": name,
            "version": version or self.card.get("version", _FIRST),
        }
        return replace(self, card={**first, **self.card, **first, "license": told})

    def write(self, out: Path) -> Path:
        """Write the bundle.

        Raises:
            InputError, BundleError, ModelError: see `write_bundle`.
        """
        return write_bundle(out, self.card, self.graph)
