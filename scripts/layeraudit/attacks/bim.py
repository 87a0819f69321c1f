"""Many small steps along the sign of the gradient, within an L-infinity ball."""

from foolbox.attacks.basic_iterative_method import LinfBasicIterativeAttack
from torch import Tensor, nn

from layeraudit.attacks._conditions import check_number
from layeraudit.attacks._foolbox import in_ball, run_attack

TITLE = "BIM"
REFERENCE = "Kurakin et al. 2017, https://arxiv.org/abs/1607.02533"
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
}


def attack(
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
    made = LinfBasicIterativeAttack(abs_stepsize=step, steps=steps, random_start=False)
    return run_attack(network, x, y, in_ball(made, epsilon), batch_size=batch_size)
