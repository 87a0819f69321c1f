"""LeNet-5 of LeCun et al. 1998, with ReLU and maxima in place of its squashing and averages."""

from collections import OrderedDict

from torch import nn

from layeraudit.networks import Shape, count_outputs

TITLE = "LeNet"
REFERENCE = "LeCun et al. 1998, https://doi.org/10.1109/5.726791"
ENVIRONMENT = "torch"
OPTIONS: dict[str, object] = {}
LAYERS = ["relu1", "relu2", "relu3", "relu4", "fc"]


def build(shape: Shape, n_classes: int) -> nn.Module:
    """Return the network."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(shape[0], 6, kernel_size=5, padding=2),
        relu1=nn.ReLU(inplace=True),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(6, 16, kernel_size=5),
        relu2=nn.ReLU(inplace=True),
        pool2=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
    )
    layers["fc1"] = nn.Linear(count_outputs(layers, shape), 120)
    layers["relu3"] = nn.ReLU(inplace=True)
    layers["fc2"] = nn.Linear(120, 84)
    layers["relu4"] = nn.ReLU(inplace=True)
    layers["fc"] = nn.Linear(84, n_classes)
    return nn.Sequential(layers)
