"""Many small steps along the sign of a gradient with momentum, within an L-infinity ball."""

import math
from typing import Any

from foolbox.attacks.mi_fgsm import LinfMomentumIterativeFastGradientMethod
from torch import Tensor, nn

from layeraudit.attacks._conditions import check_number
from layeraudit.attacks._foolbox import in_ball, run_attack
from layeraudit.errors import InputError

TITLE = "MI-FGSM"
REFERENCE = "Dong et al. 2018, https://arxiv.org/abs/1710.06081"
ENVIRONMENT = "foolbox"
OPTIONS = {
    "epsilon": {
        "description": "Radius of the ball; a pixel spans 0 to 1.",
        "type": "number",
        "minimum": 0.0001,
        "maximum": 1,
    },
    "step": {
        "description": "Length of a step.",
        "type": "number",
        "minimum": 1e-6,
        "maximum": 1,
    },
    "steps": {
        "description": "Steps.",
        "type": "integer",
        "minimum": 1,
        "maximum": 10_000,
    },
    "momentum": {
        "description": "Share of the last steps' gradients that is kept (mu).",
        "type": "number",
        "minimum": 0,
        "maximum": 1000,
    },
}


def attack(
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
    made = _MomentumIterativeAttack(abs_stepsize=step, steps=steps, momentum=momentum)
    return run_attack(network, x, y, in_ball(made, epsilon), batch_size=batch_size)


class _MomentumIterativeAttack(LinfMomentumIterativeFastGradientMethod):
    def normalize(self, gradients: Any, *, x: Any, bounds: object) -> Any:
        norm = gradients.raw.abs().sum(dim=(1, 2, 3), keepdim=True)
        return gradients / type(gradients)(norm.where(norm > 0, 1))
