"""The networks that are audited, each under the name that the configuration gives it."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from layeraudit.errors import InputError


class ReportCNN(nn.Module):
    """The report's CNN (Appendix A), that of Papernot & McDaniel 2018 for MNIST.

    Takes float32 [n, 1, 28, 28] in [0, 1] and gives logits, float32 [n, 10]. Its layers relu1, relu2,
    relu3 and fc have 12,544, 3,200, 128 and 10 dimensions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, kernel_size=8, stride=2, padding=3)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(64, 128, kernel_size=6, stride=2)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(128, 128, kernel_size=5, stride=1)
        self.relu3 = nn.ReLU(inplace=True)
        self.fc = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Give the logits."""
        x = self.relu1(self.conv1(x))
        x = self.relu2(self.conv2(x))
        x = self.relu3(self.conv3(x))
        logits: Tensor = self.fc(x.flatten(start_dim=1))
        return logits


NETWORKS = {"report_cnn": ReportCNN}
"""The networks by their names in the configuration."""


def check_layers(network: nn.Module, layers: Iterable[str]) -> None:
    """Check that the network has the named layers.

    Raises
    ------
    InputError
        Where it has not, with the names that it has.
    """
    names = [name for name, _ in network.named_modules() if name]
    for layer in layers:
        if layer not in names:
            raise InputError(f"the network has no layer {layer!r}, allowed are {', '.join(names)}")


def read_weights(network: nn.Module, path: Path) -> None:
    """Read a `state_dict` into the network.

    Raises
    ------
    InputError
        Where the file is missing or holds anything but tensors, where the weights are those of another
        network, or where they are not finite.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(weights)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except Exception as error:  # torch.load raises what its parsers raise, of many types
        reason = f"a {type(network).__name__}: {' '.join(str(error).split())[:200]}"
        raise InputError(f"{path} does not hold the weights of {reason}") from None
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {name} holds NaN or infinity, allowed are finite numbers")
