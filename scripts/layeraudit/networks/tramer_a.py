"""Two wide convolutions: network A of Tramèr et al. 2018 (table 5)."""

from collections import OrderedDict

from torch import nn

from layeraudit.networks import Shape, count_outputs

TITLE = "Tramèr A"
REFERENCE = "Tramèr et al. 2018, https://arxiv.org/abs/1705.07204"
ENVIRONMENT = "torch"
OPTIONS: dict[str, object] = {}
LAYERS = ["relu1", "relu2", "relu3", "fc"]


def build(shape: Shape, n_classes: int) -> nn.Module:
    """Return the network."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(shape[0], 64, kernel_size=5),
        relu1=nn.ReLU(inplace=True),
        conv2=nn.Conv2d(64, 64, kernel_size=5),
        relu2=nn.ReLU(inplace=True),
        dropout2=nn.Dropout(0.25),
        flatten=nn.Flatten(),
    )
    layers["fc1"] = nn.Linear(count_outputs(layers, shape), 128)
    layers["relu3"] = nn.ReLU(inplace=True)
    layers["dropout3"] = nn.Dropout(0.5)
    layers["fc"] = nn.Linear(128, n_classes)
    return nn.Sequential(layers)
