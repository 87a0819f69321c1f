"""Three convolutions: the student report's CNN (Appendix A), that of Papernot & McDaniel 2018."""

from torch import Tensor, nn

from layeraudit.networks import Shape

TITLE = "Report's CNN"
REFERENCE = "Papernot & McDaniel 2018, https://arxiv.org/abs/1803.04765"
ENVIRONMENT = "torch"
OPTIONS: dict[str, object] = {}
LAYERS = ["relu1", "relu2", "relu3", "fc"]


class ReportCNN(nn.Module):
    """Of 28 × 28 pixels relu1, relu2 and relu3 make 12,544, 3,200 and 128 values."""

    def __init__(self, channels: int, n_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, kernel_size=8, stride=2, padding=3)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(64, 128, kernel_size=6, stride=2)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(128, 128, kernel_size=5, stride=1)
        self.relu3 = nn.ReLU(inplace=True)
        self.fc = nn.Linear(128, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = self.relu1(self.conv1(x))
        x = self.relu2(self.conv2(x))
        x = self.relu3(self.conv3(x))
        logits: Tensor = self.fc(x.flatten(start_dim=1))
        return logits


def build(shape: Shape, n_classes: int) -> nn.Module:
    """Return the network.

    Raises
    ------
    RuntimeError
        Where images are not of 28 × 28 pixels.
    """
    if shape[1:] != (28, 28):
        raise RuntimeError("allowed are 28 by 28 pixels")
    return ReportCNN(shape[0], n_classes)
