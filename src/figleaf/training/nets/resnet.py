"""ResNet-50: the reference's, and Yahoo's of half the width.

He et al., "Deep Residual Learning for Image Recognition", 2015 (arXiv 1512.03385).
"""

from dataclasses import dataclass

from torch import Tensor, nn

from figleaf.models.graph import Pads
from figleaf.training.nets.layers import GlobalAverage, Normalise, PaddedConv2d, PaddedMaxPool2d
from figleaf.training.nets.net import Facts, Net, parameters_of

_BLOCKS = (3, 4, 6, 3)
_STEM = 64
_EXPANSION = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """In what the two differ.

    Attributes:
        middle: the channels in the middle of the first stage's blocks; each stage doubles them.
        pool: the padding of the max pooling.
        stride_first: whether a block goes to half the size in its first convolution, as the paper
            has it, or in its second, as torchvision and timm have it.
        batch_norm: whether there is batch norm, or it is folded into the convolutions.
    """

    middle: int
    pool: Pads
    stride_first: bool
    batch_norm: bool


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 beside a shortcut; the names are torchvision's and timm's."""

    def __init__(self, inputs: int, middle: int, stride: int, plan: Plan) -> None:
        super().__init__()
        outputs = middle * _EXPANSION
        first, second = (stride, 1) if plan.stride_first else (1, stride)
        self.conv1 = _convolution(inputs, middle, 1, first, plan)
        self.bn1 = _norm(middle, plan)
        self.conv2 = _convolution(middle, middle, 3, second, plan)
        self.bn2 = _norm(middle, plan)
        self.conv3 = _convolution(middle, outputs, 1, 1, plan)
        self.bn3 = _norm(outputs, plan)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                _convolution(inputs, outputs, 1, stride, plan), _norm(outputs, plan)
            )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, height, width) to (batch, 4 * middle, height', width')."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        result: Tensor = self.relu(y + self.downsample(x))
        return result


class _ResNet(Net):
    def __init__(self, facts: Facts, normalise: Normalise, plan: Plan) -> None:
        super().__init__(facts)
        self.normalise = normalise
        self.conv1 = _convolution(3, _STEM, 7, 2, plan)
        self.bn1 = _norm(_STEM, plan)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = PaddedMaxPool2d(3, stride=2, pads=plan.pool)
        channels = [_STEM] + [plan.middle * _EXPANSION << stage for stage in range(4)]
        self.layer1 = _stage(channels[0], plan.middle, _BLOCKS[0], 1, plan)
        self.layer2 = _stage(channels[1], plan.middle * 2, _BLOCKS[1], 2, plan)
        self.layer3 = _stage(channels[2], plan.middle * 4, _BLOCKS[2], 2, plan)
        self.layer4 = _stage(channels[3], plan.middle * 8, _BLOCKS[3], 2, plan)
        self.pool = GlobalAverage()

    def forward(self, x: Tensor) -> Tensor:
        """See Net."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(self.normalise(x)))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        result: Tensor = self.pool(x)
        return result

    def stages(self) -> list[list[nn.Parameter]]:
        """The first convolution, then the four stages."""
        stem = parameters_of([self.conv1, self.bn1])
        return [stem, *(parameters_of([stage]) for stage in self._stages())]

    def _stages(self) -> tuple[nn.Sequential, ...]:
        return self.layer1, self.layer2, self.layer3, self.layer4


class ResNet50Thin(_ResNet):
    """Yahoo's open_nsfw: a ResNet-50 of half the width, 1,024 features.

    Batch norm is folded into the convolutions, as the embedded weights have it, so that fine-tuning
    trains plain convolutions with biases. Max pooling pads at the bottom and the right alone, and a
    stage goes to half the size in its first 1x1 convolution, as Caffe's ResNet does.
    """

    def __init__(self, facts: Facts) -> None:
        plan = Plan(middle=32, pool=(0, 0, 1, 1), stride_first=True, batch_norm=False)
        super().__init__(facts, Normalise((123, 117, 104)), plan)

    def embedded_names(self) -> dict[str, str]:
        """For each convolution, by its name here, the node of the embedded graph."""
        names = {"conv1": _thin("bn_1")}
        parts = {"conv1": "branch2a", "conv2": "branch2b", "conv3": "branch2c"}
        for stage, blocks in enumerate(_BLOCKS):
            for block in range(blocks):
                here, there = f"layer{stage + 1}.{block}", f"bn_stage{stage}_block{block}"
                names |= {f"{here}.{own}": _thin(f"{there}_{part}") for own, part in parts.items()}
            shortcut = _thin(f"bn_stage{stage}_block0_proj_shortcut")
            names[f"layer{stage + 1}.0.downsample.0"] = shortcut
        return names


class ResNet50(_ResNet):
    """ResNet-50, 2,048 features, under the names of torchvision's and timm's state dicts.

    Args:
        facts: what is known of the weights.
        mean, deviation: of the pixels in 0..255, red, green, blue; by default ImageNet's.
    """

    IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
    IMAGENET_DEVIATION = (0.229 * 255, 0.224 * 255, 0.225 * 255)

    def __init__(
        self,
        facts: Facts,
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        deviation: tuple[float, float, float] = IMAGENET_DEVIATION,
    ) -> None:
        plan = Plan(middle=64, pool=(1, 1, 1, 1), stride_first=False, batch_norm=True)
        super().__init__(facts, Normalise(mean, deviation), plan)


def _thin(name: str) -> str:
    return f"{name}/FusedBatchNormV3"


def _stage(inputs: int, middle: int, blocks: int, stride: int, plan: Plan) -> nn.Sequential:
    first = Bottleneck(inputs, middle, stride, plan)
    outputs = middle * _EXPANSION
    return nn.Sequential(first, *(Bottleneck(outputs, middle, 1, plan) for _ in range(blocks - 1)))


def _convolution(inputs: int, outputs: int, size: int, stride: int, plan: Plan) -> PaddedConv2d:
    half = size // 2
    pads = (half, half, half, half)
    return PaddedConv2d(inputs, outputs, size, stride=stride, pads=pads, bias=not plan.batch_norm)


def _norm(channels: int, plan: Plan) -> nn.Module:
    return nn.BatchNorm2d(channels) if plan.batch_norm else nn.Identity()
