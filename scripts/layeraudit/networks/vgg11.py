"""Configuration A of Simonyan & Zisserman 2015 (table 1), as is usual for CIFAR-10.

Theirs has no batch norm, and three fully connected layers with dropout, for images of 224 × 224; here the
values that the last pooling leaves go to one.
"""

from collections import OrderedDict

from torch import nn

from layeraudit.networks import Shape, count_outputs

TITLE = "VGG-11"
REFERENCE = "Simonyan & Zisserman 2015, https://arxiv.org/abs/1409.1556"
ENVIRONMENT = "torch"
OPTIONS: dict[str, object] = {}
LAYERS = ["relu1", "relu2", "relu4", "relu6", "relu8", "fc"]


def build(shape: Shape, n_classes: int) -> nn.Module:
    """Return the network."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = shape[0]
    for number, outputs in enumerate([64, 128, 256, 256, 512, 512, 512, 512], start=1):
        layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
        layers[f"norm{number}"] = nn.BatchNorm2d(outputs)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        if number in (1, 2, 4, 6, 8):
            layers[f"pool{number}"] = nn.MaxPool2d(2)
        inputs = outputs
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(count_outputs(layers, shape), n_classes)
    return nn.Sequential(layers)
