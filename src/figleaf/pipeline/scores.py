"""A model's scores of the test part, kept: figures and pages can be made anew without the model."""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from figleaf.classify.policy import Policy
from figleaf.dataset.durable import replacing
from figleaf.errors import InputError, Status
from figleaf.evaluation.changed import Robustness
from figleaf.evaluation.labelled import Labelled
from figleaf.evaluation.scoring import ModelUsed, Scored
from figleaf.models.runtime import Precision

NAME = "scores.npz"


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of the scoring of some images.

    Attributes:
        scored: the scores, in the order of the images.
        changed: what changes of the pictures did.
    """

    scored: Scored
    changed: tuple[Robustness, ...]


def write_scores(path: Path, data: Labelled, scored: Scored, changed: Sequence[Robustness]) -> None:
    """Write scores; of the same ones the same bytes."""
    facts = {
        "used": asdict(scored.used),
        "classes": scored.classes,
        "statuses": list(map(str, scored.statuses)),
        "changed": [asdict(one) for one in changed],
    }
    arrays: dict[str, NDArray[Any]] = {
        "facts": np.frombuffer(json.dumps(facts).encode(), np.uint8),
        "hashes": np.frombuffer(bytes.fromhex("".join(data.hashes)), np.uint8).reshape(-1, 32),
        "probabilities": scored.probabilities,
    }
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            # With the archive's first day for a time, as NumPy's own would not have it.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())


def read_scores(path: Path, data: Labelled, policy: Policy) -> Kept:
    """Read the scores of just these images.

    Raises:
        InputError: the file is none of scores, or of other images.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            facts: dict[str, Any] = json.loads(arrays["facts"].tobytes())
            hashes = tuple(row.tobytes().hex() for row in arrays["hashes"])
            probabilities = arrays["probabilities"]
        used = ModelUsed(**facts["used"] | {"precision": Precision(facts["used"]["precision"])})
        scored = Scored(
            used,
            tuple(facts["classes"]),
            probabilities,
            tuple(map(Status, facts["statuses"])),
            policy,
        )
        changed = tuple(Robustness(**one) for one in facts["changed"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a file of scores ({error})") from error
    if hashes != data.hashes:
        raise InputError(f"{path}: scores of other images than {data.name}")
    return Kept(scored, changed)
