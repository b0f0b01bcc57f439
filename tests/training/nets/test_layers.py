"""The layers that torch lacks, by hand."""

import torch

from figleaf.training.nets.layers import GlobalAverage, Normalise, PaddedConv2d, PaddedMaxPool2d


def test_normalise_takes_pictures_as_they_are_prepared() -> None:
    pictures = torch.arange(24.0).reshape(1, 2, 4, 3)
    result = Normalise((0, 1, 2), (1, 2, 4))(pictures)
    assert result.shape == (1, 3, 2, 4)
    torch.testing.assert_close(result[0, 2], pictures[0, :, :, 2] / 4 - 0.5)
    assert not Normalise((0, 1, 2)).state_dict()


def test_what_pooling_pads_is_never_the_largest() -> None:
    x = -1 - torch.arange(16.0).reshape(1, 1, 4, 4)
    result = PaddedMaxPool2d(3, stride=2, pads=(0, 0, 1, 1))(x)
    torch.testing.assert_close(result, torch.tensor([[[[-1.0, -3.0], [-9.0, -11.0]]]]))


def test_a_convolution_pads_each_side_by_itself() -> None:
    layer = PaddedConv2d(1, 1, 2, pads=(1, 0, 0, 2), bias=False)
    torch.nn.init.ones_(layer.weight)
    result = layer(torch.ones(1, 1, 2, 2))
    expected = [[2.0, 1, 0], [4, 2, 0]]  # a row above, two columns to the right
    torch.testing.assert_close(result, torch.tensor([[expected]]))


def test_an_even_padding_is_the_same_either_way() -> None:
    torch.manual_seed(0)
    layer = PaddedConv2d(2, 4, 3, stride=2, pads=(1, 1, 1, 1), groups=2)
    assert layer.padding == (1, 1)
    x = torch.randn(1, 2, 7, 7)
    odd = PaddedConv2d(2, 4, 3, stride=2, pads=(1, 1, 1, 2), groups=2)
    odd.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(x), odd(x))  # at stride 2, the further column is not reached


def test_the_average_is_over_height_and_width() -> None:
    x = torch.arange(12.0).reshape(1, 3, 2, 2)
    torch.testing.assert_close(GlobalAverage()(x), torch.tensor([[1.5, 5.5, 9.5]]))
