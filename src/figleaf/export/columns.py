"""The columns of an exported image, in every form that has some."""

from typing import TYPE_CHECKING, Any

from figleaf.dataset.dataset import arrow_schema
from figleaf.dataset.rows import Row

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    *("sha256", "label", "split", "format", "width", "height", "size", "pdq", "pdq_quality"),
    *("part", "fold", "representative", "parent", "seconds", "origins"),
)
"""Those of `Row`, but for the path, and for what only an image that is set aside has."""


def values(row: Row, part: str | None) -> dict[str, Any]:
    """An image's columns.

    Args:
        row: the image.
        part: the one that it is exported in, which stands as its split; None for its own split.
    """
    found = {name: getattr(row, name) for name in COLUMNS}
    return found | {"split": part or row.split, "origins": list(row.origins)}


def kinds() -> "dict[str, pa.DataType]":
    """The Arrow types of the columns.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    schema = arrow_schema()
    return {name: schema.field(name).type for name in ("path", *COLUMNS)}
