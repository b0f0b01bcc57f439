"""EfficientNet-Lite0, a general backbone.

Tan and Le, "EfficientNet", 2019 (arXiv 1905.11946); the Lite variants, without squeeze and
excitation and with ReLU6, are of tensorflow/tpu, models/official/efficientnet/lite.
"""

from dataclasses import dataclass
from itertools import islice

from torch import Tensor, nn

from figleaf.models.graph import same_pads
from figleaf.training.nets.layers import GlobalAverage, Normalise, PaddedConv2d
from figleaf.training.nets.net import Facts, Net, parameters_of

_SIDE = 224
_STEM = 32
_MEAN = 126.99  # .498 * 255
_DEVIATION = 128.01  # .502 * 255


@dataclass(frozen=True, slots=True)
class _Stage:
    blocks: int
    size: int
    stride: int
    expansion: int
    outputs: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


class InvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, narrow; beside a shortcut where the shapes agree.

    Args:
        inputs: channels.
        stage: what it is a block of.
        stride: of this block.
        side: of the square that it is given, which TensorFlow's padding SAME depends on.
    """

    def __init__(self, inputs: int, stage: _Stage, stride: int, side: int) -> None:
        super().__init__()
        middle = inputs * stage.expansion
        self.expand: nn.Module = nn.Identity()
        if stage.expansion > 1:
            self.expand = nn.Sequential(PaddedConv2d(inputs, middle, 1), nn.ReLU6(inplace=True))
        self.depthwise = _same(middle, middle, stage.size, stride, side, groups=middle)
        self.relu = nn.ReLU6(inplace=True)
        self.project = PaddedConv2d(middle, stage.outputs, 1)
        self._has_shortcut = stride == 1 and inputs == stage.outputs

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, side, side) to (batch, outputs, side', side')."""
        y: Tensor = self.project(self.relu(self.depthwise(self.expand(x))))
        return x + y if self._has_shortcut else y


class EfficientNetLite0(Net):
    """EfficientNet-Lite0, 1,280 features, for pictures of 224x224.

    Batch norm is folded into the convolutions, as the embedded weights have it, so that fine-tuning
    trains plain convolutions with biases. Padding is TensorFlow's SAME.
    """

    def __init__(self, facts: Facts) -> None:
        super().__init__(facts)
        self.normalise = Normalise([_MEAN] * 3, [_DEVIATION] * 3)
        self.stem = _same(3, _STEM, 3, 2, _SIDE)
        self.relu = nn.ReLU6(inplace=True)
        self.blocks = nn.Sequential(*_blocks())
        self.head = PaddedConv2d(_STAGES[-1].outputs, facts.width, 1)
        self.pool = GlobalAverage()

    def forward(self, x: Tensor) -> Tensor:
        """See Net."""
        x = self.blocks(self.relu(self.stem(self.normalise(x))))
        result: Tensor = self.pool(self.relu(self.head(x)))
        return result

    def stages(self) -> list[list[nn.Parameter]]:
        """The first convolution, the seven stages, the last convolution."""
        blocks = iter(self.blocks)
        groups = [parameters_of(islice(blocks, stage.blocks)) for stage in _STAGES]
        return [parameters_of([self.stem]), *groups, parameters_of([self.head])]

    def embedded_names(self) -> dict[str, str]:
        """For each convolution, by its name here, the node of the embedded graph."""
        names = {"stem": "_conv_stem", "head": "_conv_head"}
        for number, block in enumerate(self.blocks):
            names[f"blocks.{number}.depthwise"] = f"_blocks.{number}._depthwise_conv"
            names[f"blocks.{number}.project"] = f"_blocks.{number}._project_conv"
            if not isinstance(block.expand, nn.Identity):
                names[f"blocks.{number}.expand.0"] = f"_blocks.{number}._expand_conv"
        return names


def _blocks() -> list[InvertedResidual]:
    blocks, channels, side = [], _STEM, _SIDE // 2
    for stage in _STAGES:
        for number in range(stage.blocks):
            stride = 1 if number else stage.stride
            blocks.append(InvertedResidual(channels, stage, stride, side))
            channels, side = stage.outputs, side // stride
    return blocks


def _same(
    inputs: int, outputs: int, size: int, stride: int, side: int, groups: int = 1
) -> PaddedConv2d:
    pads = same_pads((side, side), (size, size), stride)
    return PaddedConv2d(inputs, outputs, size, stride=stride, pads=pads, groups=groups)
