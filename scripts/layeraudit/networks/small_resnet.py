"""A ResNet for small images with one block in a stage."""

from torch import nn

from layeraudit.networks import Shape
from layeraudit.networks._resnet import ResNet

TITLE = "Small ResNet"
REFERENCE = "He et al. 2016, https://arxiv.org/abs/1512.03385"
ENVIRONMENT = "torch"
OPTIONS: dict[str, object] = {}
LAYERS = ["relu1", "block1", "block2", "block3", "fc"]


def build(shape: Shape, n_classes: int) -> nn.Module:
    """Return the network."""
    return ResNet(channels=shape[0], n_classes=n_classes, blocks_in_a_stage=1)
