"""What whoever imports a model says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from figleaf.errors import InputError
from figleaf.models.card import Resample
from figleaf.models.writing import check_model_name


@dataclass(frozen=True, slots=True)
class ImportRules:
    """What the model's own files do not say, or say otherwise.

    Attributes:
        labels: the model's class -> ours, where figleaf does not know it (`map_labels`).
        name: of the model; by default what its folder is to be called.
        version: by default the beginning of the revision, or "1".
        license: by default what its model card says; "unknown" where nobody knows.
        revision: of a repository of the hub: a branch, a tag or a commit.
        onnx: the graph to take of Hugging Face's layout, where there are several.
        classes: of a TensorFlow.js model, in the order of its outputs.
        pixels: in what numbers such a model takes pixels: "0..1", "-1..1" or "0..255"; None for how
            nsfw_model takes them.
        resample: how pictures are resized for it; None for as TensorFlow.js does.
        size: (height, width) that it takes, where its files do not tell.
        logits: whether its outputs are what a softmax is still to be made of.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    version: str | None = None
    license: str | None = None
    revision: str | None = None
    onnx: str | None = None
    classes: tuple[str, ...] = ()
    pixels: str | None = None
    resample: Resample | None = None
    size: tuple[int, int] | None = None
    logits: bool = False

    def __post_init__(self) -> None:
        """Refuse, before any work is done, what no card should say.

        Raises:
            InputError: a name, version or licence that cannot be shown, or another model's name.
        """
        if self.name:
            check_model_name(self.name)
        for option, value in (("--version", self.version), ("--license", self.license)):
            if value and not value.isprintable():
                raise InputError(f"{option} {value!r}: has letters that cannot be printed")
