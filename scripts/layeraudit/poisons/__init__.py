"""Poisons: what an attacker adds to a training set.

There is a poison a module, found by its name in the configuration. The first line of its docstring is its
idea, which the leaderboard prints. A module has

    TITLE : its name, as tables, figures and pages print it
    REFERENCE : authors, year and link of its paper, as "Gu et al. 2017, https://arxiv.org/abs/1708.06733"; ""
        where it has none
    ENVIRONMENT : the file of `envs/`, without its ending, that has what it imports
    OPTIONS : its options, a JSON Schema for each name; all are required
    poison(data, *, seed, **options) : takes the attacker's `AttackerData` and gives a `Poison`

All but the function are literals, since the configuration is checked where the libraries are not installed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layeraudit.errors import InputError
from layeraudit.splits import Split, restore_sources


@dataclass(frozen=True)
class AttackerData:
    """What an attacker has.

    Attributes
    ----------
    sources : images that may become poison, of all classes; none of them is a clean training image
    validation : further images of the same kind
    test : held-out images, on which the attack is to show
    n_clean : clean training images beside which the poison will stand
    n_classes : classes that the network tells apart
    network : `method` and its options, as the configuration has them
    weights : the file of those that the victim starts from, of which it will train the last layer alone; None
        where it trains all layers from scratch
    """

    sources: Split
    validation: Split
    test: Split
    n_clean: int
    n_classes: int
    network: Mapping[str, Any] | None = None
    weights: Path | None = None


@dataclass(frozen=True)
class Poison:
    """What an attacker adds, and what it is to bring about.

    Attributes
    ----------
    points : rows for the training set, `is_poison` all; `y` is the label given, `y_true` that of the image,
        `source` the row of the source that a point is made of
    probe : test images as the attacker shows them, `is_poison` none, since nothing is trained on them; `y` is
        the label that he wants the network to give; no rows where he wants none in particular
    record : what else is known of the points, arrays [n] by their names
    """

    points: Split
    probe: Split
    record: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)


def describe_points(poison: Poison, sources: Split) -> dict[str, list[Any]]:
    """Return columns of a value a point: where it comes from, its labels, and what else is known of it.

    That is `row`, `source`, `y_true`, `y`, `distance` (L2, from its source image) and those of the record.

    Raises
    ------
    InputError
        Where a point was made of none of the sources.
    """
    points = poison.points
    move = points.x.astype(np.float64) - restore_sources(points, sources)
    columns = {
        "row": np.arange(len(points)),
        "source": points.source,
        "y_true": points.y_true,
        "y": points.y,
        "distance": np.linalg.norm(move.reshape(len(points), math.prod(move.shape[1:])), axis=1),
        **poison.record,
    }
    return {name: column.tolist() for name, column in columns.items()}


def count_points(rate: float, n_clean: int) -> int:
    """Count the points that are `rate` of a training set whose other rows are `n_clean`; one at least."""
    return max(1, round(rate * n_clean / (1 - rate)))


def check_class(name: str, label: int | None, n_classes: int) -> None:
    """Check that an option, unless it is None, is a class that the network tells apart.

    Raises
    ------
    InputError
        Where it is not.
    """
    if label is not None and not 0 <= label < n_classes:
        raise InputError(f"{name} is {label}, allowed are the classes 0 to {n_classes - 1}, or null")


def list_sources(sources: Split, allowed: NDArray[np.bool_], points: int) -> NDArray[np.int64]:
    """List the rows of the sources that are allowed, bool [n], int64, at least as many as there are points.

    Raises
    ------
    InputError
        Where there are too few.
    """
    rows = np.flatnonzero(allowed)
    if points > len(rows):
        raise InputError(
            f"{points} poison points are asked for, allowed are up to {len(rows)}, the images that the "
            f"attacker can make them of, among {len(sources)} sources"
        )
    return rows


def draw_sources(
    sources: Split, allowed: NDArray[np.bool_], points: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw rows of the sources, int64 [points], all different, among those that are allowed, bool [n].

    Raises
    ------
    InputError
        Where there are too few.
    """
    drawn: NDArray[np.int64] = generator.permutation(list_sources(sources, allowed, points))[:points]
    return drawn
