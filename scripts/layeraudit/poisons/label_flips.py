"""Images as they are, with a wrong label."""

import numpy as np

from layeraudit.errors import InputError
from layeraudit.poisons import AttackerData, Poison, check_class, count_points, draw_sources
from layeraudit.splits import Split, take

TITLE = "Label flips"
REFERENCE = ""
ENVIRONMENT = "numpy"
OPTIONS = {
    "rate": {
        "description": "Share of the training set that is poison.",
        "type": "number",
        "minimum": 0.0001,
        "maximum": 0.5,
    },
    "source": {
        "description": "The class whose images get a wrong label; null is all of them, at random.",
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": 999,
    },
    "target": {
        "description": "The label that they get; null, with no source, is any wrong one, at random.",
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": 999,
    },
}


def poison(data: AttackerData, *, seed: int, rate: float, source: int | None, target: int | None) -> Poison:
    """Label images wrong.

    Parameters
    ----------
    rate : share of the training set that the points will be
    source, target : the class of the images and their label; or both None, for images of all classes, each
        with one of the other labels, all as likely

    Returns
    -------
    The points, and as the probe the test images of the source class with the target's label, none where there
    is no target.

    Raises
    ------
    InputError
        Where there is no such class, the two are one, only one is given, or there are too few sources.
    """
    check_class("source", source, data.n_classes)
    check_class("target", target, data.n_classes)
    if (source is None) != (target is None) or (source is not None and source == target):
        raise InputError(
            f"source is {source} and target is {target}, allowed are two different classes, or null for both"
        )
    generator = np.random.default_rng(seed)
    points = count_points(rate, data.n_clean)
    allowed = data.sources.y_true == source if source is not None else np.ones(len(data.sources), bool)
    chosen = take(data.sources, draw_sources(data.sources, allowed, points, generator))
    if target is None:
        y = (chosen.y_true + generator.integers(1, data.n_classes, points)) % data.n_classes
        shown = np.zeros(0, dtype=np.int64)
    else:
        y = np.full(points, target, dtype=np.int64)
        shown = np.flatnonzero(data.test.y_true == source)
    test = take(data.test, shown)
    wanted = np.full(len(test), -1 if target is None else target, dtype=np.int64)
    return Poison(
        points=Split(chosen.x, y, chosen.y_true, np.ones(points, dtype=bool), chosen.source),
        probe=Split(test.x, wanted, test.y_true, np.zeros(len(test), dtype=bool), test.source),
    )
