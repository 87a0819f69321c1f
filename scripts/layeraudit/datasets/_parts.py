"""The two parts of a user's own data: what is held out, which class is which output, what rows are called."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layeraudit.datasets import Images
from layeraudit.errors import InputError

SEED = 0
"""Draws what is held out; the same rows give the same parts."""

MOST_CLASSES = 1_000_000

NUMBER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
"""A label that is a whole number."""


class Part(NamedTuple):
    """Rows of a part in the order in which they lie.

    Attributes
    ----------
    labels, ids : texts [n]
    """

    labels: NDArray[np.str_]
    ids: NDArray[np.str_]


@dataclass(frozen=True)
class Rows:
    """Rows of a data set, the training part first.

    Attributes
    ----------
    place : int64 [n], where each lies among the rows of all parts, one part after the other
    y, n_train, classes, ids : as `Images` has them
    """

    place: NDArray[np.int64]
    y: NDArray[np.int64]
    n_train: int
    classes: tuple[str, ...]
    ids: NDArray[np.str_]

    def show(self, x: NDArray[np.uint8]) -> Images:
        """Return the data set whose pixels, uint8 [n, c, h, w], are these."""
        return Images(x, self.y, self.n_train, self.classes, self.ids)


def name_parts(train: str, held_out: str | float) -> dict[str, Path]:
    """Return the path of each part by a name that tells it from the other: "" where there is one.

    The names are paths from the folder that has both.

    Raises
    ------
    InputError
        Where one is the other, or lies in it.
    """
    if not isinstance(held_out, str):
        return {"": Path(train)}
    first, second = Path(train).resolve(), Path(held_out).resolve()
    if first.is_relative_to(second) or second.is_relative_to(first):
        raise InputError(
            f"held_out is {held_out}, which shares rows with {train}, the training part, allowed is a path "
            "beside it, or the share that is to be drawn"
        )
    paths = [Path(os.path.abspath(path)) for path in (train, held_out)]  # noqa: PTH100  # links keep their names
    common = os.path.commonpath(paths)
    return {
        str(path.relative_to(common)): Path(given)
        for path, given in zip(paths, (train, held_out), strict=True)
    }


def arrange(parts: Sequence[Part], held_out: str | float, classes: Sequence[str] | None) -> Rows:
    """Arrange the rows of a data set, and print which class is which output of the network.

    Parameters
    ----------
    parts : the training part, then the held-out one unless it is to be drawn
    held_out : the share of each class that is drawn where there is one part
    classes : the classes in the order of the outputs, see `encode`

    Raises
    ------
    InputError
        Where a part has no rows, there are fewer than two classes, or a label is of none of them.
    """
    labels, ids = (np.concatenate(values) for values in zip(*parts, strict=True))
    n_train = len(parts[0].labels)
    if not n_train:
        raise InputError("the training part has no rows, allowed are one or more")
    y, names = encode(labels, ids, n_train, classes)
    if len(names) < 2:
        raise InputError(f"all labels are {names[0]!r}, allowed are two or more different ones")
    is_held_out = np.arange(len(y)) >= n_train if len(parts) > 1 else draw(y, float(held_out))
    if not is_held_out.any():
        why = "the held-out part is empty" if len(parts) > 1 else "no class has two"
        raise InputError(f"no rows are held out, since {why}, allowed are one or more")
    place = np.argsort(is_held_out, kind="stable")
    n_train = int(np.count_nonzero(~is_held_out))
    print(f"{len(names)} classes in the order of the network's outputs: {_list(names)}")
    for part, rows in (("training", place[:n_train]), ("held-out", place[n_train:])):
        counts = np.bincount(y[rows], minlength=len(names))
        if missing := [names[label] for label in np.flatnonzero(counts == 0)]:
            print(f"no row of the {part} part has one of these {len(missing)} labels: {_list(missing)}")
    return Rows(place, y[place], n_train, names, ids[place])


def encode(
    labels: NDArray[np.str_], ids: NDArray[np.str_], n_train: int, classes: Sequence[str] | None
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the output that each label stands for, int64 [n], and the classes in the order of outputs.

    Where all labels are numbers and `classes` has no numbers, a label is the number of an output, from 0.
    Else it is the name of a class; these sort as text unless `classes` orders them.

    Parameters
    ----------
    labels, ids : texts [n]
    n_train : rows of the training part, which come first and say what the classes are

    Raises
    ------
    InputError
        Where a label is of no class.
    """
    texts, row_of, inverse = np.unique(labels, return_index=True, return_inverse=True)
    if all(map(NUMBER.fullmatch, texts)) and not any(map(NUMBER.fullmatch, classes or ())):
        numbers = [int(text) for text in texts]
        known = range(MOST_CLASSES if classes is None else len(classes))
        names = tuple(map(str, range(min(max(numbers) + 1, len(known))))) if classes is None else classes
        allowed = f"0 to {len(known) - 1}, the numbers of outputs"
    else:
        names = np.unique(labels[:n_train]).tolist() if classes is None else classes
        known = range(len(names))
        place = {name: number for number, name in enumerate(names)}
        numbers = [place.get(text, -1) for text in texts.tolist()]
        allowed = f"the classes {_list(names)}, or others that `classes` names"
    unknown = [row for row, number in zip(row_of.tolist(), numbers, strict=True) if number not in known]
    if unknown:
        row = min(unknown)
        raise InputError(f"{ids[row]} has the label {str(labels[row])!r}, allowed are {allowed}")
    return np.array(numbers, dtype=np.int64)[inverse], tuple(names)


