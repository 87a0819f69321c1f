"""A finished attack, pushed further in a hidden layer, within an L-infinity ball."""

from torch import Tensor, nn

from layeraudit.attacks._intermediate_level import ila, projection
from layeraudit.attacks.bim import attack as bim

TITLE = "ILA"
REFERENCE = "Huang et al. 2019, https://arxiv.org/abs/1907.10823"
ENVIRONMENT = "foolbox"
OPTIONS = {
    "epsilon": {
        "description": "Radius of the ball; a pixel spans 0 to 1.",
        "type": "number",
        "minimum": 0.0001,
        "maximum": 1,
    },
    "steps": {
        "description": "Steps of the source attack, which is BIM, and of ILA together, half for each.",
        "type": "integer",
        "minimum": 2,
        "maximum": 10_000,
        "multipleOf": 2,
    },
    "layer": {"description": "Where it pushes.", "type": "string"},
}


def attack(
    network: nn.Module, x: Tensor, y: Tensor, *, epsilon: float, steps: int, layer: str, batch_size: int
) -> Tensor:
    """Attack by BIM, and fine-tune what comes out in a layer, from the clean images.

    Parameters
    ----------
    epsilon : the largest change of a pixel, above 0, up to 1
    steps : an even number; a step of BIM is 4 epsilon / steps, so that a pixel can cross the ball, one of ILA
        epsilon / 5, as its paper has it
    layer : the name of a module of the network

    Returns
    -------
    The attacked images, none farther from its original than `epsilon` and float32 rounding in L∞.

    Raises
    ------
    InputError
        Where an option, an image or a label is not within what is allowed, or the network has no such layer.
    """
    half = steps // 2
    guide = bim(network, x, y, epsilon=epsilon, step=2 * epsilon / half, steps=half, batch_size=batch_size)
    pushed = ila(
        network,
        x,
        guide,
        projection,
        layer=layer,
        from_guide=False,
        epsilon=epsilon,
        step=epsilon / 5,
        steps=steps - half,
        batch_size=batch_size,
    )
    return pushed.x
