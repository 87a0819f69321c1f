"""Standard attacks on inputs, made with foolbox 3.3.4: FGSM, BIM, MI-FGSM and CW.

Each takes a network that gives logits, images, float32 [n, c, h, w] in [0, 1], and their true labels, int64
[n], on the network's device, and returns the attacked images, float32 [n, c, h, w] in [0, 1], in the same
order. None is targeted and none draws at random. The images pass through in batches, and what becomes of
one does not depend on the others but for float32 rounding. The network works in evaluation mode; it comes
back as it was.
"""

import math
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from layeraudit.attacks.conditions import check_images, check_labels, check_number, frozen
from layeraudit.errors import InputError

# foolbox imports GitPython for its model zoo, which refuses to be imported where no git is on the PATH.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
from foolbox.attacks.base import FixedEpsilonAttack
from foolbox.attacks.basic_iterative_method import LinfBasicIterativeAttack
from foolbox.attacks.carlini_wagner import L2CarliniWagnerAttack
from foolbox.attacks.fast_gradient_method import LinfFastGradientAttack
from foolbox.attacks.mi_fgsm import LinfMomentumIterativeFastGradientMethod
from foolbox.criteria import Misclassification
from foolbox.models.pytorch import PyTorchModel


def fgsm(network: nn.Module, x: Tensor, y: Tensor, *, epsilon: float, batch_size: int) -> Tensor:
    """Attack by the fast gradient sign method of Goodfellow et al. 2015 (arXiv:1412.6572).

    A single step of length `epsilon` against the sign of the gradient of the cross-entropy. An image that
    the network errs on already is attacked like any other. A pixel whose gradient is 0 stays as it is; with
    a network so sure of an image that float32 knows no gradient, so does the whole image.

    Parameters
    ----------
    epsilon : the largest change of a pixel, above 0, up to 1

    Returns
    -------
    The attacked images, none farther from its original than `epsilon` and 2⁻²³ (float32 rounding) in L∞.

    Raises
    ------
    InputError
        Where an option, an image or a label is not within what is allowed.
    """
    check_number("epsilon", epsilon, above=0, up_to=1)
    attack = LinfFastGradientAttack()
    return _attack(network, x, y, _in_ball(attack, epsilon), batch_size=batch_size)


def bim(
    network: nn.Module, x: Tensor, y: Tensor, *, epsilon: float, step: float, steps: int, batch_size: int
) -> Tensor:
    """Attack by the basic iterative method of Kurakin et al. 2017 (arXiv:1607.02533).

    Steps as in `fgsm` from the image itself, no random start, each followed by a projection to the L∞ ball
    of radius `epsilon` round the image, then to the box. All steps are made, whatever the network says on
    the way, and so they are where it errs from the start.

    Parameters
    ----------
    epsilon : the largest change of a pixel, above 0, up to 1
    step : the change of a pixel in one step, above 0, up to 1
    steps : at least 1

    Returns
    -------
    The attacked images, none farther from its original than `epsilon` and 2⁻²³ (float32 rounding) in L∞.

    Raises
    ------
    InputError
        Where an option, an image or a label is not within what is allowed.
    """
    check_number("epsilon", epsilon, above=0, up_to=1)
    check_number("step", step, above=0, up_to=1)
    check_number("steps", steps, above=0)
    attack = LinfBasicIterativeAttack(abs_stepsize=step, steps=steps, random_start=False)
    return _attack(network, x, y, _in_ball(attack, epsilon), batch_size=batch_size)


def mi_fgsm(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    step: float,
    steps: int,
    momentum: float,
    batch_size: int,
) -> Tensor:
    """Attack by the momentum iterative method of Dong et al. 2018 (arXiv:1710.06081).

    `bim` that steps along the sign of g ← μ g + ∇ / ‖∇‖₁, from g = 0 (their equation 6). The norm is that of
    an image's own gradient; foolbox's own attack of this name adds up the signs of the gradients instead.

    Parameters
    ----------
    epsilon, step, steps : as in `bim`
    momentum : μ, at least 0; 0 is `bim`

    Returns
    -------
    The attacked images, none farther from its original than `epsilon` and 2⁻²³ (float32 rounding) in L∞.

    Raises
    ------
    InputError
        Where an option, an image or a label is not within what is allowed.
    """
    check_number("epsilon", epsilon, above=0, up_to=1)
    check_number("step", step, above=0, up_to=1)
    check_number("steps", steps, above=0)
    if not 0 <= momentum < math.inf:
        raise InputError(f"momentum is {momentum}, allowed are numbers from 0")
    attack = _MomentumIterativeAttack(abs_stepsize=step, steps=steps, momentum=momentum)
    return _attack(network, x, y, _in_ball(attack, epsilon), batch_size=batch_size)


class _MomentumIterativeAttack(LinfMomentumIterativeFastGradientMethod):
    def normalize(self, gradients: Any, *, x: Any, bounds: object) -> Any:
        norm = gradients.raw.abs().sum(dim=(1, 2, 3), keepdim=True)
        return gradients / type(gradients)(norm.where(norm > 0, 1))


def cw(
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
    attack = L2CarliniWagnerAttack(
        binary_search_steps=binary_search_steps,
        steps=steps,
        stepsize=learning_rate,
        confidence=confidence,
        initial_const=initial_constant,
        abort_early=False,
    )

    def run(model: PyTorchModel, images: Tensor, labels: Tensor) -> Tensor:
        criterion = _Misclassified(labels)
        attacked = attack.run(model, images, criterion)
        # Where it finds nothing foolbox gives a black image.
        return torch.where(criterion.found[:, None, None, None], attacked, images)

    return _attack(network, x, y, run, batch_size=batch_size)


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


_Run = Callable[[PyTorchModel, Tensor, Tensor], Tensor]


def _in_ball(attack: FixedEpsilonAttack, epsilon: float) -> _Run:
    def run(model: PyTorchModel, images: Tensor, labels: Tensor) -> Tensor:
        return attack.run(model, images, Misclassification(labels), epsilon=epsilon)

    return run


def _attack(network: nn.Module, x: Tensor, y: Tensor, run: _Run, *, batch_size: int) -> Tensor:
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
