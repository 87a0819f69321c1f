"""Four fully connected layers, no convolution: network D of Tramèr et al. 2018 (table 5)."""

from collections import OrderedDict
from math import prod

from torch import nn

from layeraudit.networks import Shape

TITLE = "Tramèr D"
REFERENCE = "Tramèr et al. 2018, https://arxiv.org/abs/1705.07204"
ENVIRONMENT = "torch"
OPTIONS: dict[str, object] = {}
LAYERS = ["relu1", "relu2", "relu3", "fc"]


def build(shape: Shape, n_classes: int) -> nn.Module:
    """Return the network."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for number, width in enumerate([prod(shape), 300, 300, 300], start=1):
        layers[f"fc{number}"] = nn.Linear(width, 300)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        layers[f"dropout{number}"] = nn.Dropout(0.5)
    layers["fc"] = nn.Linear(300, n_classes)
    return nn.Sequential(layers)
