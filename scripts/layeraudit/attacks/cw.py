"""The smallest change in L2 that is found to make the network err."""

import math
from typing import Any

import torch
from foolbox.attacks.carlini_wagner import L2CarliniWagnerAttack
from foolbox.criteria import Misclassification
from foolbox.models.pytorch import PyTorchModel
from torch import Tensor, nn

from layeraudit.attacks._conditions import check_number
from layeraudit.attacks._foolbox import run_attack
from layeraudit.errors import InputError

TITLE = "CW"
REFERENCE = "Carlini & Wagner 2017, https://arxiv.org/abs/1608.04644"
ENVIRONMENT = "foolbox"
OPTIONS = {
    "confidence": {
        "description": "By how much the wrong logit is to exceed the right one (kappa).",
        "type": "number",
        "minimum": 0,
        "maximum": 1000,
    },
    "initial_constant": {
        "description": "The first weight of misclassification against distance (c).",
        "type": "number",
        "minimum": 1e-6,
        "maximum": 1e6,
    },
    "binary_search_steps": {
        "description": "How many constants are tried, ten times the last where nothing is found yet.",
        "type": "integer",
        "minimum": 1,
        "maximum": 20,
    },
    "steps": {
        "description": "Steps of Adam for each constant.",
        "type": "integer",
        "minimum": 1,
        "maximum": 10_000,
    },
    "learning_rate": {
        "description": "Step size of Adam.",
        "type": "number",
        "minimum": 1e-6,
        "maximum": 10,
    },
}


def attack(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    confidence: float,
    initial_constant: float,
    binary_search_steps: int,
    steps: int,
    learning_rate: float,
    batch_size: int,
) -> Tensor:
    """Attack by the L2 method of Carlini & Wagner 2017 (arXiv:1608.04644), of all that it meets the nearest.

    Minimises ‖x' − x‖² + c · max(0, Z(x')_y − max_j≠y Z(x')_j + κ) over tanh-transformed pixels with Adam,
    from x itself, once for each c. An image's c grows tenfold until an attack is found, then it is
    bisected. Adam never stops early: foolbox would judge by the loss of the whole batch. An image that
    stays with no attack comes back as it was, bit for bit; one that the network errs on already, by more
    than κ, comes back within 10⁻⁶ a pixel, which is what the transformation costs.

    Parameters
    ----------
    confidence : κ, the lead that the wrong class's logit must have, at least 0
    initial_constant : the first c, above 0
    binary_search_steps : values of c tried, at least 1
    steps : of Adam for each c, at least 1
    learning_rate : of Adam, above 0

    Returns
    -------
    The attacked images; their distances are not bounded.

    Raises
    ------
    InputError
        Where an option, an image or a label is not within what is allowed.
    """
    if not 0 <= confidence < math.inf:
        raise InputError(f"confidence is {confidence}, allowed are numbers from 0")
    check_number("initial_constant", initial_constant, above=0)
    check_number("binary_search_steps", binary_search_steps, above=0)
    check_number("steps", steps, above=0)
    check_number("learning_rate", learning_rate, above=0)
    made = L2CarliniWagnerAttack(
        binary_search_steps=binary_search_steps,
        steps=steps,
        stepsize=learning_rate,
        confidence=confidence,
        initial_const=initial_constant,
        abort_early=False,
    )

    def run(model: PyTorchModel, images: Tensor, labels: Tensor) -> Tensor:
        criterion = _Misclassified(labels)
        attacked = made.run(model, images, criterion)
        # Where it finds nothing foolbox gives a black image.
        return torch.where(criterion.found[:, None, None, None], attacked, images)

    return run_attack(network, x, y, run, batch_size=batch_size)


class _Misclassified(Misclassification):
    """Misclassification that remembers which images it has held for at least once.

    Attributes
    ----------
    found : bool [n]
    """

    def __init__(self, labels: Tensor) -> None:
        super().__init__(labels)
        self.found = torch.zeros_like(labels, dtype=torch.bool)

    def __call__(self, perturbed: Any, outputs: Any) -> Any:
        holds = super().__call__(perturbed, outputs)
        self.found |= holds.raw
        return holds
