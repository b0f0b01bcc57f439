"""A net: a torch module from pictures to pooled features, and what is known of its weights."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor, nn

from figleaf.models.card import Input

UNKNOWN = "not known to figleaf; ask where the file of weights is from"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a net besides its layers.

    Attributes:
        name: "resnet50_thin", for example.
        input: how a picture becomes the net's input.
        width: of the features.
        license: of the weights.
        training_data: what the weights were trained on.
        source: where they come from, as a card has it.
    """

    name: str
    input: Input
    width: int
    license: str
    training_data: str
    source: Mapping[str, Any]


class Net(nn.Module):
    """From pictures to features.

    `forward` takes float32 RGB in 0..255 of shape (batch, height, width, 3), as
    `models.preprocess.prepare` gives it, and gives features of shape (batch, width), pooled.
    Normalisation is inside.

    Batch norm, where a net has it, always runs on the statistics that came with the weights, in
    training too: batches of fine-tuning are too small and too unlike for better ones. Its scales
    and offsets are trained like other weights.
    """

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.facts = facts

    @property
    def name(self) -> str:
        """The name that `open_net` knows it by."""
        return self.facts.name

    @property
    def input(self) -> Input:
        """How a picture becomes the input."""
        return self.facts.input

    @property
    def width(self) -> int:
        """Of the features."""
        return self.facts.width

    @property
    def license(self) -> str:
        """Of the weights."""
        return self.facts.license

    @property
    def training_data(self) -> str:
        """What the weights were trained on."""
        return self.facts.training_data

    @property
    def source(self) -> Mapping[str, Any]:
        """Where the weights come from, as a card has it."""
        return self.facts.source

    def forward(self, x: Tensor) -> Tensor:
        """Features of shape (batch, width), of pictures of shape (batch, height, width, 3)."""
        raise NotImplementedError

    def stages(self) -> list[list[nn.Parameter]]:
        """Every parameter once, in groups from the picture to the features."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all layers but batch norm."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def parameters_of(modules: Iterable[nn.Module]) -> list[nn.Parameter]:
    """The parameters of several modules, in order."""
    return [parameter for module in modules for parameter in module.parameters()]
