"""The ResNet for small images of He et al. 2016."""

from collections import OrderedDict

from torch import Tensor, nn


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
        """Return the activations, after the last ReLU."""
        inner = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(x)))))
        activations: Tensor = self.relu2(inner + self.shortcut(x))
        return activations


class ResNet(nn.Sequential):
    """The ResNet for small images of He et al. 2016 (section 4.2): three stages with 16, 32 and 64 channels.

    Theirs carries the input past a block that halves it by leaving out pixels and adding channels of zeros;
    here it is a projection, their option B, with batch norm.
    """

    def __init__(self, *, channels: int, n_classes: int, blocks_in_a_stage: int) -> None:
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
        layers["fc"] = nn.Linear(64, n_classes)
        super().__init__(layers)
