"""Tanh, and pooling: network C of Tramèr et al. 2018 (table 5).

Theirs has tanh before the pooling; the maximum of rising values is the value of the maximum, and so it is a
quarter of the work.
"""

from collections import OrderedDict

from torch import nn

from layeraudit.networks import Shape, count_outputs

TITLE = "Tramèr C"
REFERENCE = "Tramèr et al. 2018, https://arxiv.org/abs/1705.07204"
ENVIRONMENT = "torch"
OPTIONS: dict[str, object] = {}
LAYERS = ["tanh1", "tanh2", "relu3", "fc"]


def build(shape: Shape, n_classes: int) -> nn.Module:
    """Return the network."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(shape[0], 128, kernel_size=3),
        pool1=nn.MaxPool2d(2),
        tanh1=nn.Tanh(),
        conv2=nn.Conv2d(128, 64, kernel_size=3),
        pool2=nn.MaxPool2d(2),
        tanh2=nn.Tanh(),
        flatten=nn.Flatten(),
    )
    layers["fc1"] = nn.Linear(count_outputs(layers, shape), 128)
    layers["relu3"] = nn.ReLU(inplace=True)
    layers["fc"] = nn.Linear(128, n_classes)
    return nn.Sequential(layers)
