"""The networks that are audited, each under the name that the configuration gives it."""

from collections import OrderedDict
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


class TramerA(nn.Sequential):
    """Network A of Tramèr et al. 2018 (arXiv:1705.07204, table 5): two wide convolutions.

    Takes float32 [n, 1, 28, 28] in [0, 1] and gives logits, float32 [n, 10], as those below do.
    """

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(1, 64, kernel_size=5),
                relu1=nn.ReLU(inplace=True),
                conv2=nn.Conv2d(64, 64, kernel_size=5),
                relu2=nn.ReLU(inplace=True),
                dropout2=nn.Dropout(0.25),
                flatten=nn.Flatten(),
                fc1=nn.Linear(64 * 20 * 20, 128),
                relu3=nn.ReLU(inplace=True),
                dropout3=nn.Dropout(0.5),
                fc=nn.Linear(128, 10),
            )
        )


class TramerB(nn.Sequential):
    """Network B of Tramèr et al. 2018: dropout on the pixels, and strides in place of pooling."""

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                dropout0=nn.Dropout(0.2),
                conv1=nn.Conv2d(1, 64, kernel_size=8, stride=2, padding=3),
                relu1=nn.ReLU(inplace=True),
                conv2=nn.Conv2d(64, 128, kernel_size=6, stride=2),
                relu2=nn.ReLU(inplace=True),
                conv3=nn.Conv2d(128, 128, kernel_size=5),
                relu3=nn.ReLU(inplace=True),
                dropout3=nn.Dropout(0.5),
                flatten=nn.Flatten(),
                fc=nn.Linear(128, 10),
            )
        )


class TramerC(nn.Sequential):
    """Network C of Tramèr et al. 2018: tanh, and pooling.

    Theirs has tanh before the pooling; the maximum of rising values is the value of the maximum, and so it is
    a quarter of the work.
    """

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(1, 128, kernel_size=3),
                pool1=nn.MaxPool2d(2),
                tanh1=nn.Tanh(),
                conv2=nn.Conv2d(128, 64, kernel_size=3),
                pool2=nn.MaxPool2d(2),
                tanh2=nn.Tanh(),
                flatten=nn.Flatten(),
                fc1=nn.Linear(64 * 5 * 5, 128),
                relu3=nn.ReLU(inplace=True),
                fc=nn.Linear(128, 10),
            )
        )


class TramerD(nn.Sequential):
    """Network D of Tramèr et al. 2018: four fully connected layers, no convolution."""

    def __init__(self) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        for number, width in enumerate([784, 300, 300, 300], start=1):
            layers[f"fc{number}"] = nn.Linear(width, 300)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
            layers[f"dropout{number}"] = nn.Dropout(0.5)
        layers["fc"] = nn.Linear(300, 10)
        super().__init__(layers)


class LeNet(nn.Sequential):
    """LeNet-5 of LeCun et al. 1998, with ReLU and maxima in place of its squashing and averages."""

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(1, 6, kernel_size=5, padding=2),
                relu1=nn.ReLU(inplace=True),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(6, 16, kernel_size=5),
                relu2=nn.ReLU(inplace=True),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                fc1=nn.Linear(16 * 5 * 5, 120),
                relu3=nn.ReLU(inplace=True),
                fc2=nn.Linear(120, 84),
                relu4=nn.ReLU(inplace=True),
                fc=nn.Linear(84, 10),
            )
        )


class Residual(nn.Module):
    """A block of two 3 × 3 convolutions with batch norm, added to its input (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))
        self.relu2 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Give the activations, after the last ReLU."""
        inner = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(x)))))
        activations: Tensor = self.relu2(inner + self.shortcut(x))
        return activations


