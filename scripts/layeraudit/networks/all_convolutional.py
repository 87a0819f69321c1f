"""All-CNN-C of Springenberg et al. 2015 (tables 1 and 2): strides in place of pooling.

Theirs has a ReLU after the last convolution too; the averages of its maps are the logits, and without it they
may be negative. Weights are drawn as He et al. 2015 (arXiv:1502.01852) do: without batch norm, torch's own
leave the logits of all images the same to a ten-thousandth, and training starts late.
"""

from collections import OrderedDict

from torch import nn

from layeraudit.networks import Shape

TITLE = "All-CNN"
REFERENCE = "Springenberg et al. 2015, https://arxiv.org/abs/1412.6806"
ENVIRONMENT = "torch"
OPTIONS: dict[str, object] = {}
LAYERS = ["relu2", "relu3", "relu5", "relu6", "relu8", "logits"]


CONVOLUTIONS = [
    (96, 3, 1, 1),
    (96, 3, 1, 1),
    (96, 3, 2, 1),
    (192, 3, 1, 1),
    (192, 3, 1, 1),
    (192, 3, 2, 1),
    (192, 3, 1, 0),
    (192, 1, 1, 0),
]
"""Output channels, kernel size, stride and padding of each."""


def build(shape: Shape, n_classes: int) -> nn.Module:
    """Return the network."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(dropout0=nn.Dropout(0.2))
    inputs = shape[0]
    for number, (outputs, kernel_size, stride, padding) in enumerate(CONVOLUTIONS, start=1):
        layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, kernel_size, stride, padding)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        if stride == 2:
            layers[f"dropout{number}"] = nn.Dropout(0.5)
        inputs = outputs
    layers["conv9"] = nn.Conv2d(inputs, n_classes, kernel_size=1)
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["logits"] = nn.Flatten()
    network = nn.Sequential(layers)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        else:
            nn.init.zeros_(parameter)
    return network