def draw(y: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Draw a share of each class, bool [n]: one row or more, but not all; none of a class of one row."""
    generator = np.random.default_rng(SEED)
    drawn = np.zeros(len(y), dtype=bool)
    of_classes = np.split(np.argsort(y, kind="stable"), np.cumsum(np.bincount(y))[:-1])
    for rows in of_classes:
        n = max(0, min(max(1, round(share * len(rows))), len(rows) - 1))
        drawn[generator.permutation(rows)[:n]] = True
    return drawn


def write_labels(values: NDArray[Any], of: Path) -> NDArray[np.str_]:
    """Return labels of a file as texts; those that are whole numbers are written without a point.

    Parameters
    ----------
    values : [n] numbers or texts

    Raises
    ------
    InputError
        Where they are neither, or one is missing or no whole number.
    """
    if values.ndim != 1 or values.dtype.kind not in "iubfU":
        raise InputError(
            f"the labels of {of} are {values.dtype} {list(values.shape)}, allowed are integers or texts [n]"
        )
    if values.dtype.kind == "f":
        refuse_rows(~np.isfinite(values), of, "has no label")
        refuse_rows(values % 1 != 0, of, "has a label that is no whole number")
        values = values.astype(np.int64)
    elif values.dtype.kind == "U":
        refuse_rows(values == "", of, "has no label")
    # Of whole numbers beside missing ones pandas makes 3.0, even where the missing ones are gone later.
    texts, inverse = np.unique(values.astype(np.str_), return_inverse=True)
    whole = [text.partition(".") for text in texts.tolist()]
    if all(NUMBER.fullmatch(before) and not after.strip("0") for before, _, after in whole):
        texts = np.array([before for before, _, _ in whole], dtype=np.str_)
    return texts[inverse]


def write_ids(values: NDArray[Any] | None, n: int, name: str, of: Path) -> NDArray[np.str_]:
    """Return the names of n rows: those that are given, or else the numbers of rows, after the part's name.

    Parameters
    ----------
    values : whole numbers or texts [n], or None
    name : of the part, see `name_parts`

    Raises
    ------
    InputError
        Where they are neither, are not as many, or one is missing.
    """
    if values is None:
        return np.array([f"{name}:{row}" if name else str(row) for row in range(n)], dtype=np.str_)
    if values.dtype.kind not in "iuU" or values.shape != (n,):
        raise InputError(
            f"the ids of {of} are {values.dtype} {list(values.shape)}, allowed are integers or texts [{n}]"
        )
    texts = values.astype(np.str_)
    refuse_rows(texts == "", of, "has no id")
    return texts


def refuse_rows(wrong: NDArray[np.bool_], of: Path, what: str) -> None:
    """Raise InputError where rows of a file are wrong, bool [n], with the first and what is wrong with it."""
    if wrong.any():
        raise InputError(f"row {wrong.argmax()} of {of} {what}, allowed are files without such rows")


def _list(names: Iterable[str]) -> str:
    return shorten(", ".join(islice(names, 100)), 300, placeholder=" ...")
