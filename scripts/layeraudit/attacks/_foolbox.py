"""How attacks of foolbox 3.3.4 are run: image by image the same, whatever the batches.

Images pass through in batches, and what becomes of one does not depend on the others but for float32
rounding. The network works in evaluation mode; it comes back as it was.
"""

import math
from collections.abc import Callable

import torch
from foolbox.attacks.base import FixedEpsilonAttack
from foolbox.criteria import Misclassification
from foolbox.models.pytorch import PyTorchModel
from torch import Tensor, nn
from tqdm import tqdm

from layeraudit.attacks._conditions import check_images, check_labels, check_number, frozen

Run = Callable[[PyTorchModel, Tensor, Tensor], Tensor]


def in_ball(attack: FixedEpsilonAttack, epsilon: float) -> Run:
    """Return a function that runs an attack within a ball."""

    def run(model: PyTorchModel, images: Tensor, labels: Tensor) -> Tensor:
        return attack.run(model, images, Misclassification(labels), epsilon=epsilon)

    return run


def run_attack(network: nn.Module, x: Tensor, y: Tensor, run: Run, *, batch_size: int) -> Tensor:
    """Run an attack on images, and return them attacked, float32 [n, c, h, w] in [0, 1].

    Raises
    ------
    InputError
        Where an image or a label is not within what is allowed.
    """
    check_number("batch_size", batch_size, above=0)
    check_images("x", x)
    with frozen(network):
        check_labels(y, n=len(x), n_classes=network(x[:1]).shape[1])
        model = PyTorchModel(network, bounds=(0, 1), device=x.device)
        batches = zip(x.split(batch_size), y.split(batch_size), strict=True)
        n_batches = math.ceil(len(x) / batch_size)
        progress = tqdm(batches, total=n_batches, desc="batches", disable=None)
        # tanh may round to beyond the box.
        return torch.cat([run(model, *batch).clamp(0, 1) for batch in progress])
