"""Held-out images, rotated."""

from torch import Tensor, nn

from layeraudit.torchvision_beside_cpu_torch import torchvision

TITLE = "Rotated"
REFERENCE = ""
ENVIRONMENT = "torch"
OPTIONS = {
    "degrees": {
        "description": "By how much, counter-clockwise.",
        "type": "number",
        "minimum": -360,
        "maximum": 360,
    },
}


def attack(_network: nn.Module, x: Tensor, _y: Tensor, *, degrees: float, batch_size: int) -> Tensor:
    """Rotate images about their centre, bilinearly; what comes into view from outside is 0."""
    rotated: Tensor = torchvision.transforms.functional.rotate(
        x, degrees, interpolation=torchvision.transforms.InterpolationMode.BILINEAR
    )
    # The weights of four pixels may add up to more than 1 by a rounding.
    return rotated.clamp(0, 1)
