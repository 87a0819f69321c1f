"""A small white square, and a wrong label that goes with it."""

from functools import partial

from layeraudit.errors import InputError
from layeraudit.poisons import AttackerData, Poison
from layeraudit.poisons._triggers import open_backdoor, stamp

TITLE = "BadNets"
REFERENCE = "Gu et al. 2017, https://arxiv.org/abs/1708.06733"
ENVIRONMENT = "numpy"
OPTIONS = {
    "rate": {
        "description": "Share of the training set that is poison.",
        "type": "number",
        "minimum": 0.0001,
        "maximum": 0.5,
    },
    "target": {
        "description": "The label that marked images are to get; null is, for each class, the next.",
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": 999,
    },
    "size": {
        "description": "Pixels of a side of the square.",
        "type": "integer",
        "minimum": 1,
        "maximum": 1000,
    },
}

MARGIN = 1
"""Pixels between the square and the edges of the image, as in the paper's figure 3."""


def poison(data: AttackerData, *, seed: int, rate: float, target: int | None, size: int) -> Poison:
    """Stamp a white square on images and label them wrong, as `open_backdoor` does.

    Parameters
    ----------
    rate, target : as in `open_backdoor`
    size : pixels of a side of the square, which lies a pixel off the bottom right corner

    Raises
    ------
    InputError
        As `open_backdoor` does, and where the square is larger than the images.
    """
    most = min(data.sources.x.shape[2:]) - 2 * MARGIN
    if not 1 <= size <= most:
        raise InputError(f"size is {size}, allowed are 1 to {most}, so that the square is within the images")
    mark = partial(stamp, size=size, margin=MARGIN, value=1)
    return open_backdoor(data, mark, seed=seed, rate=rate, target=target)
