"""Networks as a user would have them: a factory each, whose weights come from a file."""

from torch import nn


def make_lite0(classes: int, size: int) -> nn.Module:
    """Return EfficientNet-lite0 with a linear layer of its own; it enlarges images to `size` pixels."""
    from efficientnet_lite_pytorch import EfficientNet

    backbone = EfficientNet.from_name("efficientnet-lite0")
    backbone._fc = nn.Linear(backbone._fc.in_features, classes)
    return nn.Sequential(nn.Upsample(size=(size, size), mode="bilinear"), backbone)


def make_digits() -> nn.Module:
    """Return a convolutional network for MNIST."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
