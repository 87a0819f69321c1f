"""The form of MNIST's files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layeraudit.datasets import Images


def read_idx(folder: Path, *, classes: tuple[str, ...]) -> Images:
    """Return the images of MNIST, or of a data set in its form, from files that are verified."""
    parts = [read_part(folder, part) for part in ("train", "test")]
    x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Images(x, y, len(parts[0][1]), classes)


def read_part(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the images and labels of a part, `train` or `test`.

    The images follow a header of four numbers, the labels one of two, each of four bytes (LeCun, Cortes and
    Burges, "The MNIST database of handwritten digits").

    Returns
    -------
    uint8 [n, 1, 28, 28] and int64 [n].
    """
    stem = {"train": "train", "test": "t10k"}[part]
    x = np.fromfile(folder / f"{stem}-images-idx3-ubyte", np.uint8, offset=16)
    y = np.fromfile(folder / f"{stem}-labels-idx1-ubyte", np.uint8, offset=8)
    return x.reshape(-1, 1, 28, 28), y.astype(np.int64)
