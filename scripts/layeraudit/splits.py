"""Splits: which images a model is trained on, calibrated on and judged on."""

from collections.abc import Mapping
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
    n_classes : how many classes the data set has; by default as many as the labels need

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
    n_classes: int = 0

    def __post_init__(self) -> None:
        types = {"x": "float32", "y": "int64", "y_true": "int64", "is_poison": "bool", "source": "int64"}
        for name, dtype in types.items():
            array = getattr(self, name)
            dimensions = 4 if name == "x" else 1
            if array.dtype != dtype or array.ndim != dimensions or array.shape[:1] != self.x.shape[:1]:
                raise InputError(
                    f"{name} is {array.dtype} {list(array.shape)}, allowed is {dtype} of {dimensions} "
                    f"dimensions, as many rows as x, which is {list(self.x.shape)}"
                )
        outside = ~((self.x >= 0) & (self.x <= 1)).all(axis=(1, 2, 3))
        if outside.any():
            raise InputError(f"row {outside.argmax()} of x is not within [0, 1]")
        needed = int(max(self.y.max(initial=-1), self.y_true.max(initial=-1))) + 1
        n_classes = int(self.n_classes) or needed
        if n_classes < needed or min(self.y.min(initial=0), self.y_true.min(initial=0)) < 0:
            raise InputError(f"the labels go up to {needed - 1}, allowed are 0 to {n_classes - 1}")
        object.__setattr__(self, "n_classes", n_classes)

    def __len__(self) -> int:
        return len(self.x)


def draw_rows(
    rows: NDArray[np.int64], sizes: Mapping[str, int | None], generator: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """Draw disjoint simple random samples, so that rows of one cannot be told from those of another.

    Parameters
    ----------
    rows : int64 [n], different from each other
    sizes : rows in each sample; those of None share what the others leave, none of them empty

    Returns
    -------
    For each name in `sizes` the rows drawn, int64, in random order: the first of them are a sample too.

    Raises
    ------
    InputError
        Where there are too few rows.
    """
    open_ended = [name for name, size in sizes.items() if size is None]
    wanted = sum(size for size in sizes.values() if size is not None)
    if wanted + len(open_ended) > len(rows):
        least = f", {' and '.join(open_ended)} one or more" if open_ended else ""
        raise InputError(f"{' + '.join(sizes)} take {wanted} images{least}, allowed are up to {len(rows)}")
    share, more = divmod(len(rows) - wanted, max(1, len(open_ended)))
    shares = {name: share + (number < more) for number, name in enumerate(open_ended)}
    ends = np.cumsum([shares.get(name, size) for name, size in sizes.items()])
    parts = np.split(generator.permutation(rows)[: ends[-1]], ends[:-1])
    return dict(zip(sizes, parts, strict=True))


def take_clean(
    x: NDArray[np.uint8], y: NDArray[np.int64], rows: NDArray[np.int64], n_classes: int = 0
) -> Split:
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
        n_classes=n_classes,
    )


def take_first(split: Split, n: int) -> Split:
    """Take the first rows of a split.

    Raises
    ------
    InputError
        Where it has fewer, or none are asked for.
    """
    if not 1 <= n <= len(split):
        raise InputError(f"{n} images are asked for, allowed are 1 to {len(split)}, which the split has")
    return take(split, np.arange(n))


def take(split: Split, rows: NDArray[np.int64]) -> Split:
    """Take rows of a split, int64 [m], in their order."""
    arrays = {name: array[rows] for name, array in vars(split).items() if name != "n_classes"}
    return Split(**arrays, n_classes=split.n_classes)


def take_attacked(split: Split, x: NDArray[np.float32]) -> Split:
    """Take what attacks have made of all rows of a split, attack after attack, as a clean split.

    Parameters
    ----------
    x : float32 [attacks · n, c, h, w], the n rows of the split in their order, once for each attack
    """
    y_true, source = (np.tile(array, len(x) // len(split)) for array in (split.y_true, split.source))
    return Split(x, y_true, y_true, np.zeros(len(x), dtype=bool), source, split.n_classes)


def restore_sources(points: Split, sources: Split) -> NDArray[np.float32]:
    """Return the source image of each point, float32 [n, c, h, w].

    Raises
    ------
    InputError
        Where a point was made of none of the sources.
    """
    place = {row: i for i, row in enumerate(sources.source.tolist())}
    if missing := [row for row in points.source.tolist() if row not in place]:
        raise InputError(f"row {missing[0]} of the data set, the source of a point, is not among the sources")
    return sources.x[[place[row] for row in points.source.tolist()]]


def merge(first: Split, second: Split) -> Split:
    """Put the rows of the second split after those of the first."""
    return Split(
        x=np.concatenate([first.x, second.x]),
        y=np.concatenate([first.y, second.y]),
        y_true=np.concatenate([first.y_true, second.y_true]),
        is_poison=np.concatenate([first.is_poison, second.is_poison]),
        source=np.concatenate([first.source, second.source]),
        n_classes=max(first.n_classes, second.n_classes),
    )
