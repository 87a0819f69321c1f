"""One step along the sign of the gradient, within an L-infinity ball."""

from foolbox.attacks.fast_gradient_method import LinfFastGradientAttack
from torch import Tensor, nn

from layeraudit.attacks._conditions import check_number
from layeraudit.attacks._foolbox import in_ball, run_attack

TITLE = "FGSM"
REFERENCE = "Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572"
ENVIRONMENT = "foolbox"
OPTIONS = {
    "epsilon": {
        "description": "Radius of the ball; a pixel spans 0 to 1.",
        "type": "number",
        "minimum": 0.0001,
        "maximum": 1,
    },
}


def attack(network: nn.Module, x: Tensor, y: Tensor, *, epsilon: float, batch_size: int) -> Tensor:
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
    made = LinfFastGradientAttack()
    return run_attack(network, x, y, in_ball(made, epsilon), batch_size=batch_size)
