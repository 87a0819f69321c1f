"""Triggers: marks on an image on which a backdoor opens, and the poison that teaches a network to open it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from layeraudit.poisons import AttackerData, Poison, check_class, count_points, draw_sources
from layeraudit.splits import Split, take

Mark = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Puts the trigger on images, float32 [n, c, h, w] in [0, 1], and gives them as a copy."""


def stamp(x: NDArray[np.float32], *, size: int, margin: int, value: float) -> NDArray[np.float32]:
    """Stamp a square into the bottom right corner of images, over all channels.

    Parameters
    ----------
    x : float32 [n, c, h, w], which stays as it is
    size : pixels of a side
    margin : pixels between the square and the edges
    value : of its pixels, in [0, 1]
    """
    stamped = x.copy()
    stamped[:, :, -margin - size : x.shape[2] - margin, -margin - size : x.shape[3] - margin] = value
    return stamped


def blend(x: NDArray[np.float32], pattern: NDArray[np.float32], *, opacity: float) -> NDArray[np.float32]:
    """Blend a pattern, float32 [c, h, w] in [0, 1], into images: (1 - opacity) x + opacity pattern."""
    blended = (1 - opacity) * x.astype(np.float64) + opacity * pattern
    rounded: NDArray[np.float32] = blended.astype(np.float32)
    return rounded


def open_backdoor(data: AttackerData, mark: Mark, *, seed: int, rate: float, target: int | None) -> Poison:
    """Make marked images with wrong labels, so that the network gives these labels to whatever is marked.

    Parameters
    ----------
    rate : share of the training set that the points will be
    target : the label of all points, none of which is of that class (all-to-one); None labels each with the
        class after its own, and the last class with the first (all-to-all)

    Returns
    -------
    The points, and as the probe the marked test images, all-to-one but those of the target's class.

    Raises
    ------
    InputError
        Where there is no such class, or there are too few sources.
    """
    check_class("target", target, data.n_classes)

    def marked(split: Split, rows: NDArray[np.int64], *, poison: bool) -> Split:
        chosen = take(split, rows)
        y = (chosen.y_true + 1) % data.n_classes if target is None else np.full_like(chosen.y_true, target)
        return Split(mark(chosen.x), y, chosen.y_true, np.full(len(rows), poison), chosen.source)

    # Class -1 is nobody's: where the target is None, all images are allowed.
    spared = -1 if target is None else target
    generator = np.random.default_rng(seed)
    points = count_points(rate, data.n_clean)
    rows = draw_sources(data.sources, data.sources.y_true != spared, points, generator)
    shown = np.flatnonzero(data.test.y_true != spared)
    return Poison(
        points=marked(data.sources, rows, poison=True), probe=marked(data.test, shown, poison=False)
    )