class ResNet(nn.Sequential):
    """The ResNet for small images of He et al. 2016 (section 4.2): three stages with 16, 32 and 64 channels.

    Theirs carries the input past a block that halves it by leaving out pixels and adding channels of zeros;
    here it is a projection, their option B, with batch norm.
    """

    def __init__(self, *, channels: int, blocks_in_a_stage: int) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=nn.Conv2d(channels, 16, kernel_size=3, padding=1, bias=False),
            norm1=nn.BatchNorm2d(16),
            relu1=nn.ReLU(inplace=True),
        )
        inputs = 16
        for number in range(3 * blocks_in_a_stage):
            outputs = 16 * 2 ** (number // blocks_in_a_stage)
            layers[f"block{number + 1}"] = Residual(inputs, outputs, stride=outputs // inputs)
            inputs = outputs
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        layers["fc"] = nn.Linear(64, 10)
        super().__init__(layers)


class SmallResNet(ResNet):
    """A ResNet with one block in a stage, for the images of MNIST."""

    def __init__(self) -> None:
        super().__init__(channels=1, blocks_in_a_stage=1)


class ResNet20(ResNet):
    """ResNet-20 of He et al. 2016, but for the projections of `ResNet`.

    Takes float32 [n, 3, 32, 32] in [0, 1] and gives logits, float32 [n, 10], as those below do.
    """

    def __init__(self) -> None:
        super().__init__(channels=3, blocks_in_a_stage=3)


class VGG11(nn.Sequential):
    """Configuration A of Simonyan & Zisserman 2015 (arXiv:1409.1556, table 1), as is usual for CIFAR-10.

    Theirs has no batch norm, and three fully connected layers with dropout, for images of 224 × 224; here the
    512 values that the last pooling leaves go to one.
    """

    def __init__(self) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        inputs = 3
        for number, outputs in enumerate([64, 128, 256, 256, 512, 512, 512, 512], start=1):
            layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)
            layers[f"norm{number}"] = nn.BatchNorm2d(outputs)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
            if number in (1, 2, 4, 6, 8):
                layers[f"pool{number}"] = nn.MaxPool2d(2)
            inputs = outputs
        layers["flatten"] = nn.Flatten()
        layers["fc"] = nn.Linear(512, 10)
        super().__init__(layers)


class AllConvolutional(nn.Sequential):
    """All-CNN-C of Springenberg et al. 2015 (arXiv:1412.6806, tables 1 and 2): strides in place of pooling.

    Theirs has a ReLU after the last convolution too; the averages of its maps are the logits, and without it
    they may be negative. Weights are drawn as He et al. 2015 (arXiv:1502.01852) do: without batch norm,
    torch's own leave the logits of all images the same to a ten-thousandth, and training starts late.
    """

    def __init__(self) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(dropout0=nn.Dropout(0.2))
        inputs = 3
        for number, (outputs, kernel_size, stride, padding) in enumerate(
            [
                (96, 3, 1, 1),
                (96, 3, 1, 1),
                (96, 3, 2, 1),
                (192, 3, 1, 1),
                (192, 3, 1, 1),
                (192, 3, 2, 1),
                (192, 3, 1, 0),
                (192, 1, 1, 0),
            ],
            start=1,
        ):
            layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, kernel_size, stride, padding)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
            if stride == 2:
                layers[f"dropout{number}"] = nn.Dropout(0.5)
            inputs = outputs
        layers["conv9"] = nn.Conv2d(192, 10, kernel_size=1)
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["logits"] = nn.Flatten()
        super().__init__(layers)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            else:
                nn.init.zeros_(parameter)


NETWORKS: dict[str, type[nn.Module]] = {
    "report_cnn": ReportCNN,
    "tramer_a": TramerA,
    "tramer_b": TramerB,
    "tramer_c": TramerC,
    "tramer_d": TramerD,
    "lenet": LeNet,
    "small_resnet": SmallResNet,
    "resnet20": ResNet20,
    "vgg11": VGG11,
    "all_convolutional": AllConvolutional,
}
"""The networks by their names in the configuration."""

LAYERS: dict[str, tuple[str, ...]] = {
    "report_cnn": ("relu1", "relu2", "relu3", "fc"),
    "tramer_a": ("relu1", "relu2", "relu3", "fc"),
    "tramer_b": ("relu1", "relu2", "relu3", "fc"),
    "tramer_c": ("tanh1", "tanh2", "relu3", "fc"),
    "tramer_d": ("relu1", "relu2", "relu3", "fc"),
    "lenet": ("relu1", "relu2", "relu3", "relu4", "fc"),
    "small_resnet": ("relu1", "block1", "block2", "block3", "fc"),
    "resnet20": ("relu1", "block3", "block6", "block9", "fc"),
    "vgg11": ("relu1", "relu2", "relu4", "relu6", "relu8", "fc"),
    "all_convolutional": ("relu2", "relu3", "relu5", "relu6", "relu8", "logits"),
}
"""Their layers from input to output, as they are after activation, in which an attack may push."""


OUTPUT = ""
"""The name of the network itself among its modules, whose output are the logits."""


def check_layers(network: nn.Module, layers: Iterable[str]) -> None:
    """Check that the network has the named layers.

    Raises
    ------
    InputError
        Where it has not, with the names that it has.
    """
    names = [name for name, _ in network.named_modules()]
    for layer in layers:
        if layer not in names:
            allowed = ", ".join(name for name in names if name)
            raise InputError(f"the network has no layer {layer!r}, allowed are {allowed}")


def predict(network: nn.Module, x: Tensor, *, batch_size: int) -> Tensor:
    """Give the label of each image, int64 [n]; the network is left in evaluation mode."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network(images).argmax(dim=1) for images in x.split(batch_size)])


def build_network(name: str) -> nn.Module:
    """Return one of `NETWORKS`, with weights drawn by torch's generator.

    Raises
    ------
    InputError
        Where there is none of this name.
    """
    if name not in NETWORKS:
        raise InputError(f"there is no network {name!r}, allowed are {', '.join(NETWORKS)}")
    return NETWORKS[name]()


def read_network(name: str, path: Path, *, channels_last: bool = True) -> nn.Module:
    """Return one of `NETWORKS` with its weights.

    Parameters
    ----------
    channels_last : whether they are laid out as processors are fastest with them; the last bits of what the
        network computes depend on it

    Raises
    ------
    InputError
        As `build_network` and `read_weights` do.
    """
    network = build_network(name)
    read_weights(network, path)
    if channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


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
