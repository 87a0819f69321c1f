"""What every attack asks for: a network that stays as it is, images in the box, options within reason."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from layeraudit.errors import InputError

ROUNDING = 2**-23
"""How far float32 may carry an image beyond a ball in L∞."""


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Keep a network in evaluation mode and its weights free of gradients; it comes back as it was.

    It is given copies of its inputs: one whose first layer works in place would change the images that an
    attack goes on with.
    """
    training = {module: module.training for module in network.modules()}
    with_gradient = [parameter for parameter in network.parameters() if parameter.requires_grad]
    network.eval()
    # No attack needs them, and without them a step takes two thirds of the time.
    network.requires_grad_(False)
    copying = network.register_forward_pre_hook(lambda _network, inputs: (inputs[0].clone(),))
    try:
        yield
    finally:
        copying.remove()
        for parameter in with_gradient:
            parameter.requires_grad_(True)
        for module, mode in training.items():
            module.training = mode


def check_number(name: str, value: float, *, above: float, up_to: float = math.inf) -> None:
    """Check that an option is a finite number within its limits.

    Raises
    ------
    InputError
        Where it is not.
    """
    if not above < value <= up_to or math.isinf(value):
        limit = "" if math.isinf(up_to) else f" up to {up_to:g}"
        raise InputError(f"{name} is {value}, allowed are numbers above {above:g}{limit}")


def check_images(name: str, x: Tensor) -> None:
    """Check that these are images, float32 [n, c, h, w] in [0, 1], at least one.

    Raises
    ------
    InputError
        Where they are not.
    """
    if x.dtype != torch.float32 or x.ndim != 4 or len(x) == 0:
        raise InputError(
            f"{name} is {x.dtype} {list(x.shape)}, allowed is torch.float32 [n, c, h, w], n above 0"
        )
    outside = ~((x >= 0) & (x <= 1)).flatten(start_dim=1).all(dim=1)
    if outside.any():
        raise InputError(f"row {int(outside.int().argmax())} of {name} is not within [0, 1]")


def check_labels(y: Tensor, *, n: int, n_classes: int) -> None:
    """Check that these are labels, int64 [n] below the number of classes.

    Raises
    ------
    InputError
        Where they are not.
    """
    if y.dtype != torch.int64 or y.shape != (n,):
        raise InputError(f"y is {y.dtype} {list(y.shape)}, allowed is torch.int64 [{n}], as x has rows")
    outside = (y < 0) | (y >= n_classes)
    if outside.any():
        row = int(outside.int().argmax())
        raise InputError(f"row {row} of y is {int(y[row])}, allowed are 0 to {n_classes - 1}")
