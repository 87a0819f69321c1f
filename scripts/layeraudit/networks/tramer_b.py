"""Dropout on the pixels, and strides in place of pooling: network B of Tramèr et al. 2018 (table 5)."""

from collections import OrderedDict

from torch import nn

from layeraudit.networks import Shape, count_outputs

TITLE = "Tramèr B"
REFERENCE = "Tramèr et al. 2018, https://arxiv.org/abs/1705.07204"
ENVIRONMENT = "torch"
OPTIONS: dict[str, object] = {}
LAYERS = ["relu1", "relu2", "relu3", "fc"]


def build(shape: Shape, n_classes: int) -> nn.Module:
    """Return the network."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        dropout0=nn.Dropout(0.2),
        conv1=nn.Conv2d(shape[0], 64, kernel_size=8, stride=2, padding=3),
        relu1=nn.ReLU(inplace=True),
        conv2=nn.Conv2d(64, 128, kernel_size=6, stride=2),
        relu2=nn.ReLU(inplace=True),
        conv3=nn.Conv2d(128, 128, kernel_size=5),
        relu3=nn.ReLU(inplace=True),
        dropout3=nn.Dropout(0.5),
        flatten=nn.Flatten(),
    )
    layers["fc"] = nn.Linear(count_outputs(layers, shape), n_classes)
    return nn.Sequential(layers)
