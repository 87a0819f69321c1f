"""A faint random pattern blended into the image, and a wrong label that goes with it."""

from functools import partial

import numpy as np

from layeraudit.errors import InputError
from layeraudit.poisons import AttackerData, Poison
from layeraudit.poisons._triggers import blend, open_backdoor

TITLE = "Blended injection"
REFERENCE = "Chen et al. 2017, https://arxiv.org/abs/1712.05526"
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
    "opacity": {
        "description": "Weight of the pattern in a marked image, that of the image being the rest.",
        "type": "number",
        "minimum": 0.0001,
        "maximum": 1,
    },
}

SEED_OF_THE_PATTERN = 0
"""One pattern in all runs, so that seeds differ by images and weights, and not by how well it is seen."""


def poison(data: AttackerData, *, seed: int, rate: float, target: int | None, opacity: float) -> Poison:
    """Blend a pattern into images and label them wrong, as `open_backdoor` does.

    Each pixel of the pattern is uniform in [0, 1], the paper's random pattern.

    Parameters
    ----------
    rate, target : as in `open_backdoor`
    opacity : the paper's α, above 0, up to 1

    Raises
    ------
    InputError
        As `open_backdoor` does, and where the opacity is not within what is allowed.
    """
    if not 0 < opacity <= 1:
        raise InputError(f"opacity is {opacity}, allowed are numbers above 0 up to 1")
    generator = np.random.default_rng(SEED_OF_THE_PATTERN)
    pattern = generator.random(data.sources.x.shape[1:], dtype=np.float32)
    return open_backdoor(
        data, partial(blend, pattern=pattern, opacity=opacity), seed=seed, rate=rate, target=target
    )
