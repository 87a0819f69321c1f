"""Splits: which images a model is trained on, calibrated on and judged on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layeraudit.errors import InputError


@dataclass(frozen=True)
class Split:
    """Images with their labels and where they come from.

    Attributes
    ----------
    x : float32 [n, c, h, w] in [0, 1]
    y : int64 [n], the label given
    y_true : int64 [n], the label before poisoning
    is_poison : bool [n]
    source : int64 [n], the row in the original data set

    Raises
    ------
    InputError
        Where a shape, a type or a value is another.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    y_true: NDArray[np.int64]
    is_poison: NDArray[np.bool_]
    source: NDArray[np.int64]

    def __post_init__(self) -> None:
        types = {"x": "float32", "y": "int64", "y_true": "int64", "is_poison": "bool", "source": "int64"}
        for name, dtype in types.items():
            array = getattr(self, name)
            dimensions = 4 if name == "x" else 1
            if array.dtype != dtype or array.ndim != dimensions or len(array) != len(self.x):
                raise InputError(
                    f"{name} is {array.dtype} {list(array.shape)}, "
                    f"allowed is {dtype} of {dimensions} dimensions, as many rows as x ({len(self.x)})"
                )
        outside = ~((self.x >= 0) & (self.x <= 1)).all(axis=(1, 2, 3))
        if outside.any():
            raise InputError(f"row {outside.argmax()} of x is not within [0, 1]")

    def __len__(self) -> int:
        return len(self.x)


def draw_rows(
    labels: NDArray[np.int64],
    sizes: Mapping[str, int],
    *,
    classes: Sequence[int],
    generator: np.random.Generator,
) -> dict[str, NDArray[np.int64]]:
    """Draw disjoint sets of rows, each with equally many rows of every class.

    Parameters
    ----------
    labels : int64 [n]
    sizes : rows in each set, each a multiple of the number of classes
    classes : the labels to draw from; rows of other labels are in no set

    Returns
    -------
    For each name in `sizes` the rows drawn, int64, ascending.

    Raises
    ------
    InputError
        Where a size is no multiple of the number of classes, or a class has too few rows.
    """
    drawn: dict[str, list[NDArray[np.int64]]] = {name: [] for name in sizes}
    for name, size in sizes.items():
        if size % len(classes):
            raise InputError(f"{name} is {size} images, allowed are multiples of the {len(classes)} classes")
    for label in classes:
        rows = generator.permutation(np.flatnonzero(labels == label))
        wanted = sum(sizes.values()) // len(classes)
        if wanted > len(rows):
            raise InputError(
                f"{' + '.join(sizes)} take {wanted} images of class {label}, allowed are up to {len(rows)}"
            )
        start = 0
        for name, size in sizes.items():
            stop = start + size // len(classes)
            drawn[name].append(rows[start:stop])
            start = stop
    return {name: np.sort(np.concatenate(parts)) for name, parts in drawn.items()}


def take_clean(x: NDArray[np.uint8], y: NDArray[np.int64], rows: NDArray[np.int64]) -> Split:
    """Take rows of a data set as a clean split.

    Parameters
    ----------
    x : uint8 [n, c, h, w], 255 becomes 1
    y : int64 [n]
    rows : int64 [m], the rows of `x` and `y` to take
    """
    return Split(
        x=(x[rows] / np.float32(255)).astype(np.float32),
        y=y[rows],
        y_true=y[rows],
        is_poison=np.zeros(len(rows), dtype=bool),
        source=rows,
    )


def merge(first: Split, second: Split) -> Split:
    """Put the rows of the second split after those of the first."""
    return Split(
        x=np.concatenate([first.x, second.x]),
        y=np.concatenate([first.y, second.y]),
        y_true=np.concatenate([first.y_true, second.y_true]),
        is_poison=np.concatenate([first.is_poison, second.is_poison]),
        source=np.concatenate([first.source, second.source]),
    )
